"""What a restore would find: the NSG of each NIC and the power of the VM, beside what they go back to."""

import asyncio

from workers.arm.ids import name_of, same, spelt_in
from workers.arm.read import classic
from workers.arm.read.machine import nic_ids, power_of, read_machine
from workers.arm.read.networking import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import raise_worst
from workers.arm.steps.isolation.record import is_ours
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.plans import Change
from workers.domain.containment.restoration import ran_before
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Step
from workers.domain.errors import NotFound
from workers.domain.ports.azure.standing import StandingReader
from workers.domain.starts.vm import PowerState

_RUNS = frozenset({PowerState.STARTING, PowerState.RUNNING})


class ArmReturns:
    """``workers.domain.ports.ReturnReader`` on Azure.

    Args:
        azure: asked.
        standing: tells of the steps that have no closer look of their own.
    """

    def __init__(self, azure: Azure, standing: StandingReader) -> None:
        self._azure = azure
        self._standing = standing

    async def read(self, containment: Containment) -> list[Return]:
        """See the port."""
        steps = [step for step in containment.steps if step.change is not None and not step.change.skipped]
        drift = await self._standing.drift(containment)
        found = await asyncio.gather(
            *(self._of(containment, step, drift.get(step.name, "")) for step in steps), return_exceptions=True
        )
        raise_worst(found)
        return [one for one in found if isinstance(one, Return)]

    async def _of(self, containment: Containment, step: Step, drifted: str) -> Return:
        change = step.change or Change(summary="")
        if step.name is StepName.STOP:
            return await self._power(containment, step)
        if step.name is StepName.ISOLATE and not containment.vm.classic:
            return await self._nics(containment, change)
        return Return(step=step.name, lines=change.back, drift=(drifted,) if drifted else ())

    async def _power(self, containment: Containment, step: Step) -> Return:
        vm = containment.vm
        try:
            if vm.classic:
                power = (await classic.read_machine(self._azure, vm)).power
            else:
                power = power_of(await read_machine(self._azure, vm))
        except NotFound:
            return Return(step=step.name, drift=("the VM no longer exists",))
        then = "back to running, if you start it" if ran_before(step.change) else "as it was before"
        if power in _RUNS:
            return Return(step=step.name, drift=(f"the VM was started since: it is {power}, and is left so",))
        return Return(step=step.name, lines=(f"{vm.name}: {power} now \u2192 {then}",))

    async def _nics(self, containment: Containment, change: Change) -> Return:
        try:
            attached = nic_ids(await read_machine(self._azure, containment.vm))
        except NotFound:
            attached = ()
        ids = dict.fromkeys(
            [*change.after, *(one for one in attached if spelt_in(change.after, one) is None)]
        )
        said = await asyncio.gather(*(self._nic(nic_id, change) for nic_id in ids), return_exceptions=True)
        raise_worst(said)
        pairs = [one for one in said if isinstance(one, tuple)]
        return Return(
            step=StepName.ISOLATE,
            lines=tuple(line for line, changed in pairs if not changed),
            drift=tuple(line for line, changed in pairs if changed),
        )

    async def _nic(self, nic_id: str, change: Change) -> tuple[str, bool]:
        """What is said of one NIC, and whether somebody changed it since."""
        name = name_of(nic_id)
        try:
            nic = await network.read_nic(self._azure, nic_id)
        except NotFound:
            return f"{name}: no longer exists", True
        now, ours = network.nsg_of(nic), spelt_in(change.after, nic_id)
        if ours is None:
            return f"{name}: attached since, with {_named(now)}; left as it is", True
        if not is_ours(now, change.after[ours]):
            return f"{name}: has {_named(now)} since somebody changed it; left as it is", True
        known = spelt_in(change.before, nic_id)
        if known is None:
            return f"{name}: {_named(now)} now; what it had before is not known, so you choose", True
        former = change.before[known]
        if former and not same(former, now) and await network.find_nsg(self._azure, former) is None:
            return f"{name}: {_named(former)}, which it had, was deleted; you choose another one", True
        return f"{name}: {_named(now)} now \u2192 {name_of(former)}", False


def _named(nsg_id: str | None) -> str:
    return f"NSG {name_of(nsg_id)}" if nsg_id else "no NSG"
