"""Defender: turn on Defender for Servers for one VM, at the level that Azure allows there, Plan 1.

A VM that is covered already, by its own plan or its subscription's, is left as it is. Nothing is written
before it is on record what was: the first look records it, and the next one acts. So a worker that dies in
between never takes its own plan for the former one.
Source: https://learn.microsoft.com/azure/defender-for-cloud/tutorial-enable-servers-plan
"""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from workers.arm.read.defender.plans import (
    SERVERS,
    ServersPlan,
    plan_words,
    scope_of,
    servers_plan,
    subscription_plan,
    vm_plan,
)
from workers.arm.read.machine import gone
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, asking
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

PLAN = "P1"
"""All that Azure takes for a single VM."""
LOOK_S = 2.0
"""Seconds until the next look while somebody else writes the plan."""
_RECORDED = "recorded"

_AGENT = "Azure installs Defender for Endpoint when the VM runs next; it stays after a restore"
"""Source: https://learn.microsoft.com/azure/defender-for-cloud/tutorial-enable-servers-plan, its note."""


class Defender(StepRunner):
    """The ``StepRunner`` that turns Defender for Servers on for a VM."""

    name = StepName.DEFENDER

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Which plan it gets; whether it has one is read when it begins."""
        if vm.classic:
            return _left_out(vm, _CLASSIC)
        found = facts.defender
        has = (
            f"its subscription has {plan_words(found.subscription_plan)}"
            if found and found.subscription_plan
            else "Defender plan"
        )
        return Change(
            summary=f"turn on Defender for Servers {plan_words(PLAN)}, unless the VM has a plan",
            details=(f"{vm.name}: {has}; its own is read when it begins", _AGENT),
        )

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Read the plan and record it, or set it if an earlier attempt has recorded it."""
        if vm.classic:
            return Progress(done=True, change=_left_out(vm, _CLASSIC))
        if earlier is not None and earlier.after:
            return await self._set(vm, earlier)
        now = await self._read(vm)
        if now.on:
            return Progress(done=True, note=f"{now.words} already, read back", change=_nothing(vm, now))
        if not now.own and (await subscription_plan(self._azure, vm.subscription_id)).enforced:
            return Progress(done=True, change=_left_out(vm, _ENFORCED))
        note = f"Defender for Servers: {now.words} → {plan_words(PLAN)}"
        return Progress.waiting(_RECORDED, 0, note, _change(vm, now))

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Set the plan that was recorded; once it was done, prove that it still holds."""
        if step.token and step.change is not None:
            return await self._set(vm, step.change)
        now = await self._read(vm)
        if now.on:
            return Progress(done=True, note=f"{now.words}, read back")
        return Progress(done=False, again=True, undone=True, note="Defender for Servers is off")

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Give the VM its former plan back, unless somebody has given it another one since."""
        if step.change is None or not step.change.after:
            return Progress(done=True, note="left as it was before")
        try:
            return await self._back(vm, step.change.before, step.token)
        except Busy as busy:
            return Progress.waiting(step.token, LOOK_S, str(busy))
        except NotFound:
            return Progress(done=True, note="the VM no longer exists")

    async def _back(self, vm: VmRef, before: dict[str, Any], token: str) -> Progress:
        now = await vm_plan(self._azure, vm)
        if not _is_former(now, before):
            if not (now.own and now.sub_plan == PLAN):
                said = f"it has {now.words} now: somebody changed it since, and it is left as it is"
                return Progress(done=True, note=said)
            await self._give_back(vm, before)
            now = await vm_plan(self._azure, vm)
        if _is_former(now, before):
            return Progress(done=True, note=f"{now.words}, as before, read back")
        return Progress.waiting(token, LOOK_S, "the former plan was written, but does not read back yet")

    async def _set(self, vm: VmRef, change: Change) -> Progress:
        now = await self._read(vm)
        failed: tuple[str, ...] = ()
        if not now.on:
            try:
                failed = (await self._write(vm, {"pricingTier": "Standard", "subPlan": PLAN})).failed
            except Busy as busy:
                return Progress.waiting(_RECORDED, LOOK_S, str(busy), change)
            now = await self._read(vm)
        if not now.on:
            return Progress(done=False, again=True, note="the plan was written, but does not read back")
        said = f"; not set up by Azure: {'; '.join(failed)}" if failed else ""
        if not now.own:  # the subscription was given a plan meanwhile
            change = _nothing(vm, now)
        return Progress(done=True, note=f"{now.words}, read back{said}", change=change)

    async def _give_back(self, vm: VmRef, before: dict[str, Any]) -> None:
        if before.get("own"):
            # Off is the only other plan of its own that it can have had.
            former = {"pricingTier": "Free", "extensions": list(before.get("extensions") or [])}
            await self._write(vm, former)
            return
        async with asking(f"take the Defender plan of {vm.name} back"):
            await self._azure.security(vm.subscription_id).pricings.delete(scope_of(vm), SERVERS)

    async def _write(self, vm: VmRef, properties: dict[str, Any]) -> ServersPlan:
        return await write_plan(self._azure, vm.subscription_id, scope_of(vm), properties, of=vm.name)

    async def _read(self, vm: VmRef) -> ServersPlan:
        try:
            return await vm_plan(self._azure, vm)
        except NotFound:
            raise gone(vm) from None


async def write_plan(
    azure: Azure, subscription_id: str, scope: str, properties: Mapping[str, Any], *, of: str
) -> ServersPlan:
    """Set the plan of a VM or of a whole subscription; what Azure answers, with what it could not set up.

    Args:
        azure: asked.
        subscription_id: in which it is.
        scope: of the path, without a slash at the front.
        properties: of the pricing; empty ones are left out, and Azure takes its own then.
        of: whose plan, for errors.

    Raises:
        Busy: somebody else is writing.
        StepFailed: Azure refuses.
    """
    body: Any = {"properties": {key: value for key, value in properties.items() if value}}
    async with asking(f"set the Defender plan of {of}"):
        found = await azure.security(subscription_id).pricings.update(scope, SERVERS, body)
    return servers_plan(found)


_CLASSIC = "Defender for Servers has no plan for a single classic VM"
_ENFORCED = (
    "its subscription has Defender for Servers off and enforces that on all VMs; whoever runs the "
    "subscription has to turn it on there"
)


def _left_out(vm: VmRef, why: str) -> Change:
    return Change(summary=f"no Defender for {vm.name}: {why}", skipped=why)


def _nothing(vm: VmRef, now: ServersPlan) -> Change:
    """It is covered already. Without an *after*, an undo leaves it alone."""
    return Change(
        summary=f"Defender for Servers is on already: {now.words}",
        details=(f"{vm.name}: {now.words}, as wanted",),
        nothing_to_do=True,
        back=(f"{vm.name}: stays at {now.words}, as before",),
    )


def _change(vm: VmRef, now: ServersPlan) -> Change:
    return Change(
        summary=f"turn on Defender for Servers {plan_words(PLAN)}",
        details=(f"{vm.name}: Defender for Servers {now.words} → {plan_words(PLAN)}", _AGENT),
        before={"own": now.own, "subPlan": now.sub_plan, "extensions": [dict(one) for one in now.extensions]},
        after={"subPlan": PLAN},
        back=(f"{vm.name}: Defender for Servers {plan_words(PLAN)} → {now.words}",),
    )


def _is_former(now: ServersPlan, before: dict[str, Any]) -> bool:
    """A VM that had its subscription's plan has that one again, whatever it is by now."""
    if not before.get("own"):
        return not now.own
    return now.own and not now.on


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Defender(azure)
