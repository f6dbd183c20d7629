"""``/vm-restore VM [start] [REASON]``: on-call undoes a containment, after seeing what comes back."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.cards.blocks.inputs import CHOICE, chosen_instead, chosen_value, given_reason, value_of
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import RESTORE_COMMAND
from bot.cards.looking import Looking
from bot.commands.command import VM_NAME, Command
from bot.commands.lockdown_words import DRY_RUN, said_yes
from bot.commands.nearest import MOST, pressed_any
from bot.commands.picking.describe import described
from bot.commands.restore_blocks import (
    CHOOSE,
    NEAR,
    RESTORE,
    START,
    Options,
    already_restoring,
    none_contained,
    restore_choice_dialog,
    restore_dialog,
    restore_requested,
    restore_started,
    shown_before,
    typed_before,
    wants_start,
)
from bot.commands.typed_vm import typed_vm
from bot.requests import Buttons, Clicked, Dialogs, Outcome, Submitted, Typed, View
from bot.services import Services
from workers.domain.asking.decisions import may_restore
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.foresight.lookups import Lookup, LookupKind, OfRestore
from workers.domain.containment.restoration import to_choose
from workers.domain.errors import NotYet, Outdated
from workers.domain.policy.people import WithYes
from workers.domain.starts.likeness import Nearest
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import KnownVm
from workers.use_cases.orders.reading.contained import contained_vms
from workers.use_cases.orders.reading.find_vm import Match, by_id, find_among, ranked


class RestoreListener:
    """The command, the dialog that asks which VM is meant, and the one that shows what comes back."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looking = Looking(lambda: services.store, lambda: services.dialogs)
        self.buttons: Buttons = {pressed_any(NEAR): self.picked}
        self.dialogs: Dialogs = {CHOOSE: self.chosen, RESTORE: self.confirmed}

    async def typed(self, command: Typed) -> Message | None:
        """Show what restoring the VM brings back, or ask which one is meant. Nothing happens yet."""
        wanted, options, yes = _parsed(command.text)
        if not options.dry_run:
            self._services.restore.refuse_while_observing()
        vm = by_id(wanted)
        in_full = vm is not None
        if vm is None:
            contained = await contained_vms(self._services.store, self._services.inventory)
            match = find_among(wanted, contained) if wanted else Match(None, ranked(contained))
            if not (match.exact or match.candidates):
                return _not_found(wanted, contained, _rest(options))
            if match.sole is None:
                dialog = restore_choice_dialog(len(match.candidates), wanted, **options._asdict())
                await command.open_dialog(dialog)
                return None
            vm, in_full = match.sole, match.exact is not None
        containment = await self._services.restore.of(vm)
        if containment.state is ContainmentState.RESTORING:
            return already_restoring(containment)
        if yes and in_full and not options.dry_run and self._yes_counts(containment):
            return await self._restore_at_once(containment, command.actor, options)
        await command.open_dialog(await self._shown(containment, options, command.actor, command.text))
        return None

    def _yes_counts(self, containment: Containment) -> bool:
        """Whether ``--yes`` has it done at once. What is gone, somebody has to choose something for."""
        return WithYes.RESTORE in self._services.policy().oncall.yes and not to_choose(containment)

    async def _restore_at_once(self, containment: Containment, actor: Actor, options: Options) -> Message:
        ordered = await self._services.restore(
            containment.id,
            actor,
            shown=containment.demand,
            start=options.start,
            reason=options.reason,
            via="command",
        )
        if ordered.waits:
            return restore_requested(ordered.containment)
        return (already_restoring if ordered.joined else restore_started)(ordered.containment)

    async def _shown(
        self, containment: Containment, options: Options, actor: Actor, typed: str, *, again: bool = False
    ) -> View:
        """The dialog with what was recorded, which the workers' answer brings up to date."""
        asked = OfRestore(containment_id=containment.id, demand=containment.demand, **options._asdict())
        lookup = await self._services.look_up(
            LookupKind.RESTORE,
            containment.vm,
            containment.profile,
            actor,
            wanted=f"{RESTORE_COMMAND} {typed}",
            restore=asked,
        )

        async def late(waiting: Lookup) -> View | None:
            return await shown_restore(self._services, waiting, late=True)

        self._looking.wait_for(lookup, late)
        known = await described(self._services, containment.vm)
        start, reason, _ = options
        second = self._services.policy().two_person.restore
        return restore_dialog(
            containment, known, start=start, reason=reason, again=again, lookup=lookup, second=second
        )

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
        known = next((vm for vm in contained if value_of(vm.ref) == value), None)
        if known is None:
            return Outcome(
                errors={CHOICE: "This VM is no longer contained. Close this dialog and try again."}
            )
        containment = await self._services.restore.of(known.ref)
        if containment.state is ContainmentState.RESTORING:
            raise NotYet(f"{containment.vm.name} is already being restored.")
        options = typed_before(dialog.view)
        view = await self._shown(containment, options, dialog.actor, containment.vm.name)
        return Outcome(view=view)

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
            options = Options(start, reason)
            view = await self._shown(containment, options, dialog.actor, containment.vm.name, again=True)
            return Outcome(view=view)
        if ordered.waits:
            return Outcome(message=restore_requested(ordered.containment))
        answer = already_restoring if ordered.joined else restore_started
        return Outcome(message=answer(ordered.containment))


async def shown_restore(services: Services, lookup: Lookup, *, late: bool = False) -> View | None:
    """The dialog with the workers' answer; ``None`` if the VM was contained anew since it was asked.

    What the dialog carries must be what its reader has seen, so it stays as it is then.
    """
    asked = lookup.restore
    if asked is None:
        return None
    containment = await services.store.containment(asked.containment_id)
    if containment.demand != asked.demand or not containment.active:
        return None
    known = await described(services, containment.vm)
    return restore_dialog(
        containment,
        known,
        start=asked.start,
        reason=asked.reason,
        lookup=lookup,
        late=late,
        second=services.policy().two_person.restore,
    )


class _Parsed(NamedTuple):
    """What was typed: the VM, what follows it, and whether it is to be done without asking once more."""

    vm: str
    options: Options
    yes: bool


def _parsed(text: str) -> _Parsed:
    """``--dry-run`` counts anywhere; ``--yes`` and the word ``start`` before the reason."""
    dry_run = DRY_RUN.search(text) is not None
    wanted, rest = typed_vm(DRY_RUN.sub(" ", text))
    yes, rest = said_yes(rest)
    start, reason = False, rest
    first, *others = rest.split(maxsplit=1) or [""]
    if first.lower() == START:
        start, reason = True, " ".join(others)
        yes, reason = (True, reason) if yes else said_yes(reason)
    return _Parsed(wanted, Options(start=start, reason=reason, dry_run=dry_run), yes)


def _rest(options: Options) -> str:
    """What was typed after the VM."""
    said = [START if options.start else "", "--dry-run" if options.dry_run else "", options.reason]
    return " ".join(filter(None, said))


def _not_found(wanted: str, contained: Sequence[KnownVm], rest: str) -> Message:
    nearest = Nearest(wanted.rpartition("/")[2], most=MOST)
    nearest.see({vm.ref.name for vm in contained})
    return none_contained(wanted, len(contained), nearest=nearest.names(), rest=rest)


COMMAND = Command(
    name=RESTORE_COMMAND,
    arguments="VM [start] [--yes] [--dry-run] [REASON]",
    example="web-02 start false alarm",
    summary="Undo a VM's containment, after showing what comes back",
    details=f"{VM_NAME} Typed alone, the command opens a form. `start` also starts the VM. `--yes`"
    " restores it at once, if the policy allows it. With `--dry-run` you only see what would come back.",
    who="on-call",
    may=may_restore,
    listener=RestoreListener,
    judged_now=True,
    opens_form=True,
)
