"""Encrypt: turn on encryption at host, and read it back. Undone, it gets its former value.

Azure changes it only while the VM is deallocated, in either direction. So it comes after the stop, and is
undone before a start. Where the VM, its size, its region or its subscription can't have it, the step is left
out, and says why.
Source: https://learn.microsoft.com/azure/virtual-machines/disks-enable-host-based-encryption-cli

Nothing is written before its former value is on record. So an attempt whose answer was lost is undone, too.
"""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from workers.arm.read.machine import (
    ephemeral,
    gone,
    host_encrypted,
    power_of,
    read_machine,
    read_machine_to_contain,
)
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, asking
from workers.arm.session.longrunning import Accepted, Outcome, Receipt, next_look_s, operation_status
from workers.arm.steps.encryption.support import unsupported
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StepFailed
from workers.domain.model import Stored
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import PowerState, VmRef

USUAL_LOOK_S = 3.0
_KEY = "encryptionAtHost"
_IN_MOTION = frozenset(
    {PowerState.STOPPING, PowerState.DEALLOCATING, PowerState.STARTING, PowerState.UNKNOWN}
)
_CLASSIC = "classic VMs can't be encrypted at host"
_EPHEMERAL = "its OS disk is ephemeral, so it can't be deallocated, and it changes only then"
_LATER = (
    "it does no harm; to turn it off, deallocate the VM, and set securityProfile.encryptionAtHost to false"
)
_ALREADY = Change(
    summary="encryption at host is on already",
    nothing_to_do=True,
    back=("encryption at host: stays on, as before",),
)


class Token(Stored):
    """What is under way: an operation of ours, or nothing yet."""

    operation: str = ""


class Encrypt(StepRunner):
    """The ``StepRunner`` that has a VM encrypted at its host."""

    name = StepName.ENCRYPT

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """That it is turned on, unless the facts say that it can't be."""
        if vm.classic:
            return _left_out(_CLASSIC)
        if facts.machine is not None and facts.machine.ephemeral:
            return _left_out(_EPHEMERAL)
        if facts.machine is not None and facts.machine.host_encrypted:
            return _ALREADY
        details = ("whether the size and the subscription support it: read when it begins",)
        return Change(summary="turn on encryption at host", details=details)

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Turn it on, once its former value is on record."""
        if vm.classic:
            return Progress(done=True, note=_CLASSIC, change=_left_out(_CLASSIC))
        machine = await read_machine_to_contain(self._azure, vm)
        recorded = earlier if earlier is not None and earlier.after else None
        if host_encrypted(machine):
            already = _ALREADY.changed(before={_KEY: True}, after={_KEY: True})
            return Progress(done=True, note="encryption at host is on, read back", change=recorded or already)
        if recorded is None and (why := await self._unfit(vm, profile, machine)):
            return Progress(done=True, note=why, change=_left_out(why))
        _must_be_off(vm, machine)
        if recorded is None:
            return _waiting("", 0.0, "encryption at host is off", _change(vm, machine))
        return await self._turn(vm, machine, on=True, change=recorded)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """How the operation stands; when it has ended, what the VM itself says."""
        if not step.token:
            on = host_encrypted(await read_machine_to_contain(self._azure, vm))
            off = Progress(done=False, again=True, undone=True, note="encryption at host is off")
            return Progress(done=True, note=step.note) if on else off
        operation = Token.model_validate_json(step.token).operation
        if not operation:
            return await self.begin(vm, profile, "", earlier=step.change)
        if waiting := await self._waits(step, operation, "turn on encryption at host"):
            return waiting
        if host_encrypted(await read_machine_to_contain(self._azure, vm)):
            return Progress(done=True, note="encryption at host is on, read back")
        return Progress(done=False, again=True, note="the operation has ended, but encryption at host is off")

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Turn it off if it was off before; where somebody started the VM meanwhile, say that it stays on."""
        change = step.change
        if change is None or not change.after:
            return Progress(done=True, note="encryption at host was not changed")
        if change.before.get(_KEY):
            return Progress(done=True, note="encryption at host was on before, and stays on")
        operation = Token.model_validate_json(step.token).operation if step.token else ""
        waiting = operation and await self._waits(step, operation, "turn off encryption at host")
        return waiting or await self._take_back(vm, ended=bool(operation))

    async def _take_back(self, vm: VmRef, *, ended: bool) -> Progress:
        """Turn it off, unless that is so; ``ended``: an operation of ours has just done that."""
        try:
            machine = await read_machine(self._azure, vm)
        except NotFound:
            raise gone(vm) from None
        if not host_encrypted(machine):
            already = "" if ended else " already"
            return Progress(done=True, note=f"encryption at host is off{already}, read back")
        if ended:
            return Progress(done=False, again=True, note="the operation has ended, but it is still on")
        power = power_of(machine)
        if power is not PowerState.DEALLOCATED and power not in _IN_MOTION:
            return Progress(
                done=True, note=f"encryption at host stays on, because the VM is {power}: {_LATER}"
            )
        _must_be_off(vm, machine)
        return await self._turn(vm, machine, on=False)

    async def _unfit(self, vm: VmRef, profile: LockdownProfile, machine: Mapping[str, Any]) -> str:
        """Why this VM is left out; empty if it isn't."""
        if ephemeral(machine):
            return _EPHEMERAL
        power = power_of(machine)
        if StepName.STOP not in profile.steps and power not in (PowerState.DEALLOCATED, *_IN_MOTION):
            return (
                f"the VM is {power}, and encryption at host changes only while it is deallocated; add the "
                f"step stop to the lockdown profile {profile.name}"
            )
        return await unsupported(self._azure, vm, machine)

    async def _turn(
        self, vm: VmRef, machine: Mapping[str, Any], *, on: bool, change: Change | None = None
    ) -> Progress:
        doing = f"turn {'on' if on else 'off'} encryption at host"
        try:
            accepted = await self._patch(vm, machine, doing, on=on)
        except Busy as busy:
            return _waiting("", USUAL_LOOK_S, str(busy), change)
        except NotFound:
            raise gone(vm) from None
        wait = next_look_s(accepted.retry_after_s, usual_s=USUAL_LOOK_S)
        return _waiting(accepted.url, wait, f"turning {'on' if on else 'off'} encryption at host", change)

    async def _patch(self, vm: VmRef, machine: Mapping[str, Any], doing: str, *, on: bool) -> Accepted:
        """Change this one property of the version that was read; the rest of its profile stays."""
        receipt = Receipt()
        condition = {"If-Match": str(machine["etag"])} if machine.get("etag") else {}
        body: Any = {"properties": {"securityProfile": {_KEY: on}}}
        async with asking(f"{doing} on {vm.name}"):
            await self._azure.compute(vm.subscription_id).virtual_machines.begin_update(
                vm.resource_group,
                vm.name,
                body,
                headers=condition,
                polling=False,
                raw_response_hook=receipt,
            )
        return receipt.accepted

    async def _waits(self, step: Step, operation: str, doing: str) -> Progress | None:
        """While an operation runs; ``None`` once it has ended well.

        Raises:
            StepFailed: it has ended badly.
        """
        state = await operation_status(self._azure, operation, doing)
        if state.outcome is Outcome.RUNNING:
            return _waiting(operation, next_look_s(state.retry_after_s, usual_s=USUAL_LOOK_S), step.note)
        if state.outcome is Outcome.FAILED:
            raise StepFailed(f"Azure could not {doing}: {state.code}: {state.message}", code=state.code)
        return None


def _must_be_off(vm: VmRef, machine: Mapping[str, Any]) -> None:
    """Raise unless it is deallocated; it is tried again, in case it is being deallocated."""
    power = power_of(machine)
    if power is not PowerState.DEALLOCATED:
        raise StepFailed(
            f"the VM {vm.name} is {power}, and Azure changes encryption at host only while it is deallocated",
            code="NotDeallocated",
        )


def _change(vm: VmRef, machine: Mapping[str, Any]) -> Change:
    return Change(
        summary="turn on encryption at host",
        details=(f"{vm.name}: encryption at host off → on",),
        before={_KEY: host_encrypted(machine)},
        after={_KEY: True},
        back=("encryption at host: on → off, while the VM is still off",),
    )


def _left_out(why: str) -> Change:
    return Change(summary=f"no encryption at host: {why}", skipped=why)


def _waiting(operation: str, seconds: float, note: str, change: Change | None = None) -> Progress:
    return Progress.waiting(Token(operation=operation).model_dump_json(), seconds, note, change)


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Encrypt(azure)
