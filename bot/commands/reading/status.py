"""``/vm-status VM``: how a VM stands. Its owner and on-call see it, nobody else."""

import json

from bot.cards.blocks.inputs import ANY_VM, CHOICE, chosen_value, vm_menu
from bot.cards.blocks.kit import modal, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.overview.vm_status import vm_status
from bot.cards.blocks.text import code, counted, words
from bot.commands.command import VM_NAME, Command, members
from bot.commands.nearest import MOST, pressed_any
from bot.commands.picking.search import chosen_vm
from bot.commands.reading.status_blocks import NEAR, no_such_vm
from bot.commands.typed_vm import typed_vm
from bot.requests import Buttons, Clicked, Dialogs, Outcome, Submitted, Typed, View
from bot.services import Services
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import KnownVm, VmRef
from workers.use_cases.orders.reading.find_vm import find_vm
from workers.use_cases.orders.reading.lately import last_starts
from workers.use_cases.orders.reading.overview import VmStatus
from workers.use_cases.refuse import refuse_unless_sees

CHOOSE = "status.choose"
_LONGEST_QUERY = 1000


class StatusListener:
    """The command, and the dialog that asks which VM is meant."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.dialogs: Dialogs = {CHOOSE: self.chosen}
        self.buttons: Buttons = {pressed_any(NEAR): self.picked}

    async def typed(self, command: Typed) -> Message | None:
        """Say how it stands, or ask which one is meant."""
        actor, wanted = command.actor, typed_vm(command.text).vm
        match = await find_vm(wanted, self._services.inventory)
        if match.exact is not None:
            return await self._status(match.exact, actor)
        # Who is not on call is told nothing of VMs that are not theirs, not even that there are any.
        owned = [(self._owner(vm), vm) for vm in match.candidates]
        if not actor.on_call:
            actor = await self._services.groups.of(actor, *(owner for owner, _vm in owned))
        candidates = [vm for owner, vm in owned if actor.on_call or actor.owns(owner)]
        if len(candidates) == 1:
            return await self._status(candidates[0].ref, actor)
        if wanted and not candidates:
            near = self._services.inventory.near
            names = await near(wanted.rpartition("/")[2], limit=MOST) if actor.on_call else ()
            return no_such_vm(wanted, names, mine=not actor.on_call)
        if not actor.on_call:
            return no_such_vm(wanted, (), mine=True, several=[vm.ref.name for vm in candidates])
        await command.open_dialog(_choice(wanted, len(candidates)))
        return None

    async def picked(self, clicked: Clicked) -> Message | None:
        """As if the picked name had been typed."""
        return await self.typed(
            Typed(actor=clicked.actor, text=clicked.value, open_dialog=clicked.open_dialog)
        )

    async def chosen(self, dialog: Submitted) -> Outcome:
        """Say how the chosen VM stands, in the dialog's place."""
        vm = await chosen_vm(chosen_value(dialog.view), self._services)
        if vm is None:
            return Outcome(errors={CHOICE: "This VM is no longer known. Close this dialog and try again."})
        answer = await self._status(vm, dialog.actor)
        return Outcome(view=modal("How a VM stands", answer.blocks))

    async def _status(self, vm: VmRef, actor: Actor) -> Message:
        services = self._services
        status = await services.overview.of_vm(vm)
        await refuse_unless_sees(
            actor,
            _owner_of(status) or self._owner(status.line),
            groups=services.groups,
            store=services.store,
            clock=services.clock,
            kind="status.refused",
            wanted=f"/vm-status {vm.resource_id}",
        )
        starts = await last_starts(services.store, vm)
        return vm_status(status, starts, now=services.clock.now())

    def _owner(self, line: KnownVm | None) -> Owner:
        if line is None:
            return Owner(source="the VM is not known")
        return owner_from_tags(line.tags, self._services.policy().owner.tags, tags_known=line.tags_known)


def _owner_of(status: VmStatus) -> Owner | None:
    """Who is asked about it now: the tags before a start count, too."""
    return status.questions[0].owner if status.questions else None


def _choice(query: str, count: int) -> View:
    said = f"{counted(count, 'VM')} match {code(query)}. Which one is meant?"
    view = modal(
        "How a VM stands",
        [*([section(said)] if query else []), vm_menu(ANY_VM)],
        callback_id=CHOOSE,
        submit="Show",
    )
    return {**view, "private_metadata": json.dumps({"vm": words(query, _LONGEST_QUERY)})}


COMMAND = Command(
    name="/vm-status",
    arguments="VM",
    example="web-02",
    summary="Show how a VM stands: power, containment, open questions, last starts and who answered",
    details=f"{VM_NAME} Its owner and on-call can see it.",
    may=members,
    listener=StatusListener,
    opens_form=True,
)
