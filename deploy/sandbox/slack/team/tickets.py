"""Short-lived rights that Slack hands out with a payload: trigger ids and response URLs."""

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from deploy.sandbox.slack.errors import SlackError

TRIGGER_LIFE_S = 3.0
"""A trigger_id opens one dialog within three seconds of the person's act.

https://docs.slack.dev/reference/methods/views.open: ``expired_trigger_id``, ``exchanged_trigger_id``
"""
RESPONSE_URL_LIFE_S = 30 * 60.0
RESPONSE_URL_USES = 5
"""https://docs.slack.dev/interactivity/handling-user-interaction: "up to 5 times within 30 minutes"."""
_Ticket = TypeVar("_Ticket")
KEEP = 2_000
"""Tickets remembered of each kind, so that a long-running sandbox does not grow without bound."""


@dataclass(kw_only=True, slots=True)
class Trigger:
    """One person's act, exchangeable for one dialog. ``view_id`` is the view it was exchanged for."""

    id: str
    user: str
    from_view: str | None
    issued: float
    view_id: str | None = None
    exchanged: asyncio.Event = field(default_factory=asyncio.Event)

    async def opened(self, timeout_s: float) -> None:
        """Wait until it is exchanged, ``timeout_s`` seconds at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.exchanged.wait(), timeout_s)

    def spend(self, view_id: str) -> None:
        """It was exchanged for this view; whoever waits for that learns it."""
        self.view_id = view_id
        self.exchanged.set()


@dataclass(kw_only=True, slots=True)
class ResponseUrl:
    """Where an app may answer one act. ``ts`` is the message acted on, if it was one."""

    path: str
    user: str
    channel: str
    ts: str | None
    thread_ts: str | None
    issued: float
    uses: int = 0


class Tickets:
    """All tickets given out."""

    def __init__(self) -> None:
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def trigger(self, team_id: str, user: str, from_view: str | None = None) -> Trigger:
        """A new trigger; its three seconds begin now."""
        now = time.monotonic()
        trigger_id = f"{int(now * 1000)}.{team_id[1:]}.{secrets.token_hex(16)}"
        trigger = Trigger(id=trigger_id, user=user, from_view=from_view, issued=now)
        _put(self._triggers, trigger_id, trigger)
        return trigger

    def exchange(self, trigger_id: str) -> Trigger:
        """The trigger, if it may still open a dialog; ``spend`` it when one is open.

        Raises:
            SlackError: ``invalid_trigger_id``, ``exchanged_trigger_id`` or ``expired_trigger_id``.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.exchanged.is_set():
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() - trigger.issued > TRIGGER_LIFE_S:
            raise SlackError("expired_trigger_id")
        return trigger

    def response_url(
        self, kind: str, team_id: str, *, user: str, channel: str, ts: str | None, thread_ts: str | None
    ) -> ResponseUrl:
        """A new one; ``kind`` is ``actions`` or ``commands``, as in the addresses of hooks.slack.com."""
        path = f"/{kind}/{team_id}/{secrets.randbelow(10**12):012d}/{secrets.token_urlsafe(18)}"
        url = ResponseUrl(
            path=path, user=user, channel=channel, ts=ts, thread_ts=thread_ts, issued=time.monotonic()
        )
        _put(self._urls, path, url)
        return url

    def peek(self, path: str) -> ResponseUrl:
        """The ticket of a path given out before, without counting a use."""
        return self._urls[path]

    def use(self, path: str) -> ResponseUrl:
        """Count one use.

        Raises:
            SlackError: ``invalid_token``, ``expired_url`` or ``used_url``.
        """
        url = self._urls.get(path)
        if url is None:
            raise SlackError("invalid_token")
        if time.monotonic() - url.issued > RESPONSE_URL_LIFE_S:
            raise SlackError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        url.uses += 1
        return url


def _put(kept: dict[str, _Ticket], key: str, ticket: _Ticket) -> None:
    kept[key] = ticket
    if len(kept) > KEEP:
        del kept[next(iter(kept))]
