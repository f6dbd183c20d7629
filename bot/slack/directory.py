"""Who is who in Slack: owner → Slack users, Slack user → Actor, on-call, channels. Cached; fails closed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import SLACK_AWAY, slack_away
from bot.slack.pace import LOOKING_UP, OPENING, Pace
from workers.domain.errors import NotFound
from workers.domain.policy.model import Policy
from workers.domain.starts.people import Actor, Owner

log = structlog.get_logger(__name__)

PERSON_TTL_S = 300.0
ONCALL_TTL_S = 60.0
CHANNEL_TTL_S = 3600.0
_MOST_CACHED = 5000

K = TypeVar("K")
V = TypeVar("V")


class Found(NamedTuple):
    """Slack user ids of the people who own a VM, and what to say when some could not be found."""

    users: tuple[str, ...]
    notice: str


class _Cache(Generic[K, V]):
    """Remembers answers for a while, and asks once when many want the same."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._kept: dict[K, tuple[float, V]] = {}
        self._locks: dict[K, asyncio.Lock] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        kept = self._fresh(key)
        if kept is not None:
            return kept[1]
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._fresh(key)
            if kept is not None:
                return kept[1]
            try:
                value = await read()
            finally:
                self._locks.pop(key, None)
            if len(self._kept) >= _MOST_CACHED:
                self._kept.clear()
            self._kept[key] = (time.monotonic() + self._ttl_s, value)
            return value

    def _fresh(self, key: K) -> tuple[float, V] | None:
        kept = self._kept.get(key)
        return kept if kept and kept[0] > time.monotonic() else None


class Directory:
    """Looks people and channels up.

    Args:
        client: with the bot token.
        policy: gives the policy in force: who is on call.
        pace: shared with whatever else calls Slack for cards.
    """

    def __init__(self, client: AsyncWebClient, policy: Callable[[], Policy], pace: Pace) -> None:
        self._client = client
        self._policy = policy
        self._pace = pace
        self._people: _Cache[str, dict[str, Any]] = _Cache(PERSON_TTL_S)
        self._by_email: _Cache[str, str] = _Cache(PERSON_TTL_S)
        self._groups: _Cache[str, frozenset[str]] = _Cache(ONCALL_TTL_S)
        self._channels: _Cache[str, dict[str, str]] = _Cache(CHANNEL_TTL_S)
        self._dms: _Cache[str, str] = _Cache(CHANNEL_TTL_S)

    async def owners(self, owner: Owner) -> Found:
        """The owner's Slack users. Somebody whom Slack does not know, or who left, is named in the notice.

        Raises:
            DependencyAway: Slack does not answer; then nobody may be taken for unknown.
            Throttled: too many people were looked up lately. Whoever is known already is found all the same.
        """
        if not owner.known:
            return Found((), owner.source)
        users: list[str] = []
        unknown: list[str] = []
        for email in owner.emails:
            user = await self._by_email.get(email, lambda email=email: self._lookup(email))  # type: ignore[misc]  # default binds the loop variable
            (users if user else unknown).append(user or email)
        for user_id in owner.slack_users:
            person = await self._person(user_id)
            (users if _active(person) else unknown).append(user_id)
        notice = f"{owner.source} names {', '.join(unknown)}, whom Slack does not know" if unknown else ""
        return Found(tuple(dict.fromkeys(users)), notice)

    async def actor(self, user_id: str) -> Actor:
        """The person behind a click or a command. What can't be read is not granted.

        Whoever Slack has deactivated, a bot, or a guest of another workspace has no e-mail address here and
        is not on call, so they own nothing.
        """
        try:
            person = await self._person(user_id)
        except SLACK_AWAY as error:
            log.warning("who is it? Slack does not say", user=user_id, error=str(error))
            return Actor(slack_user=user_id, doubt="Slack did not say who you are; try again.")
        if not _active(person):
            return Actor(slack_user=user_id, name=_name(person))
        on_call, doubt = await self._on_call(user_id)
        email = str(person.get("profile", {}).get("email", "")).lower()
        return Actor(slack_user=user_id, name=_name(person), email=email, on_call=on_call, doubt=doubt)

    async def channel(self, name: str) -> str:
        """The id of ``#name``, or the id itself.

        Raises:
            NotFound: no such public channel, or the bot may not see it.
            DependencyAway: Slack does not answer.
        """
        if not name.startswith("#"):
            return name
        with slack_away():
            channels = await self._channels.get("all", self._list_channels)
        if name[1:] not in channels:
            raise NotFound(f"there is no channel {name} that the bot can see; invite it there")
        return channels[name[1:]]

    async def direct_message(self, user_id: str) -> str:
        """The id of the bot's conversation with this person; raises like ``owners``."""
        return await self._dms.get(user_id, lambda: self._open_dm(user_id))

    async def _on_call(self, user_id: str) -> tuple[bool, str]:
        oncall = self._policy().oncall
        if user_id in oncall.users:
            return True, ""
        group = oncall.usergroup
        if group is None:
            return False, ""
        try:
            members = await self._groups.get(group, lambda: self._members(group))
        except (SlackApiError, *SLACK_AWAY) as error:
            log.warning("who is on call? Slack does not say", usergroup=group, error=str(error))
            return (
                False,
                "Slack did not say who is on call; name people in the policy's oncall.users for such times.",
            )
        return user_id in members, ""

    async def _members(self, group: str) -> frozenset[str]:
        answer = await self._client.usergroups_users_list(usergroup=group)
        return frozenset(answer["users"])

    async def _lookup(self, email: str) -> str:
        """The id of the active user with this address; empty if there is none."""
        async with self._pace.kept(LOOKING_UP, email):
            try:
                answer = await self._client.users_lookupByEmail(email=email)
            except SlackApiError as error:
                if error.response.get("error") in ("users_not_found", "user_not_found"):
                    return ""
                raise
        user = answer["user"]
        return str(user["id"]) if _active(user) else ""

    async def _person(self, user_id: str) -> dict[str, Any]:
        return await self._people.get(user_id, lambda: self._read_person(user_id))

    async def _read_person(self, user_id: str) -> dict[str, Any]:
        with slack_away():
            try:
                answer = await self._client.users_info(user=user_id)
            except SlackApiError as error:
                if error.response.get("error") in ("user_not_found", "user_not_visible"):
                    return {}
                raise
        person: dict[str, Any] = answer["user"]
        return person

    async def _open_dm(self, user_id: str) -> str:
        async with self._pace.kept(OPENING, user_id):
            answer = await self._client.conversations_open(users=user_id)
        return str(answer["channel"]["id"])

    async def _list_channels(self) -> dict[str, str]:
        found: dict[str, str] = {}
        cursor = ""
        while True:
            answer = await self._client.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=200, cursor=cursor
            )
            found |= {channel["name"]: channel["id"] for channel in answer["channels"]}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return found


def _active(person: dict[str, Any]) -> bool:
    """``deleted`` and unknown are alike; bots and strangers from shared channels own nothing."""
    return bool(person) and not any(
        person.get(flag)
        for flag in ("deleted", "is_bot", "is_stranger", "is_restricted", "is_ultra_restricted")
    )


def _name(person: dict[str, Any]) -> str:
    profile = person.get("profile", {})
    return str(profile.get("display_name") or person.get("real_name") or person.get("name") or "")
