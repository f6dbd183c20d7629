"""``/vm-lockdown NAME [REASON]``: on-call contains a VM without asking its owner, or looks first."""

import structlog

from bot.cards.blocks.inputs import CHOICE, chosen_value, given_reason, value_of
from bot.cards.blocks.message import Message
from bot.cards.blocks.plans.looked_up import lookup_dialog
from bot.cards.blocks.status import LOCKDOWN_COMMAND
from bot.cards.looking import Looking
from bot.commands.command import VM_NAME, Command
from bot.commands.lockdown_blocks import (
    LOCKDOWN,
    NEAR,
    already_contained,
    lockdown_dialog,
    lockdown_started,
    typed_before,
    vm_not_found,
)
from bot.commands.lockdown_words import Wanted, known_profile, wanted
from bot.commands.nearest import MOST, pressed_any
from bot.requests import Buttons, Clicked, Dialogs, Outcome, Submitted, Typed, View
from bot.services import Services
from workers.domain.asking.decisions import may_lock_down
from workers.domain.containment.foresight.lookups import Lookup, LookupKind
from workers.domain.containment.plans import Plan
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StartgateError
from workers.domain.policy.owners import owner_of
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.find_vm import find_vm

log = structlog.get_logger(__name__)


class LockdownListener:
    """The command, and the dialog that asks which VM is meant."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looking = Looking(lambda: services.store, lambda: services.dialogs)
        self.dialogs: Dialogs = {LOCKDOWN: self.chosen}
        self.buttons: Buttons = {pressed_any(NEAR): self.picked}

    async def typed(self, command: Typed) -> Message | None:
        """Lock down the one VM that is certainly meant, or ask which one. A dry run only shows the plan."""
        asked = wanted(command.text)
        profile = self._profile(asked)
        match = await find_vm(asked.vm, self._services.inventory)
        if match.exact is not None and asked.kind is not None:
            typed = f"{LOCKDOWN_COMMAND} {command.text}"
            view = await self._look(asked.kind, match.exact, profile, command.actor, typed)
            await command.open_dialog(view)
            return None
        if match.exact is not None:
            return await self._lock_down(match.exact, command.actor, profile, asked.reason)
        if not match.candidates:
            return await self._not_found(asked)
        view = lockdown_dialog(match.candidates, asked.vm, asked.reason, profile, asked.kind)
        await command.open_dialog(view)
        return None

    async def picked(self, clicked: Clicked) -> Message | None:
        """Ask about the VM whose name was picked. Nothing happens yet."""
        asked = wanted(clicked.value)
        await self._services.lock_down.may(clicked.actor, wanted=f"{LOCKDOWN_COMMAND} {asked.vm}, picked")
        candidates = await self._services.inventory.named(asked.vm)
        if not candidates:
            return await self._not_found(asked)
        view = lockdown_dialog(candidates, asked.vm, asked.reason, self._profile(asked), asked.kind)
        await clicked.open_dialog(view)
        return None

    async def _not_found(self, asked: Wanted) -> Message:
        inventory = self._services.inventory
        nearest = await inventory.near(asked.vm.rpartition("/")[2], limit=MOST)
        return vm_not_found(asked.vm, await inventory.count(), nearest=nearest, reason=asked.rest)

    async def chosen(self, dialog: Submitted) -> Outcome:
        """Lock down the chosen VM, or show the plan for it; authorized once more."""
        asked = typed_before(dialog.view)
        profile = self._profile(asked)
        match = await find_vm(asked.vm, self._services.inventory)
        candidates = [match.exact] if match.exact is not None else [vm.ref for vm in match.candidates]
        value = chosen_value(dialog.view)
        vm = next((vm for vm in candidates if value_of(vm) == value), None)
        if vm is None:
            return Outcome(errors={CHOICE: "This VM is no longer known. Close this dialog and try again."})
        if asked.kind is not None:
            typed = f"{LOCKDOWN_COMMAND} {vm.name} {asked.rest}"
            return Outcome(view=await self._look(asked.kind, vm, profile, dialog.actor, typed))
        message = await self._lock_down(vm, dialog.actor, profile, given_reason(dialog.view))
        return Outcome(message=message)

    async def _look(
        self, kind: LookupKind, vm: VmRef, profile: LockdownProfile, actor: Actor, typed: str
    ) -> View:
        """Have the workers look; the dialog to open meanwhile, with what is known already."""
        lookup = await self._services.look_up(kind, vm, profile, actor, wanted=typed)
        known = await self._known(lookup)

        async def late(waiting: Lookup) -> View:
            return lookup_dialog(waiting, known, late=True)

        self._looking.wait_for(lookup, late)
        return lookup_dialog(lookup, known)

    async def _known(self, lookup: Lookup) -> Plan | None:
        """The plan that the VM's open question shows, if it is of this profile."""
        store = self._services.store
        try:
            record = await store.vm_record(lookup.vm)
            for approval_id in reversed(record.open_approvals):
                approval = await store.approval(approval_id)
                if approval.terms.lockdown == lookup.profile:
                    return approval.plan
        except StartgateError as error:
            log.info("no earlier plan to show", vm=lookup.vm.name, because=str(error))
        return None

    def _profile(self, asked: Wanted) -> LockdownProfile:
        policy = self._services.policy()
        return policy.profile(known_profile(asked.profile, policy))

    async def _lock_down(self, vm: VmRef, actor: Actor, profile: LockdownProfile, reason: str) -> Message:
        owner = await self._owner(vm)
        locked = await self._services.lock_down(vm, actor, profile, reason=reason, owner=owner)
        if locked.joined:
            return already_contained(locked.containment)
        return lockdown_started(locked.containment, channel=self._services.policy().oncall.channel)

    async def _owner(self, vm: VmRef) -> Owner | None:
        """Who is told of it; ``None`` where the tags are not known. A lockdown waits for nobody."""
        try:
            known = (await self._services.inventory.lines([vm])).get(vm.key)
        except Exception as error:
            log.warning("the inventory can't be read", vm=vm.name, because=str(error))
            return None
        if known is None:
            return None
        return owner_of(self._services.policy().owner, vm, known.tags, tags_known=True)


COMMAND = Command(
    name=LOCKDOWN_COMMAND,
    arguments="NAME [profile=NAME] [--dry-run] [drill] [REASON]",
    example="web-02 odd traffic",
    summary="Contain a VM now, without asking its owner",
    details=f"{VM_NAME} `profile=` names a lockdown profile of the policy. With `--dry-run` you see"
    " what would be done, and with `drill` whether it could be; nothing is changed.",
    who="on-call",
    may=may_lock_down,
    listener=LockdownListener,
)
