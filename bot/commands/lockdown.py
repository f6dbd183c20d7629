"""``/vm-lockdown VM [REASON]``: on-call contains a VM without asking its owner, after seeing what is done."""

from collections.abc import Awaitable, Callable

import structlog

from bot.cards.blocks.inputs import CHOICE, REASON_MAX, chosen_value, given_reason
from bot.cards.blocks.message import Message
from bot.cards.blocks.plans.before_lockdown import CONFIRM_LOCKDOWN, lockdown_confirm_dialog
from bot.cards.blocks.plans.looked_up import lookup_dialog
from bot.cards.blocks.status import LOCKDOWN_COMMAND
from bot.cards.blocks.text import words
from bot.cards.looking import Looking
from bot.commands.command import VM_NAME, Command
from bot.commands.lockdown_blocks import (
    LOCKDOWN,
    NEAR,
    already_contained,
    lockdown_dialog,
    lockdown_started,
    typed_with_it,
    vm_not_found,
)
from bot.commands.lockdown_words import Wanted, known_profile, wanted
from bot.commands.nearest import MOST, pressed_any
from bot.commands.picking.describe import described
from bot.commands.picking.search import chosen_vm
from bot.requests import Buttons, Clicked, Dialogs, Outcome, Submitted, Typed, View
from bot.services import Services
from workers.domain.asking.decisions import may_lock_down
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import Lookup, LookupKind, OfLockdown
from workers.domain.containment.plans import Plan
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StartgateError
from workers.domain.policy.owners import owner_of
from workers.domain.policy.people import WithYes
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.reading.find_vm import Match, find_vm

log = structlog.get_logger(__name__)


class LockdownListener:
    """The command, the dialog that asks which VM is meant, and the one that shows what will be done."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looking = Looking(lambda: services.store, lambda: services.dialogs)
        self.dialogs: Dialogs = {LOCKDOWN: self.chosen, CONFIRM_LOCKDOWN: self.confirmed}
        self.buttons: Buttons = {pressed_any(NEAR): self.picked}

    async def typed(self, command: Typed) -> Message | None:
        """Show what locking the VM down does, or ask which one is meant; with ``--yes`` do it at once.

        A dry run only shows the plan.
        """
        asked = wanted(command.text)
        if asked.kind is None:
            self._services.lock_down.refuse_while_observing()
        match = await find_vm(asked.vm, self._services.inventory)
        if asked.yes and asked.kind is None and match.exact is not None and self._yes_counts():
            return await self._lock_down(match.exact, command.actor, self._profile(asked), asked.reason)
        return await self._asked(asked, match, command.actor, command.open_dialog)

    def _yes_counts(self) -> bool:
        return WithYes.LOCKDOWN in self._services.policy().oncall.yes

    async def _asked(
        self, asked: Wanted, match: Match, actor: Actor, open_dialog: Callable[[View], Awaitable[None]]
    ) -> Message | None:
        """Nothing happens before somebody has seen it and said yes."""
        profile = self._profile(asked)
        if match.sole is not None:
            typed = f"{LOCKDOWN_COMMAND} {asked.vm} {asked.rest}".strip()
            await open_dialog(await self._look(asked, match.sole, profile, actor, typed))
            return None
        if asked.vm and not match.candidates:
            return await self._not_found(asked)
        names = [one.name for one in self._services.policy().profiles]
        await open_dialog(
            lockdown_dialog(
                len(match.candidates), asked.vm, asked.reason, names, chosen=profile.name, kind=asked.kind
            )
        )
        return None

    async def picked(self, clicked: Clicked) -> Message | None:
        """Ask about the VM whose name was picked, whatever was typed with the wrong one."""
        asked = wanted(clicked.value)
        await self._services.lock_down.may(clicked.actor, wanted=f"{LOCKDOWN_COMMAND} {asked.vm}, picked")
        match = await find_vm(asked.vm, self._services.inventory)
        return await self._asked(asked._replace(yes=False), match, clicked.actor, clicked.open_dialog)

    async def _not_found(self, asked: Wanted) -> Message:
        inventory = self._services.inventory
        nearest = await inventory.near(asked.vm.rpartition("/")[2], limit=MOST)
        return vm_not_found(asked.vm, await inventory.count(), nearest=nearest, reason=asked.rest)

    async def chosen(self, dialog: Submitted) -> Outcome:
        """Show what would be done to the chosen VM; authorized once more."""
        await self._services.lock_down.may(dialog.actor, wanted=f"{LOCKDOWN_COMMAND}, chosen in the dialog")
        asked = typed_with_it(dialog.view)
        profile = self._profile(asked)
        vm = await chosen_vm(chosen_value(dialog.view), self._services)
        if vm is None:
            return Outcome(errors={CHOICE: "This VM is no longer known. Close this dialog and try again."})
        typed = f"{LOCKDOWN_COMMAND} {vm.name} {asked.rest}"
        return Outcome(view=await self._look(asked, vm, profile, dialog.actor, typed))

    async def confirmed(self, dialog: Submitted) -> Outcome:
        """Lock down the VM that the dialog shows; authorized once more."""
        await self._services.lock_down.may(dialog.actor, wanted=f"{LOCKDOWN_COMMAND}, in its dialog")
        try:
            shown = await self._services.store.lookup(str(dialog.view["private_metadata"]))
        except NotFound:
            raise NotFound("This dialog is too old. Type the command again.") from None
        reason = given_reason(dialog.view)
        return Outcome(message=await self._lock_down(shown.vm, dialog.actor, shown.profile, reason))

    async def _look(
        self, asked: Wanted, vm: VmRef, profile: LockdownProfile, actor: Actor, typed: str
    ) -> View:
        """Have the workers look; the dialog to open meanwhile, with what is known already."""
        order = None
        if asked.kind is None:
            order = OfLockdown(
                reason=words(asked.reason, REASON_MAX), note=_ASKED_ANYWAY if asked.yes else ""
            )
        lookup = await self._services.look_up(
            asked.kind or LookupKind.PLAN, vm, profile, actor, wanted=typed, lockdown=order
        )
        known = await self._known(lookup)

        async def late(waiting: Lookup) -> View:
            return await shown_plan(self._services, waiting, known, late=True)

        self._looking.wait_for(lookup, late)
        return await shown_plan(self._services, lookup, known)

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


async def shown_plan(
    services: Services, lookup: Lookup, known: Plan | None = None, *, late: bool = False
) -> View:
    """The dialog of a dry run or a drill, or the one that asks before a lockdown."""
    if lookup.lockdown is None:
        return lookup_dialog(lookup, known, late=late)
    return lockdown_confirm_dialog(
        lookup,
        known,
        line=await described(services, lookup.vm),
        held=await _held(services, lookup.vm),
        late=late,
    )


async def _held(services: Services, vm: VmRef) -> Containment | None:
    """What contains this VM already."""
    try:
        containment_id = (await services.store.vm_record(vm)).containment_id
        held = await services.store.containment(containment_id) if containment_id else None
    except NotFound:
        return None
    return held if held is not None and held.active else None


_ASKED_ANYWAY = (
    "Typed with --yes, and asked all the same: the policy's oncall.yes does not name lockdown, or the VM was"
    " not named in full."
)


COMMAND = Command(
    name=LOCKDOWN_COMMAND,
    arguments="VM [profile=NAME] [--yes] [--dry-run] [drill] [REASON]",
    example="web-02 odd traffic",
    summary="Contain a VM, without asking its owner, after showing what will be done",
    details=f"{VM_NAME} Typed alone, the command opens a form. `profile=` names a lockdown profile of the"
    " policy. `--yes` contains the VM at once, if the policy allows it. With `--dry-run` you only see what"
    " would be done, and with `drill` whether it could be; nothing is changed.",
    who="on-call",
    may=may_lock_down,
    listener=LockdownListener,
    opens_form=True,
)
