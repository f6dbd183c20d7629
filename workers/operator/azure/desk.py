"""What the commands that look at VMs share: connections, the policy, and which VM is meant."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, NamedTuple

import typer

from workers.arm.read.around.surroundings import ArmSurroundings
from workers.arm.read.facts import ArmFacts
from workers.arm.read.sources import Sources
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import InvalidPolicy
from workers.domain.policy.model import Policy
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.clock import SystemClock
from workers.domain.starts.vm import KnownVm, VmRef
from workers.operator.session import BROKEN, UNREACHABLE, Session, fail, session
from workers.runtime.terminal import safe_line
from workers.use_cases.asking.assess import Assess
from workers.use_cases.containment.never import GuardedByFacts
from workers.use_cases.orders.looking.foresee import Foresee
from workers.use_cases.orders.reading.find_vm import find_vm
from workers.use_cases.read_policy import read_policy

_MOST_NAMED = 10
_MOST_NEAR = 5

VmName = Annotated[
    str,
    typer.Argument(metavar="VM", help="The VM's name, GROUP/NAME, or its resource id.", show_default=False),
]
ProfileOption = Annotated[
    str, typer.Option("--profile", help="A lockdown profile of the policy; by default the policy's default.")
]


class Desk(NamedTuple):
    """What a command needs that looks at VMs: connections, the policy, and how plans are made."""

    session: Session
    azure: Azure
    policy: Policy
    runners: tuple[StepRunner, ...]
    sources: Sources
    foresee: Foresee


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """Redis, Azure and the policy, by the environment's settings."""
    async with session() as opened:
        settings = opened.settings
        try:
            policy = read_policy(settings.policy)
            azure = Azure(settings.arm_endpoint, settings.arm_scope, settings.arm_token, settings.identity)
        except InvalidPolicy as invalid:
            fail(BROKEN, invalid.diagnostics())
        except ValueError as error:
            fail(UNREACHABLE, str(error))
        runners, sources = step_runners(azure), Sources(azure)
        assess = Assess(runners=runners, policy=lambda: policy)
        async with azure:
            foresee = Foresee(
                facts=ArmFacts(azure, sources),
                surroundings=ArmSurroundings(azure),
                assess=assess,
                runners=runners,
                clock=SystemClock(),
                guarded=GuardedByFacts(lambda: policy),
            )
            yield Desk(opened, azure, policy, runners, sources, foresee)


async def wanted_vm(name: str, opened: Session) -> VmRef:
    """The one VM that is meant; ends the command if it is not certain which one."""
    match = await find_vm(name, opened.inventory)
    if match.exact is None:
        near = await opened.inventory.near(name.rpartition("/")[2], limit=_MOST_NEAR)
        fail(BROKEN, _not_certain(name, match.candidates, await opened.inventory.count(), near))
    return match.exact


def _not_certain(name: str, candidates: Sequence[KnownVm], known: int, near: Sequence[str]) -> str:
    if not candidates:
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        return safe_line(f"No VM matches {name!r}; {known} are known.{hint} Give its resource id.")
    lines = [f"{len(candidates)} VMs match {name!r}. Give GROUP/NAME or the resource id of one:"]
    lines += [f"  {one.ref.resource_id}" for one in candidates[:_MOST_NAMED]]
    left = len(candidates) - _MOST_NAMED
    return "\n".join(map(safe_line, [*lines, *([f"  and {left} more"] if left > 0 else [])]))


def wanted_profile(name: str, policy: Policy) -> LockdownProfile:
    """The profile of this name, or the default one; ends the command if there is none."""
    if name and not policy.has_profile(name):
        known = ", ".join(one.name for one in policy.profiles)
        fail(BROKEN, safe_line(f"The policy has no lockdown profile {name!r}. It has: {known}."))
    return policy.profile(name) if name else policy.lockdown
