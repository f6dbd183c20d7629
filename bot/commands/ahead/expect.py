"""``/vm-expect VM WINDOW REASON``: a start of a VM passes without a question; and its end."""

from bot.cards.blocks.access.answers import second_needed
from bot.cards.blocks.message import Message
from bot.commands.ahead.expect_blocks import (
    EXPECT,
    announced,
    expect_dialog,
    listed_starts,
    typed_in,
    withdrawn,
)
from bot.commands.command import VM_NAME, Command, members
from bot.commands.typed_vm import typed_vm
from bot.requests import Buttons, Dialogs, Outcome, Submitted, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_see
from workers.domain.errors import NotFound, NotYet
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.ahead.windows import HOW_TO
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import KnownVm
from workers.use_cases.orders.reading.find_vm import find_vm

END, LIST = "end", "list"


class ExpectListener:
    """The command, and the form that it opens without arguments."""

    buttons: Buttons = {}

    def __init__(self, services: Services) -> None:
        self._services = services
        self.dialogs: Dialogs = {EXPECT: self.submitted}

    async def typed(self, command: Typed) -> Message | None:
        """Expect it, list what is expected, or end one."""
        actor, (first, _, rest) = command.actor, command.text.partition(" ")
        if not command.text:
            await command.open_dialog(expect_dialog())
            return None
        if first.lower() == LIST and not rest:
            return listed_starts(await self._mine(actor))
        if first.lower() == END and rest and " " not in rest.strip():
            expect = self._services.expecting
            return withdrawn(await expect.withdraw(rest.strip("` "), by=actor.label, actor=actor))
        wanted, after = typed_vm(command.text)
        written, _, reason = after.partition(" ")
        if not written:
            raise NotYet(f"Say when, and why: {HOW_TO}.")
        return await self._expect(actor, wanted, written, reason)

    async def submitted(self, dialog: Submitted) -> Outcome:
        """The same from the form; authorized once more."""
        wanted, written, reason = typed_in(dialog.view)
        return Outcome(message=await self._expect(dialog.actor, typed_vm(wanted).vm, written, reason))

    async def _expect(self, actor: Actor, wanted: str, written: str, reason: str) -> Message:
        services = self._services
        known = await self._known(actor, wanted)
        actor = await services.expecting.may(actor, known, wanted=f"/vm-expect {wanted} {written}")
        zone = await services.directory.zone(actor.slack_user)
        if services.expecting.takes_two:
            asked = await services.expecting.ask(
                written, reason, actor, via="command", vm=known.ref, zone=zone
            )
            return second_needed(asked)
        found = await services.expecting.announce(
            written, reason, by=actor.label, by_user=actor.slack_user, vm=known.ref, zone=zone
        )
        return announced(found)

    async def _known(self, actor: Actor, wanted: str) -> KnownVm:
        """The VM's line. Who may not see a VM is told nothing of it, not even that there is one."""
        inventory = self._services.inventory
        match = await find_vm(wanted, inventory)
        refs = [match.exact] if match.exact else [one.ref for one in match.candidates]
        lines = await inventory.lines(refs)
        names = self._services.policy().owner.tags
        owned = [
            (owner_from_tags(line.tags, names, tags_known=line.tags_known), line) for line in lines.values()
        ]
        actor = await self._services.groups.of(actor, *(owner for owner, _line in owned))
        seen = [line for owner, line in owned if may_see(actor, owner).allowed]
        if len(seen) == 1:
            return seen[0]
        few = f"{len(seen)} VMs of yours match" if seen else "No VM of yours matches"
        raise NotFound(f"{few} {wanted[:80]!r}. Write its whole name, or group/name.")

    async def _mine(self, actor: Actor) -> list[Expectation]:
        """All of them for on-call; for others, what they announced themselves."""
        current = await self._services.expecting.current()
        return [one for one in current if actor.on_call or one.by_user == actor.slack_user]


COMMAND = Command(
    name="/vm-expect",
    arguments="VM WINDOW REASON",
    example="web-02 22:00-02:00 patch day",
    summary="Expect a start of a VM, so that it passes without a question",
    details=f"{VM_NAME} WINDOW: {HOW_TO}. Its owner and on-call can do this. At high risk you are asked all"
    f" the same. `/vm-expect {LIST}` lists what is expected, `/vm-expect {END} ID` ends one.",
    may=members,
    listener=ExpectListener,
    judged_now=True,
    opens_form=True,
)
