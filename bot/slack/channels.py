"""The policy's channels by their ids: a name is looked up once, at start, and kept in the store.

Slack finds no channel by its name. The list of all channels has a page for each thousand of them, and Slack
gives twenty pages a minute, so a card can't wait for it.
Source: https://docs.slack.dev/reference/methods/conversations.list
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import Refused, Throttled, slack_away, slack_refuses
from bot.slack.installation import Installation
from workers.domain.errors import DependencyAway, NotFound
from workers.domain.ports.channel_book import ChannelBook
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

MOST_A_PAGE = 1000
AGAIN_S = 5.0
"""After a failure, the list is begun anew so much later."""
MOST_OTHERS = 200
"""Channels that tags name, which are looked for, too."""
ANEW_S = 300.0
"""How often it is looked whether the bot is in its channels, and for those that were not in the list."""

Sleep = Callable[[float], Awaitable[None]]


async def every_channel(
    client: AsyncWebClient, *, archived: bool = False, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[dict[str, Any]]:
    """Every channel that Slack shows to the bot, as it describes them.

    A 429 costs the wait that Slack asks for, and the list goes on at the same page.

    Raises:
        DependencyAway: Slack does not answer.
        Refused: Slack does not show the list.
    """
    cursor = ""
    while True:
        try:
            with slack_away(), slack_refuses():
                answer = await client.conversations_list(
                    types="public_channel,private_channel",
                    exclude_archived=not archived,
                    limit=MOST_A_PAGE,
                    cursor=cursor,
                )
        except Throttled as no:
            log.info("Slack asks to wait with the list of channels", s=no.wait_s)
            await sleep(no.wait_s)
            continue
        for channel in answer["channels"]:
            yield channel
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return


def trouble_of(channel: str) -> str:
    """What health calls the trouble with a channel, given by its id or name."""
    return f"slack channel {channel}"


class Channels:
    """Knows the ids of the policy's channels.

    Args:
        client: with the bot token.
        named: gives the channels of the policy in force, by id or ``#name``.
        book: keeps what was found.
        installation: which workspace is ours.
        health: told which names can't be found.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        named: Callable[[], Collection[str]],
        book: ChannelBook,
        installation: Installation,
        health: Health,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = client
        self._named = named
        self._book = book
        self._installation = installation
        self._health = health
        self._sleep = sleep
        self._ids: dict[str, str] = {}
        self._missing: set[str] = set()
        self._others: set[str] = set()
        self._again = asyncio.Event()

    @property
    def _names(self) -> set[str]:
        return {name[1:] for name in self._named() if name.startswith("#")} | self._others

    def of_policy(self, channel: str) -> bool:
        """Whether the policy names it. Whom tags name is no trouble of ours."""
        return channel in self._named()

    def look_again(self) -> None:
        """Look for the names now: there may be others."""
        self._again.set()

    def id_of(self, name: str) -> str:
        """The id of ``#name``, or the id itself. It asks nobody; a new name is looked for from now on.

        Raises:
            NotFound: no such public channel, or the bot may not see it.
            DependencyAway: it is still being looked for.
        """
        if not name.startswith("#"):
            return name
        known = self._ids.get(name[1:])
        if known is not None:
            return known
        if name[1:] in self._missing:
            raise NotFound(f"there is no channel {name} that the bot can see; invite it there")
        if not self.of_policy(name) and len(self._others) < MOST_OTHERS and name[1:] not in self._others:
            self._others.add(name[1:])
            self.look_again()
        raise DependencyAway("slack", f"{name} is still being looked for")

    async def run(self) -> None:
        """Look for the names until all are found, and now and then at the channels, for ever."""
        while True:
            pause = ANEW_S
            try:
                if self._names - self._ids.keys():
                    await self._resolve()
                await self._look()
            except (DependencyAway, Refused, SlackApiError) as error:
                log.warning("can't look at the policy's channels; trying again", error=str(error))
                pause = AGAIN_S
                if isinstance(error, Refused):
                    self._missing |= self._names - self._ids.keys()
            leave_if_cancelled()
            await self._pause(pause)

    async def _pause(self, for_s: float) -> None:
        """Until so many seconds are over, or somebody wants it to look again."""
        waits = [asyncio.ensure_future(self._sleep(for_s)), asyncio.ensure_future(self._again.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        self._again.clear()

    async def _look(self) -> None:
        """Tell health whether the bot can post in each channel, before a card has to."""
        for name in self._named():
            channel = name if not name.startswith("#") else self._ids.get(name[1:])
            if channel is None:
                continue
            if because := await self._unusable(channel):
                self._health.trouble(trouble_of(channel), because)
            else:
                self._health.trouble_over(trouble_of(channel))

    async def _unusable(self, channel: str) -> str:
        """Why the bot can't post there; empty if it can."""
        try:
            found = await self._info(channel)
        except Refused as refused:
            return f"Slack does not show it to the bot: {refused.code}"
        if found.get("is_archived"):
            return "it is archived"
        return "" if found.get("is_member") else "the bot is not in it; invite it there"

    async def _info(self, channel: str) -> dict[str, Any]:
        with slack_away(), slack_refuses():
            answer = await self._client.conversations_info(channel=channel)
        found: dict[str, Any] = answer["channel"]
        return found

    async def _resolve(self) -> None:
        installed = await self._installation()
        workspace = installed.team_id or installed.enterprise_id
        for name in sorted(self._names - self._ids.keys()):
            channel = await self._book.look_up(workspace, name)
            if channel is not None and await self._still(channel, name):
                self._found(name, channel)
        if self._names - self._ids.keys():
            async for listed in every_channel(self._client, sleep=self._sleep):
                if listed["name"] in self._names:
                    self._found(listed["name"], str(listed["id"]))
                    await self._book.note(workspace, listed["name"], str(listed["id"]))
                if not self._names - self._ids.keys():
                    break
        self._missing = self._names - self._ids.keys()
        for name in self._missing - self._others:
            self._health.trouble(trouble_of(f"#{name}"), "there is no such channel that the bot can see")

    def _found(self, name: str, channel: str) -> None:
        self._ids[name] = channel
        self._health.trouble_over(trouble_of(f"#{name}"))

    async def _still(self, channel: str, name: str) -> bool:
        """Whether the channel that was found before is called so today."""
        try:
            found = await self._info(channel)
        except Refused:
            return False
        return found.get("name") == name and not found.get("is_archived")
