"""Whether this identity may write what the policy's lockdowns need, by ARM's permissions call."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from workers.arm.read.rights.permissions import Permission, allowed, permissions_at
from workers.arm.read.rights.places import Group, places_of
from workers.arm.session.clients import Azure
from workers.arm.steps.rights import RIGHTS, Right, groups_needed
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.errors import StartgateError
from workers.runtime.checks import Check, Failed

_AT_ONCE = 20
"""Questions to ARM side by side: it allows 25 reads a second."""
_NAMED = 3
"""Resource groups that a line names before it counts them."""

Subscriptions = Sequence[tuple[str, str]]
"""Ids and names."""


def rights_checks(
    azure: Azure,
    profiles: Sequence[LockdownProfile],
    subscriptions: Callable[[], Awaitable[Subscriptions]],
) -> list[Check]:
    """A check for each step that a lockdown uses; Azure is asked once for all of them.

    Args:
        azure: asked.
        profiles: every lockdown that the policy may use.
        subscriptions: those whose VMs are guarded; raises ``Failed``.
    """
    steps = tuple(step for step in StepName if any(step in profile.steps for profile in profiles))
    asked: list[asyncio.Task[_Known]] = []

    async def look(step: StepName) -> str:
        if not asked:
            # Nothing is awaited before it is kept: the others, who look meanwhile, share what is asked here.
            asked.append(azure.run(_ask(azure, profiles, steps, subscriptions)))
        try:
            return _verdict(step, await asyncio.shield(asked[0]))
        except StartgateError as error:
            raise Failed(error.diagnostics()) from None

    return [
        Check(
            name=f"Azure rights to {step.spec.verb}",
            look=lambda step=step: look(step),  # type: ignore[misc]
            remedy="give this identity the role Reader on the subscription, so that it can be asked",
        )
        for step in steps
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What was asked: where each right is needed, and what is allowed there, or why Azure didn't say."""

    needed: Mapping[StepName, tuple[tuple[Right, Group], ...]]
    allowed: Mapping[Group, tuple[Permission, ...] | StartgateError]
    names: Mapping[str, str]


async def _ask(
    azure: Azure,
    profiles: Sequence[LockdownProfile],
    steps: Sequence[StepName],
    subscriptions: Callable[[], Awaitable[Subscriptions]],
) -> _Known:
    guarded = await subscriptions()
    found = await asyncio.gather(*(places_of(azure, key) for key, _ in guarded))
    needed = {
        step: tuple(
            (right, group)
            for places in found
            for right in RIGHTS[step]
            for group in sorted(set(groups_needed(step, right.place, places, profiles)))
        )
        for step in steps
    }
    groups = list(dict.fromkeys(group for wanted in needed.values() for _, group in wanted))
    slots = asyncio.Semaphore(_AT_ONCE)

    async def at(group: Group) -> tuple[Permission, ...] | StartgateError:
        async with slots:
            try:
                return await permissions_at(azure, *group)
            except StartgateError as error:
                return error

    answers = await asyncio.gather(*map(at, groups))
    names = {key.lower(): name for key, name in guarded}
    return _Known(needed=needed, allowed=dict(zip(groups, answers, strict=True)), names=names)


def _verdict(step: StepName, known: _Known) -> str:
    """That all is there.

    Raises:
        Failed: a right is missing; says which, where, and what gives it.
        StartgateError: Azure did not say.
    """
    missing: defaultdict[str, set[Group]] = defaultdict(set)
    roles: dict[str, None] = {}
    groups = set()
    for right, group in known.needed[step]:
        groups.add(group)
        answer = known.allowed[group]
        if isinstance(answer, StartgateError):
            raise answer
        if not allowed(right.action, answer):
            missing[right.action].add(group)
            roles[right.role] = None
    if missing:
        raise Failed(
            "; ".join(f"{action} is missing in {_named(where, known)}" for action, where in missing.items()),
            remedy=f"give this identity there the role {' and '.join(roles)}, or a role with "
            f"{'this action' if len(missing) == 1 else 'these actions'}",
        )
    return f"all there, in {len(groups)} resource group{'' if len(groups) == 1 else 's'}"


def _named(groups: set[Group], known: _Known) -> str:
    said = [
        f"{group.name} ({known.names.get(group.subscription_id, group.subscription_id)})"
        for group in sorted(groups)[:_NAMED]
    ]
    more = len(groups) - len(said)
    return ", ".join(said) + (f" and {more} more resource group{'' if more == 1 else 's'}" if more else "")
