"""Stop: deallocate the VM, and read its power state back. Undone, it is started, if that is asked for.

``stopped`` is not enough: such a VM keeps its host and its temporary disk, and is billed.
"""

import json
from datetime import timedelta

from typing_extensions import override

from workers.arm.read import classic
from workers.arm.read.machine import gone, power_of, read_machine
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import (
    CORRELATION_ID,
    Accepted,
    Outcome,
    Receipt,
    next_look_s,
    operation_status,
)
from workers.arm.steps import classic_writes
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.restoration import ran_before
from workers.domain.errors import NotFound, StepFailed
from workers.domain.ports.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import PowerState, VmRef

USUAL_LOOK_S = 3.0
"""Between two looks where Azure names no time: it allows 15 questions a minute about one VM's operations."""

OTHERS_LOOK_S = 5.0
"""Between two reads of the VM itself while somebody else works on it: Azure allows 12 a minute."""

_RUNS = frozenset({PowerState.STARTING, PowerState.RUNNING})


class Stop(StepRunner):
    """The ``StepRunner`` that deallocates a VM."""

    name = StepName.STOP

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Deallocate, unless the facts say that it is so already."""
        if facts.machine is None or facts.machine.power is PowerState.UNKNOWN:
            return Change(summary="deallocate the VM", details=("power state: read when it begins",))
        return _change(vm, facts.machine.power, begins=False)

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Have Azure deallocate it."""
        power = await self._power(vm)
        change = earlier if earlier is not None and earlier.after else _change(vm, power)
        if power is PowerState.DEALLOCATED:
            return Progress(done=True, note="deallocated already, read back", change=change)
        if power is PowerState.DEALLOCATING:
            return _waiting(_token(""), OTHERS_LOOK_S, "deallocating already", change)
        try:
            accepted = await self._deallocate(vm)
        except NotFound:
            raise gone(vm) from None
        wait = next_look_s(accepted.retry_after_s, usual_s=USUAL_LOOK_S)
        return _waiting(_token(accepted.url), wait, f"{power} → deallocating", change)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """How the operation stands; when it has ended, what the VM itself says."""
        url = _url(step.token)
        ended = "nobody deallocates it"
        if url:
            state = await operation_status(self._azure, url, f"deallocate the VM {vm.name}")
            if state.outcome is Outcome.RUNNING:
                return _waiting(step.token, next_look_s(state.retry_after_s, usual_s=USUAL_LOOK_S), step.note)
            if state.outcome is Outcome.FAILED:
                raise StepFailed(
                    f"Azure could not deallocate it: {state.code}: {state.message}", code=state.code
                )
            ended = "the operation has ended"
        power = await self._power(vm)
        if power is PowerState.DEALLOCATED:
            return Progress(done=True, note="deallocated, power state read back")
        if power is PowerState.DEALLOCATING:
            return _waiting(_token(""), OTHERS_LOOK_S, step.note or "deallocating")
        return Progress(done=False, again=True, undone=power in _RUNS, note=f"{ended}, but the VM is {power}")

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Start the VM if that is asked for and it ran before; otherwise nothing."""
        if start is None:
            return Progress(done=True, note="left stopped; start it when it is needed")
        if not ran_before(step.change):
            return Progress(done=True, note="left stopped, as it was before")
        return await self._back_to_running(vm, step, start)

    async def _back_to_running(self, vm: VmRef, step: Step, correlation_id: str) -> Progress:
        url = _url(step.token)
        if url:
            state = await operation_status(self._azure, url, f"start the VM {vm.name}")
            if state.outcome is Outcome.RUNNING:
                return _waiting(step.token, next_look_s(state.retry_after_s, usual_s=USUAL_LOOK_S), step.note)
            if state.outcome is Outcome.FAILED:
                raise StepFailed(f"Azure could not start it: {state.code}: {state.message}", code=state.code)
        power = await self._power(vm)
        if power is PowerState.RUNNING:
            return Progress(done=True, note="started, power state read back")
        if power is PowerState.STARTING:
            return _waiting(_token(""), OTHERS_LOOK_S, step.note or "starting")
        if url:
            return Progress(done=False, again=True, note=f"the operation has ended, but the VM is {power}")
        accepted = await self._start(vm, correlation_id)
        wait = next_look_s(accepted.retry_after_s, usual_s=USUAL_LOOK_S)
        progress = _waiting(_token(accepted.url), wait, f"{power} → starting")
        return progress.changed(started_as=accepted.correlation_id)

    async def _power(self, vm: VmRef) -> PowerState:
        try:
            if vm.classic:
                return (await classic.read_machine(self._azure, vm)).power
            return power_of(await read_machine(self._azure, vm))
        except NotFound:
            raise gone(vm) from None

    async def _deallocate(self, vm: VmRef) -> Accepted:
        if vm.classic:
            return await classic_writes.shutdown(self._azure, vm)
        receipt = Receipt()
        async with asking(f"deallocate the VM {vm.name}"):
            await self._azure.compute(vm.subscription_id).virtual_machines.begin_deallocate(
                vm.resource_group, vm.name, polling=False, raw_response_hook=receipt
            )
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


def _change(vm: VmRef, power: PowerState, *, begins: bool = True) -> Change:
    """From this power state to none; states for undo and read-back only when it begins."""
    states = {"before": {"power": power}, "after": {"power": PowerState.DEALLOCATED}} if begins else {}
    if power is PowerState.DEALLOCATED:
        return Change(summary="deallocated already", nothing_to_do=True, **states)
    return Change(summary="deallocate the VM", details=(f"{vm.name}: {power} → deallocated",), **states)


def _waiting(token: str, seconds: float, note: str, change: Change | None = None) -> Progress:
    return Progress(
        done=False, token=token, look_again_after=timedelta(seconds=seconds), note=note, change=change
    )


def _token(url: str) -> str:
    return json.dumps({"operation": url})


def _url(token: str) -> str:
    return str(json.loads(token).get("operation", "")) if token else ""


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Stop(azure)
