"""``/vm-restore NAME [start] [REASON]``: on-call undoes a containment, after seeing what comes back."""

from collections.abc import Sequence

import structlog

from bot.cards.blocks.inputs import CHOICE, candidate_value, chosen_instead, chosen_value, given_reason
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import RESTORE_COMMAND
from bot.commands.command import VM_NAME, Command
from bot.commands.nearest import MOST, pressed_any
from bot.commands.restore_blocks import (
    CHOOSE,
    NEAR,
    RESTORE,
    START,
    already_restoring,
    none_contained,
    restore_choice_dialog,
    restore_dialog,
    restore_started,
    shown_before,
    typed_before,
    wants_start,
)
from bot.commands.typed_vm import typed_vm
from bot.requests import Buttons, Clicked, Dialogs, Outcome, Submitted, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_restore
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.restoration import to_choose
from workers.domain.errors import NotYet, Outdated
from workers.domain.starts.likeness import Nearest
from workers.domain.starts.vm import KnownVm, VmRef
from workers.use_cases.orders.contained import contained_vms
from workers.use_cases.orders.find_vm import by_id, find_among

log = structlog.get_logger(__name__)


class RestoreListener:
    """The command, the dialog that asks which VM is meant, and the one that shows what comes back."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.buttons: Buttons = {pressed_any(NEAR): self.picked}
        self.dialogs: Dialogs = {CHOOSE: self.chosen, RESTORE: self.confirmed}

    async def typed(self, command: Typed) -> Message | None:
        """Show what restoring the VM brings back, or ask which one is meant. Nothing happens yet."""
        wanted, start, reason = _parsed(command.text)
        vm = by_id(wanted)
        if vm is None:
            contained = await contained_vms(self._services.store, self._services.inventory)
            match = find_among(wanted, contained)
            if match.exact is None and not match.candidates:
                return _not_found(wanted, contained, f"{START} {reason}" if start else reason)
            if match.exact is None:
                dialog = restore_choice_dialog(match.candidates, wanted, start=start, reason=reason)
                await command.open_dialog(dialog)
                return None
            vm = match.exact
        containment = await self._services.restore.of(vm)
        if containment.state is ContainmentState.RESTORING:
            return already_restoring(containment)
        known = await self._described(containment.vm)
        await command.open_dialog(restore_dialog(containment, known, start=start, reason=reason))
        return None

    async def picked(self, clicked: Clicked) -> Message | None:
        """As if the picked name had been typed. Nothing happens yet."""
        await self._services.restore.may(clicked.actor, wanted=f"{RESTORE_COMMAND}, picked by a button")
        return await self.typed(
            Typed(actor=clicked.actor, text=clicked.value, open_dialog=clicked.open_dialog)
        )

    async def chosen(self, dialog: Submitted) -> Outcome:
        """Show what comes back for the chosen VM. Nothing happens yet."""
        await self._services.restore.may(dialog.actor, wanted=f"{RESTORE_COMMAND}, chosen in the dialog")
        value = chosen_value(dialog.view)
        contained = await contained_vms(self._services.store, self._services.inventory)
        known = next((vm for vm in contained if candidate_value(vm) == value), None)
        if known is None:
            return Outcome(
                errors={CHOICE: "This VM is no longer contained. Close this dialog and try again."}
            )
        containment = await self._services.restore.of(known.ref)
        if containment.state is ContainmentState.RESTORING:
            raise NotYet(f"{containment.vm.name} is already being restored.")
        start, reason = typed_before(dialog.view)
        return Outcome(view=restore_dialog(containment, known, start=start, reason=reason))

    async def confirmed(self, dialog: Submitted) -> Outcome:
        """Restore the VM; authorized once more. What is no longer as the dialog shows it, is shown again."""
        containment_id, demand = shown_before(dialog.view)
        start, reason = wants_start(dialog.view), given_reason(dialog.view)
        choices = to_choose(await self._services.store.containment(containment_id))
        try:
            ordered = await self._services.restore(
                containment_id,
                dialog.actor,
                shown=demand,
                start=start,
                reason=reason,
                via="dialog",
                chosen=chosen_instead(dialog.view, choices),
            )
        except Outdated:
            containment = await self._services.store.containment(containment_id)
            known = await self._described(containment.vm)
            return Outcome(view=restore_dialog(containment, known, start=start, reason=reason, again=True))
        answer = already_restoring if ordered.joined else restore_started
        return Outcome(message=answer(ordered.containment))

    async def _described(self, vm: VmRef) -> KnownVm | None:
        """The VM as the inventory describes it; a restore needs it only for the subscription's name."""
        try:
            return (await self._services.inventory.lines([vm])).get(vm.key)
        except Exception as error:
            log.warning("the inventory can't be read", vm=vm.name, because=str(error))
            return None


def _parsed(text: str) -> tuple[str, bool, str]:
    """The VM as typed, whether the word ``start`` follows, and the reason."""
    wanted, rest = typed_vm(text)
    first, *reason = rest.split(maxsplit=1) or [""]
    if first.lower() == START:
        return wanted, True, " ".join(reason)
    return wanted, False, rest


def _not_found(wanted: str, contained: Sequence[KnownVm], rest: str) -> Message:
    nearest = Nearest(wanted.rpartition("/")[2], most=MOST)
    nearest.see({vm.ref.name for vm in contained})
    return none_contained(wanted, len(contained), nearest=nearest.names(), rest=rest)


COMMAND = Command(
    name=RESTORE_COMMAND,
    arguments="NAME [start] [REASON]",
    example="web-02 start false alarm",
    summary="Undo a VM's containment, after showing what comes back",
    details=f"{VM_NAME} `start` also starts it.",
    who="on-call",
    may=may_restore,
    listener=RestoreListener,
    judged_now=True,
)
