"""``/vm-lockdown NAME [REASON]``: on-call contains a VM without asking its owner."""

from bot.cards.blocks.inputs import CHOICE, chosen_value, given_reason, value_of
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import LOCKDOWN_COMMAND
from bot.commands.command import VM_NAME, Command
from bot.commands.lockdown_blocks import (
    LOCKDOWN,
    NEAR,
    already_contained,
    lockdown_dialog,
    lockdown_started,
    typed_name,
    vm_not_found,
)
from bot.commands.nearest import MOST, pressed_any
from bot.commands.typed_vm import typed_vm
from bot.requests import Buttons, Clicked, Dialogs, Outcome, Submitted, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_lock_down
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.find_vm import find_vm


class LockdownListener:
    """The command, and the dialog that asks which VM is meant."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.dialogs: Dialogs = {LOCKDOWN: self.chosen}
        self.buttons: Buttons = {pressed_any(NEAR): self.picked}

    async def typed(self, command: Typed) -> Message | None:
        """Lock down the one VM that is certainly meant, or ask which one."""
        wanted, reason = typed_vm(command.text)
        match = await find_vm(wanted, self._services.inventory)
        if match.exact is not None:
            return await self._lock_down(match.exact, command.actor, reason)
        if not match.candidates:
            return await self._not_found(wanted, reason)
        profile = self._services.policy().lockdown
        await command.open_dialog(lockdown_dialog(match.candidates, wanted, reason, profile))
        return None

    async def picked(self, clicked: Clicked) -> Message | None:
        """Ask about the VM whose name was picked. Nothing happens yet."""
        name, reason = typed_vm(clicked.value)
        await self._services.lock_down.may(clicked.actor, wanted=f"{LOCKDOWN_COMMAND} {name}, picked")
        candidates = await self._services.inventory.named(name)
        if not candidates:
            return await self._not_found(name, reason)
        profile = self._services.policy().lockdown
        await clicked.open_dialog(lockdown_dialog(candidates, name, reason, profile))
        return None

    async def _not_found(self, wanted: str, reason: str) -> Message:
        inventory = self._services.inventory
        nearest = await inventory.near(wanted.rpartition("/")[2], limit=MOST)
        return vm_not_found(wanted, await inventory.count(), nearest=nearest, reason=reason)

    async def chosen(self, dialog: Submitted) -> Outcome:
        """Lock down the chosen VM; authorized once more."""
        match = await find_vm(typed_name(dialog.view), self._services.inventory)
        candidates = [match.exact] if match.exact is not None else [vm.ref for vm in match.candidates]
        value = chosen_value(dialog.view)
        vm = next((vm for vm in candidates if value_of(vm) == value), None)
        if vm is None:
            return Outcome(errors={CHOICE: "This VM is no longer known. Close this dialog and try again."})
        return Outcome(message=await self._lock_down(vm, dialog.actor, given_reason(dialog.view)))

    async def _lock_down(self, vm: VmRef, actor: Actor, reason: str) -> Message:
        policy = self._services.policy()
        locked = await self._services.lock_down(vm, actor, policy.lockdown, reason=reason)
        if locked.joined:
            return already_contained(locked.containment)
        return lockdown_started(locked.containment, channel=policy.oncall.channel)


COMMAND = Command(
    name=LOCKDOWN_COMMAND,
    arguments="NAME [REASON]",
    example="web-02 odd traffic",
    summary="Contain a VM now, without asking its owner",
    details=VM_NAME,
    who="on-call",
    may=may_lock_down,
    listener=LockdownListener,
)
