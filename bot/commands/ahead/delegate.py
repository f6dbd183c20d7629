"""``/vm-delegate @person UNTIL``: somebody answers in my stead for a while; and its end."""

import re

from bot.cards.blocks.access.answers import second_needed
from bot.cards.blocks.inputs import given_reason
from bot.cards.blocks.message import Message
from bot.commands.ahead.delegate_blocks import (
    DELEGATE,
    PERSON,
    UNTIL,
    delegate_dialog,
    delegated,
    ended,
    listed_delegations,
    typed_in,
)
from bot.commands.command import Command
from bot.requests import Buttons, Dialogs, Outcome, Submitted, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_delegate
from workers.domain.errors import NotYet
from workers.domain.starts.ahead.windows import moment
from workers.domain.starts.people import Actor

END, LIST = "end", "list"
_MENTION = re.compile(r"<@(?P<id>[UW][A-Z0-9]{5,20})(?:\|[^<>]*)?>|(?P<bare>[UW][A-Z0-9]{5,20})")


class DelegateListener:
    """The command, and the form that it opens without arguments."""

    buttons: Buttons = {}

    def __init__(self, services: Services) -> None:
        self._services = services
        self.dialogs: Dialogs = {DELEGATE: self.submitted}

    async def typed(self, command: Typed) -> Message | None:
        """Delegate, list, or end."""
        actor, (first, _, rest) = command.actor, command.text.partition(" ")
        if not command.text:
            await command.open_dialog(delegate_dialog(second=self._services.delegating.takes_two))
            return None
        if first.lower() == LIST and not rest:
            return listed_delegations(await self._services.delegating.of(actor.slack_user), actor.slack_user)
        if first.lower() == END:
            return ended(await self._services.delegating.end(actor, _person(rest) if rest else ""))
        until, _, reason = rest.strip().partition(" ")
        return await self._delegate(actor, _person(first), until, reason, via="command")

    async def submitted(self, dialog: Submitted) -> Outcome:
        """The same from the form; authorized once more."""
        person, until = typed_in(dialog.view)
        if not person:
            return Outcome(errors={PERSON: "Choose a person."})
        try:
            reason = given_reason(dialog.view)
            return Outcome(message=await self._delegate(dialog.actor, person, until, reason, via="form"))
        except NotYet as error:
            return Outcome(errors={UNTIL: str(error)[:150]})

    async def _delegate(self, actor: Actor, person: str, until: str, reason: str, *, via: str) -> Message:
        directory = self._services.directory
        to = await directory.actor(person, now=True)
        zone = await directory.zone(actor.slack_user)
        try:
            end = moment(until, self._services.clock.now(), zone)
        except ValueError as error:
            raise NotYet(f"{error}.") from None
        if to.doubt and not to.name:
            raise NotYet(to.doubt)
        delegating = self._services.delegating
        if delegating.takes_two:
            return second_needed(await delegating.ask(actor, to, end, reason, via=via))
        return delegated(await delegating.begin(actor, to, end, reason))


def _person(text: str) -> str:
    """The Slack id of whom a mention names."""
    match = _MENTION.fullmatch(text.strip())
    if match is None:
        raise NotYet(f"{text[:60]!r} names nobody. Mention a person with @, or type /vm-delegate alone.")
    return match["id"] or match["bare"]


COMMAND = Command(
    name="/vm-delegate",
    arguments="@PERSON UNTIL [REASON]",
    example="@olga 2026-12-01",
    summary="Have somebody answer in your stead for a while",
    details="UNTIL: `2d`, `18:00`, `2026-12-01` or `2026-12-01T18:00`. They answer for the VMs that you own,"
    " and can't pass it on. A reason can follow; where it takes two persons, it has to."
    f" `/vm-delegate {LIST}` lists them, `/vm-delegate {END} [@PERSON]` ends yours.",
    may=may_delegate,
    listener=DelegateListener,
    judged_now=True,
    opens_form=True,
)
