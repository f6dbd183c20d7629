"""Stop: deallocate the VM, and read its power state back. Undone, it is started, if that is asked for.

``stopped`` is not enough: such a VM keeps its host and its temporary disk, and is billed. Only a VM whose OS
disk is ephemeral is powered off and read back as stopped, because Azure refuses to deallocate it.
Source: https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks#unsupported-features
"""

import json
from dataclasses import dataclass

from typing_extensions import override

from workers.arm.read import classic
from workers.arm.read.machine import ephemeral, gone, power_of, read_machine
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import (
    Accepted,
    Outcome,
    Receipt,
    next_look_s,
    operation_status,
)
from workers.arm.session.noted import CORRELATION_ID
from workers.arm.steps import classic_writes
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.restoration import ran_before
from workers.domain.errors import NotFound, StepFailed
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import PowerState, VmRef

USUAL_LOOK_S = 3.0
"""Between two looks where Azure names no time: it allows 15 questions a minute about one VM's operations."""

OTHERS_LOOK_S = 5.0
"""Between two reads of the VM itself while somebody else works on it: Azure allows 12 a minute."""

_RUNS = frozenset({PowerState.STARTING, PowerState.RUNNING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How a VM is stopped: what is done, the state on the way, and the one that proves it."""

    verb: str
    passing: PowerState
    proof: PowerState
    said: str = ""

    def proven_by(self, power: PowerState) -> bool:
        """Whether this state says that the VM is stopped; a deallocated one is so in any case."""
        return power in (self.proof, PowerState.DEALLOCATED)


DEALLOCATE = Way(verb="deallocate", passing=PowerState.DEALLOCATING, proof=PowerState.DEALLOCATED)
POWER_OFF = Way(
    verb="power off",
    passing=PowerState.STOPPING,
    proof=PowerState.STOPPED,
    said="its OS disk is ephemeral: it can't be deallocated, and is billed while it is stopped",
)


class Stop(StepRunner):
    """The ``StepRunner`` that deallocates a VM."""

    name = StepName.STOP

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Deallocate or power off, unless the facts say that it is so already."""
        power = PowerState.UNKNOWN if facts.machine is None else facts.machine.power
        way = POWER_OFF if facts.machine is not None and facts.machine.ephemeral else DEALLOCATE
        return _change(vm, power, way, begins=False)

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Have Azure deallocate it, or power it off where it can't be deallocated."""
        power, way = await self._read(vm)
        change = earlier if earlier is not None and earlier.after else _change(vm, power, way)
        if way.proven_by(power):
            return Progress(done=True, note=f"{power} already, read back", change=change)
        if power is way.passing:
            return Progress.waiting(_token(""), OTHERS_LOOK_S, f"{way.passing} already", change)
        if change != earlier:
            # On record first: whoever takes over from a worker that dies now finds the VM stopped, and has to
            # know that it ran; and if Azure refuses, nobody is told to deallocate one that can't be.
            note = f"{power}; {way.said}" if way.said else ""
            return Progress.waiting(_token("", begin=True), 0.0, note, change)
        return await self._order(vm, way, change)

    async def _order(self, vm: VmRef, way: Way, change: Change) -> Progress:
        """Have Azure do what is on record."""
        try:
            accepted = await self._stop(vm, way)
        except NotFound:
            raise gone(vm) from None
        wait = next_look_s(accepted.retry_after_s, usual_s=USUAL_LOOK_S)
        note = f"{change.before.get('power', PowerState.UNKNOWN)} → {way.passing}"
        return Progress.waiting(_token(accepted.url), wait, note, change)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """How the operation stands; when it has ended, what the VM itself says."""
        if _to_begin(step.token) and step.change is not None:
            # Its power state was read just before this was put on record. Azure is asked once, not twice:
            # who rejects waits for it, and stopping what is stopped already does no harm.
            return await self._order(vm, POWER_OFF if step.change.other_way else DEALLOCATE, step.change)
        url = _url(step.token)
        ended = "nobody stops it"
        if url:
            state = await operation_status(self._azure, url, f"stop the VM {vm.name}")
            if state.outcome is Outcome.RUNNING:
                return Progress.waiting(
                    step.token, next_look_s(state.retry_after_s, usual_s=USUAL_LOOK_S), step.note
                )
            if state.outcome is Outcome.FAILED:
                raise StepFailed(f"Azure could not stop it: {state.code}: {state.message}", code=state.code)
            ended = "the operation has ended"
        power, way = await self._read(vm)
        if way.proven_by(power):
            said = f" ({way.said})" if way.said else ""
            return Progress(done=True, note=f"{power}, power state read back{said}")
        if power is way.passing:
            return Progress.waiting(_token(""), OTHERS_LOOK_S, step.note or way.passing)
        return Progress(done=False, again=True, undone=power in _RUNS, note=f"{ended}, but the VM is {power}")

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Start the VM if that is asked for and it ran before; otherwise say how it is."""
        if start is None or not ran_before(step.change):
            return Progress(done=True, note=await self._as_it_is(vm, asked=start is not None))
        return await self._back_to_running(vm, step, start)

    async def _as_it_is(self, vm: VmRef, *, asked: bool) -> str:
        """The power state as it is read now: the stop may have failed, or somebody may have started it."""
        try:
            power, way = await self._read(vm)
        except StepFailed as failure:
            # Nothing is to be done, so what can't be read holds nothing up.
            return f"left as it is, {failure}"
        if power in _RUNS:
            return "already running, power state read back"
        if way.proven_by(power):
            before = ", as it was before" if asked else "; start it when it is needed"
            return f"left stopped{before}"
        return f"left as it is: {power}"

    async def _back_to_running(self, vm: VmRef, step: Step, correlation_id: str) -> Progress:
        url = _url(step.token)
        if url:
            state = await operation_status(self._azure, url, f"start the VM {vm.name}")
            if state.outcome is Outcome.RUNNING:
                return Progress.waiting(
                    step.token, next_look_s(state.retry_after_s, usual_s=USUAL_LOOK_S), step.note
                )
            if state.outcome is Outcome.FAILED:
                raise StepFailed(f"Azure could not start it: {state.code}: {state.message}", code=state.code)
        power, _way = await self._read(vm)
        if power is PowerState.RUNNING:
            done = "started" if url else "already running"
            return Progress(done=True, note=f"{done}, power state read back")
        if power is PowerState.STARTING:
            return Progress.waiting(_token(""), OTHERS_LOOK_S, step.note or "starting")
        if url:
            return Progress(done=False, again=True, note=f"the operation has ended, but the VM is {power}")
        accepted = await self._start(vm, correlation_id)
        wait = next_look_s(accepted.retry_after_s, usual_s=USUAL_LOOK_S)
        progress = Progress.waiting(_token(accepted.url), wait, f"{power} → starting")
        return progress.changed(started_as=accepted.correlation_id)

    async def _read(self, vm: VmRef) -> tuple[PowerState, Way]:
        try:
            if vm.classic:
                return (await classic.read_machine(self._azure, vm)).power, DEALLOCATE
            machine = await read_machine(self._azure, vm)
            return power_of(machine), POWER_OFF if ephemeral(machine) else DEALLOCATE
        except NotFound:
            raise gone(vm) from None

    async def _stop(self, vm: VmRef, way: Way) -> Accepted:
        if vm.classic:
            return await classic_writes.shutdown(self._azure, vm)
        receipt = Receipt()
        machines = self._azure.compute(vm.subscription_id).virtual_machines
        begin = machines.begin_power_off if way is POWER_OFF else machines.begin_deallocate
        async with asking(f"{way.verb} the VM {vm.name}"):
            await begin(vm.resource_group, vm.name, polling=False, raw_response_hook=receipt)
        return receipt.accepted

    async def _start(self, vm: VmRef, correlation_id: str) -> Accepted:
        try:
            if vm.classic:
                return await classic_writes.start(self._azure, vm, correlation_id)
            receipt = Receipt()
            async with asking(f"start the VM {vm.name}"):
                await self._azure.compute(vm.subscription_id).virtual_machines.begin_start(
                    vm.resource_group,
                    vm.name,
                    polling=False,
                    raw_response_hook=receipt,
                    headers={CORRELATION_ID: correlation_id},
                )
        except NotFound:
            raise gone(vm) from None
        return receipt.accepted


def _change(vm: VmRef, power: PowerState, way: Way, *, begins: bool = True) -> Change:
    """From this power state to none; states for undo and read-back only when it begins."""
    states = {"before": {"power": power}, "after": {"power": way.proof}} if begins else {}
    said, other = (way.said,) if way.said else (), way is POWER_OFF
    if way.proven_by(power):
        return Change(summary=f"{power} already", details=said, nothing_to_do=True, other_way=other, **states)
    known = begins or power is not PowerState.UNKNOWN
    now = f"{vm.name}: {power} → {way.proof}" if known else "power state: read when it begins"
    return Change(summary=f"{way.verb} the VM", details=(now, *said), other_way=other, **states)


def _token(url: str, *, begin: bool = False) -> str:
    return json.dumps({"operation": url, **({"begin": True} if begin else {})})


def _to_begin(token: str) -> bool:
    """Whether it was only put on record so far how the VM is stopped."""
    return bool(json.loads(token).get("begin")) if token else False


def _url(token: str) -> str:
    return str(json.loads(token).get("operation", "")) if token else ""


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Stop(azure)
