"""What a listener is given, and what it answers. ``flow`` makes the one and sends the other."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.cards.blocks.message import Message
from workers.domain.starts.people import Actor

View = dict[str, Any]
"""A dialog, as Block Kit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clicked:
    """Somebody pressed a button.

    Attributes:
        actor: who it is.
        value: the button's value, an opaque id.
        open_dialog: opens a dialog, within three seconds of the click.
    """

    actor: Actor
    value: str
    open_dialog: Callable[[View], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """Somebody typed a slash command that they may use.

    Attributes:
        actor: who it is.
        text: what follows the command, without spaces at its ends.
        open_dialog: as with a click.
    """

    actor: Actor
    text: str
    open_dialog: Callable[[View], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """Somebody submitted a dialog. They may have lost their permission since it opened."""

    actor: Actor
    view: View


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrote:
    """Somebody wrote a message to the bot, or below one of its messages.

    Attributes:
        actor: who it is, by what Slack says now.
        text: as Slack sends it.
        channel: the conversation's id.
        thread: the ``ts`` of the message that it is below; empty for one to the bot by itself.
        event_id: the same when Slack sends the event again.
    """

    actor: Actor
    text: str
    channel: str
    thread: str
    event_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What becomes of a submitted dialog; by itself, it closes.

    Attributes:
        errors: block id → what to correct; the dialog stays.
        view: another dialog in its place.
        message: sent to the person once the dialog has closed.
    """

    errors: dict[str, str] = field(default_factory=dict)
    view: View | None = None
    message: Message | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """Somebody opened a menu that asks for its options, or typed into it.

    Attributes:
        actor: who it is.
        query: what they typed so far; empty at first.
        view: the dialog with the menu.
    """

    actor: Actor
    query: str
    view: View


OnSearch = Callable[[Searched], Awaitable[list[dict[str, Any]]]]
"""Gives the options of a menu, at most a hundred."""
OnClick = Callable[[Clicked], Awaitable[Message | None]]
OnCommand = Callable[[Typed], Awaitable[Message | None]]
OnMessage = Callable[[Wrote], Awaitable[Message | None]]
OnSubmit = Callable[[Submitted], Awaitable[Outcome]]
Buttons = Mapping[str | re.Pattern[str], OnClick]
"""Action id, or a pattern of action ids → what happens when such a button is pressed."""
Dialogs = Mapping[str, OnSubmit]
"""Callback id of each dialog → what happens when it is submitted."""
