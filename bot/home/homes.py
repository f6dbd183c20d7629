"""The Homes that people have open: published when they open them, and again when something has changed.

Each person's at most once in three seconds, and all of them together within the method's rate. What is known
of who has it open is in this process: Slack tells of each opening again.
Sources: https://docs.slack.dev/reference/methods/views.publish, https://docs.slack.dev/reference/events/app_home_opened
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.command import Command
from bot.home.blocks import barred_view, home_view
from bot.home.content import HomeReader
from bot.services import Services
from bot.slack.errors import Refused, Throttled, slack_away, slack_refuses
from workers.domain.errors import StartgateError
from workers.runtime.lifecycle import leave_if_cancelled

log = structlog.get_logger(__name__)

EVERY_S = 3.0
"""A person's Home is published no more often."""
_APART_S = 0.6
"""Between any two: Slack takes about a hundred a minute."""
_LOOK_EVERY_S = 15.0
"""What changed through another process is seen after so long."""
_OPEN_FOR_S = 1800.0
"""Whoever opened it longer ago has hardly still got it before them."""
_MOST_OPEN = 500


@dataclass(slots=True)
class _Open:
    """A Home that somebody has open; times by the event loop's clock, in seconds."""

    opened_at: float
    asked: bool = True
    published_at: float = float("-inf")
    looked_at: float = float("-inf")
    shows: str = ""
    hash: str = ""


class Homes:
    """Publishes Homes.

    Args:
        client: with the bot token.
        services: what Homes are read with.
        commands: all commands, of which each person sees their own.
        trouble: what is not well with Startgate, as a sentence; empty if all is.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        services: Services,
        commands: Sequence[Command],
        trouble: Callable[[], str],
    ) -> None:
        self._client = client
        self._services = services
        self._read = HomeReader(services)
        self._commands = commands
        self._trouble = trouble
        self._open: dict[str, _Open] = {}
        self._changed = asyncio.Event()

    def opened(self, user_id: str, shown: dict[str, Any] | None = None) -> None:
        """This person has opened their Home; ``shown`` is the view that Slack has of it."""
        now = asyncio.get_running_loop().time()
        known = self._open.pop(user_id, None) or _Open(opened_at=now)
        known.opened_at, known.asked = now, True
        known.hash = str((shown or {}).get("hash") or known.hash)
        if not (shown or {}).get("blocks"):
            known.shows = ""
        self._open[user_id] = known  # the last opened is the last in order
        while len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._changed.set()

    def changed(self) -> None:
        """Something that Homes show has changed."""
        for one in self._open.values():
            one.asked = True
        if self._open:
            self._changed.set()

    async def run(self) -> None:
        """Publish what is to be published, for ever."""
        while True:
            leave_if_cancelled()
            pause_s = await self._publish_next()
            self._changed.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _publish_next(self) -> float | None:
        """Publish the Home that waits the longest; answers after how long the next one may be due."""
        now = asyncio.get_running_loop().time()
        self._open = {user: one for user, one in self._open.items() if now - one.opened_at < _OPEN_FOR_S}
        if not self._open:
            return None
        due = {user: _due_at(one) for user, one in self._open.items()}
        user = min(due, key=lambda one: due[one])
        if due[user] > now:
            return due[user] - now
        wait_s = await self._bring_up_to_date(user, self._open[user])
        await asyncio.sleep(max(_APART_S, wait_s))
        return 0.0

    async def _bring_up_to_date(self, user: str, home: _Open) -> float:
        """Read it, and publish it if it is another one; answers how long Slack wants to be left alone."""
        home.asked, home.looked_at = False, asyncio.get_running_loop().time()
        try:
            view, shows = await self._view(user)
            if shows == home.shows:
                return 0.0
            await self._publish(user, home, view)
        except Throttled as no:
            home.asked = True
            return no.wait_s
        except StartgateError as error:  # it is looked at again before long
            log.warning("a Home was not published", user=user, because=str(error))
            return 0.0
        home.shows, home.published_at = shows, asyncio.get_running_loop().time()
        return 0.0

    async def _view(self, user: str) -> tuple[dict[str, Any], str]:
        """The view, and what tells it from one before: not each minute that somebody has waited longer."""
        actor = await self._services.directory.actor(user)
        if actor.barred:
            return barred_view(actor.barred), actor.barred
        content, trouble = await self._read(actor), self._trouble()
        view = home_view(content, actor, self._commands, trouble=trouble)
        return view, f"{content.key} {actor.on_call} {trouble}"

    async def _publish(self, user: str, home: _Open, view: dict[str, Any]) -> None:
        """With the hash of what is there; where another process was faster, this takes its place."""
        for view_hash in (home.hash, ""):
            expected = {"hash": view_hash} if view_hash else {}
            try:
                with slack_away(), slack_refuses():
                    answer = await self._client.views_publish(user_id=user, view=view, **expected)
            except Refused as refused:
                if refused.code != "hash_conflict":
                    raise
                continue
            shown: dict[str, Any] = answer["view"]
            home.hash = str(shown.get("hash", ""))
            return


def _due_at(home: _Open) -> float:
    """When it is to be looked at, by the event loop's clock."""
    again_at = home.looked_at + (0.0 if home.asked else _LOOK_EVERY_S)
    return max(again_at, home.published_at + EVERY_S)
