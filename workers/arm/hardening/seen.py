"""All that the requirements ask about a VM, read at once. What can't be read is known as that."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from workers.arm.ids import same
from workers.arm.read.defender import ServersPlan, vm_plan
from workers.arm.read.defender.jit import policies_in
from workers.arm.read.facts import ArmFacts
from workers.arm.read.machine import read_machine
from workers.arm.session.clients import Azure
from workers.domain.errors import StartgateError
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

_BUDGET_S = 60.0
"""An operator waits longer than an ask."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """Why something is not known, for people."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A VM and what hangs on it.

    Attributes:
        machine: as Azure sent it.
        facts: network and backup; ``facts.missing`` says why a part of them is not known.
        plan: of Defender for Servers, that holds for it.
        just_in_time: whether a just-in-time policy of Defender guards it.
        owner_tags: names of the tags that name owners, by the policy.
    """

    vm: VmRef
    machine: Mapping[str, Any]
    facts: Facts
    plan: ServersPlan | Unread
    just_in_time: bool | Unread
    owner_tags: tuple[str, ...]

    @property
    def properties(self) -> Mapping[str, Any]:
        """Of the VM."""
        return self.machine.get("properties") or {}

    @property
    def security(self) -> Mapping[str, Any]:
        """The security profile of the VM."""
        return self.properties.get("securityProfile") or {}

    def why_missing(self, *beginnings: str) -> str:
        """Why facts whose names begin so are not known; empty if all are."""
        return "; ".join(one.reason for one in self.facts.missing if one.name.startswith(beginnings))


async def look(azure: Azure, vm: VmRef, owner_tags: tuple[str, ...]) -> Seen:
    """Read a VM with all that the requirements ask about.

    Raises:
        NotFound: there is no such VM.
        DependencyAway: Azure does not answer.
        StepFailed: we may not read the VM itself.
    """
    machine = await read_machine(azure, vm)
    facts, plan, just_in_time = await asyncio.gather(
        ArmFacts(azure).gather(vm, budget_s=_BUDGET_S),
        _or_why_not(vm_plan(azure, vm)),
        _or_why_not(_just_in_time(azure, vm, str(machine["location"]))),
    )
    return Seen(
        vm=vm, machine=machine, facts=facts, plan=plan, just_in_time=just_in_time, owner_tags=owner_tags
    )


async def _or_why_not(read: Awaitable[T]) -> T | Unread:
    try:
        return await read
    except StartgateError as error:
        return Unread(why=error.diagnostics())


async def _just_in_time(azure: Azure, vm: VmRef, location: str) -> bool:
    policies = await policies_in(azure, vm.subscription_id, location)
    return any(same(one, vm.resource_id) for machines in policies.values() for one in machines)
