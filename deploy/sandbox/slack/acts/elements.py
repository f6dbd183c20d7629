"""Clicking, choosing and searching, in messages and in views."""

from dataclasses import dataclass
from typing import Any

from deploy.sandbox.slack.acts.entry import EntryError, entered, option_of
from deploy.sandbox.slack.acts.people import OnElement, element_in, seen_message, seen_view, where, who
from deploy.sandbox.slack.blockkit import check_options
from deploy.sandbox.slack.delivery import payloads
from deploy.sandbox.slack.delivery.deliver import Courier
from deploy.sandbox.slack.errors import RefusedActError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.inputs import HOLDERS, Placed
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Channel, Json, Message
from deploy.sandbox.slack.team.tickets import Trigger
from deploy.sandbox.slack.team.views import View

ECHOED = ("text", "value", "style", "placeholder", "confirm")
"""Fields of an element that its action carries back to the app."""


class ElementAct(OnElement):
    """Acting on an element.

    Attributes:
        value: what is entered or chosen; for a button nothing, or its own value, which tells it from
            other buttons of the same action_id.
        selected_option: the same for menus, as an option or its value.
        confirmed: the person said yes to the element's ``confirm`` dialog.
        wait_view_ms: how long to wait after the ack for a dialog to open.
    """

    selected_option: Any = None
    confirmed: bool = False
    wait_view_ms: float = 0

    @property
    def entry(self) -> Any:
        return self.selected_option if self.selected_option is not None else self.value


class Click(ElementAct):
    channel: str
    ts: str


class ViewAction(ElementAct):
    view_id: str


class Options(OnElement):
    """Typing ``query`` into an external menu, of a view or of a message."""

    query: str = ""
    view_id: str | None = None
    channel: str | None = None
    ts: str | None = None


@dataclass(frozen=True, slots=True)
class Elements:
    """Acts on elements."""

    state: State
    courier: Courier

    async def click(self, act: Click) -> Json:
        """Use an element of a message."""
        person = who(self.state, act.user)
        channel = where(self.state, person, act.channel)
        message = seen_message(person, channel, act.ts)
        placed = element_in(message.layout, act)
        action = self._action(placed, act, message.entered)
        trigger = self.state.tickets.trigger(self.state.identity.team_id, person.id)
        payload = payloads.message_action(
            self.state, person, channel, message, action=action, trigger=trigger
        )
        return await self._send(payload, trigger, act.wait_view_ms)

    async def view_action(self, act: ViewAction) -> Json:
        """Use an element of a dialog or a home tab. An input is only filled in, unless it dispatches."""
        person = who(self.state, act.user)
        view = seen_view(self.state, person, act.view_id)
        placed = element_in(view.blocks, act)
        action = self._action(placed, act, view.entered)
        if placed.block["type"] == "input" and not placed.block.get("dispatch_action"):
            return {"ok": True, "ack_ms": None, "sent": False}
        from_view = view.id if view.surface == "modal" else None
        trigger = self.state.tickets.trigger(self.state.identity.team_id, person.id, from_view)
        payload = payloads.view_action(self.state, person, view, action, trigger)
        return await self._send(payload, trigger, act.wait_view_ms)

    async def options(self, act: Options) -> Json:
        """What an external menu offers for a query."""
        person = who(self.state, act.user)
        source = self._menu_source(person, act)
        blocks = source.blocks if isinstance(source, View) else source[1].layout
        placed = element_in(blocks, act)
        if not placed.element["type"].endswith("external_select"):
            raise RefusedActError("no_external_menu", f"{act.action_id!r} does not ask the app for options")
        if len(act.query) < placed.element.get("min_query_length", 3):
            raise RefusedActError("query_too_short", "the menu waits for more letters")
        ack = await self.courier.interactive(
            payloads.block_suggestion(self.state, person, placed, act.query, source)
        )
        answer = ack.payload or {}
        problems = [str(problem) for problem in check_options(answer)] if not ack.error else []
        if problems:
            self.state.record.add("refused", what="options", messages=problems, answer=answer)
            return ack.as_json() | {"ok": False, "error": "invalid_options", "messages": problems}
        offered = {key: answer[key] for key in ("options", "option_groups") if key in answer}
        return ack.as_json() | offered

    def _menu_source(self, person: Member, act: Options) -> View | tuple[Channel, Message]:
        if act.view_id is not None:
            return seen_view(self.state, person, act.view_id)
        if act.channel is None or act.ts is None:
            raise RefusedActError("bad_act", "name a view_id, or a channel and a ts")
        channel = where(self.state, person, act.channel)
        return channel, seen_message(person, channel, act.ts)

    def _action(self, placed: Placed, act: ElementAct, values: dict[str, dict[str, Json]]) -> Json:
        """The action of the payload; what was entered is kept for ``state.values``."""
        element = placed.element
        if "confirm" in element and not act.confirmed:
            raise RefusedActError(
                "needs_confirm", "the person is asked first", needs_confirm=element["confirm"]
            )
        action: Json = {
            "type": element["type"],
            "action_id": placed.action_id,
            "block_id": placed.block_id,
            **{key: element[key] for key in ECHOED if key in element},
            "action_ts": self.state.workspace.ts(),
        }
        try:
            if element["type"] in HOLDERS:
                value = entered(self.state, element, act.entry)
                values.setdefault(placed.block_id, {})[placed.action_id] = value
                action |= value
            elif element["type"] == "overflow":
                action["selected_option"] = option_of(element, act.entry)
        except EntryError as error:
            raise RefusedActError("invalid_entry", str(error)) from None
        return action

    async def _send(self, payload: Json, trigger: Trigger, wait_view_ms: float) -> Json:
        ack = await self.courier.interactive(payload)
        if wait_view_ms and not ack.error:
            await trigger.opened(wait_view_ms / 1000)
        return ack.as_json() | ({"view_id": trigger.view_id} if trigger.view_id else {})
