"""Who acts, where, and on what they can see."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from deploy.sandbox.slack.errors import RefusedActError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.inputs import Placed, placed_elements
from deploy.sandbox.slack.team.members import Member
from deploy.sandbox.slack.team.messages import Channel, Json, Message
from deploy.sandbox.slack.team.views import View

APP = "app"
"""The word for a person's direct messages with the app."""


class Act(BaseModel):
    """What every act says: who does it. People and channels go by id or by name."""

    model_config = ConfigDict(extra="forbid")

    user: str


class OnElement(Act):
    """An act on an element, which is named as Slack names it."""

    action_id: str
    block_id: str | None = None
    value: Any = None


def who(state: State, ref: str) -> Member:
    """The acting person."""
    member = state.workspace.person(ref)
    if member is None:
        raise RefusedActError("no_such_person", f"nobody here is called {ref!r}")
    if member.deleted or member.is_bot:
        raise RefusedActError("cannot_act", f"{member.name} cannot sign in")
    return member


def where(state: State, person: Member, ref: str) -> Channel:
    """The channel, if the person is in it. ``app`` is their direct messages with the app."""
    if ref == APP:
        return state.workspace.dm([person.id])[0]
    channel = state.workspace.channel(ref)
    if channel is None:
        raise RefusedActError("no_such_channel", f"there is no channel {ref!r}")
    if not state.workspace.can_see(person.id, channel):
        raise RefusedActError("cannot_see_channel", f"{person.name} is not in {channel.name}")
    return channel


def seen_message(person: Member, channel: Channel, ts: str) -> Message:
    """The message, if the person sees it."""
    message = channel.message(ts)
    if message is None or message.ephemeral_for not in (None, person.id):
        raise RefusedActError("no_such_message", f"{person.name} sees no message {ts} in {channel.name}")
    return message


def seen_view(state: State, person: Member, view_id: str) -> View:
    """The view, if it is the top one in front of the person, or their home tab."""
    stack = state.views.stacks.get(person.id, [])
    home = state.views.homes.get(person.id)
    for view in (stack[-1] if stack else None, home):
        if view is not None and view.id == view_id:
            return view
    raise RefusedActError("no_such_view", f"{person.name} has no view {view_id} open on top")


def element_in(blocks: list[Json], act: OnElement) -> Placed:
    """The element acted on: the first with this action_id, for buttons the first with the act's value."""
    found = [
        placed
        for placed in placed_elements(blocks)
        if placed.action_id == act.action_id and act.block_id in (None, placed.block_id)
    ]
    if not found:
        place = f" in block {act.block_id!r}" if act.block_id else ""
        raise RefusedActError("no_such_element", f"there is no element {act.action_id!r}{place}")
    if act.value is None or found[0].element["type"] != "button":
        return found[0]
    same = [placed for placed in found if placed.element.get("value") == act.value]
    if not same:
        raise RefusedActError("no_such_element", f"no button {act.action_id!r} has the value {act.value!r}")
    return same[0]
