"""Whether an owner is not to be disturbed now: by the policy's quiet hours, or by Slack's do-not-disturb."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog
from async_lru import alru_cache
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import SLACK_AWAY
from workers.domain.policy.model import Policy
from workers.domain.policy.quiet import quiet_until
from workers.domain.ports.clock import Clock

log = structlog.get_logger(__name__)

DND_TTL_S = 60.0
_MOST_CACHED = 5000


class Quiet(Protocol):
    """Knows who is not to be disturbed."""

    async def until(self, user: str, email: str, *, at: datetime | None = None) -> datetime | None:
        """Until when, in UTC; ``None`` if they may be disturbed then, or if that can't be told.

        Args:
            user: their Slack id.
            email: their address; empty if it is not known.
            at: when they would be disturbed; now by default.
        """
        ...

    def of_channel(self, channel: str) -> datetime | None:
        """The same for a channel that owns VMs, as it is named."""
        ...


class NobodyQuiet:
    """Everybody may be disturbed."""

    async def until(self, user: str, email: str, *, at: datetime | None = None) -> None:
        """Never."""
        del user, email, at

    def of_channel(self, channel: str) -> None:
        """Never."""
        del channel


class SlackQuiet:
    """By the policy and by Slack.

    Args:
        client: with the bot token.
        policy: gives the policy in force.
        clock: tells the time.
        in_group: the members of a user group.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        policy: Callable[[], Policy],
        clock: Clock,
        in_group: Callable[[str], Awaitable[frozenset[str]]],
    ) -> None:
        self._client = client
        self._policy = policy
        self._clock = clock
        self._in_group = in_group
        self._dnd = alru_cache(_MOST_CACHED, ttl=DND_TTL_S)(self._read_dnd)

    async def until(self, user: str, email: str, *, at: datetime | None = None) -> datetime | None:
        """The later end of both."""
        policy, now = self._policy(), at or self._clock.now()
        names = {user, email.lower(), *await self._groups(user)} - {""}
        ends = [quiet_until(policy.quiet_hours, names, now)]
        if policy.people.do_not_disturb:
            ends.append(await self._disturbed_from(user, now))
        return max((end for end in ends if end is not None), default=None)

    def of_channel(self, channel: str) -> datetime | None:
        """By the policy alone: a channel has no do-not-disturb."""
        return quiet_until(self._policy().quiet_hours, {channel}, self._clock.now())

    async def _groups(self, user: str) -> list[str]:
        """Those user groups of the policy's quiet hours that they are in."""
        named = {one for hours in self._policy().quiet_hours for one in hours.who if one.startswith("S")}
        found = []
        for group in sorted(named):
            try:
                if user in await self._in_group(group):
                    found.append(group)
            except (SlackApiError, *SLACK_AWAY) as error:
                log.warning("Slack did not say who is in a group", group=group, error=str(error))
        return found

    async def _disturbed_from(self, user: str, now: datetime) -> datetime | None:
        try:
            begins, ends = await self._dnd(user)
        except (SlackApiError, *SLACK_AWAY) as error:
            # A question too early is better than one too late.
            log.info("Slack did not say whether somebody is to be disturbed", user=user, error=str(error))
            return None
        return datetime.fromtimestamp(ends, UTC) if begins <= now.timestamp() < ends else None

    async def _read_dnd(self, user: str) -> tuple[float, float]:
        """When it began or begins next, and when it ends; nothing lies between them if it is off.

        Of others than the app itself, Slack does not tell whether they snooze, only their schedule.
        Source: https://docs.slack.dev/reference/methods/dnd.info
        """
        answer = await self._client.dnd_info(user=user)
        if not answer.get("dnd_enabled"):
            return 0.0, 0.0
        return float(answer["next_dnd_start_ts"]), float(answer["next_dnd_end_ts"])
