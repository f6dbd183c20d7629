"""Who is who in Slack: owner → Slack users, Slack user → Actor, on-call, channels.

Answers are cached for a while. Errors are not, and a permission that can't be read is not granted.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from async_lru import alru_cache
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


class Found(NamedTuple):
    """Slack user ids of the people who own a VM, and what to say when some could not be found."""

    users: tuple[str, ...]
    notice: str


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
        # Made here, not as decorators: each directory has caches of its own.
        self._person = alru_cache(_MOST_CACHED, ttl=PERSON_TTL_S)(self._read_person)
        self._user_by_email = alru_cache(_MOST_CACHED, ttl=PERSON_TTL_S)(self._look_up)
        self._members = alru_cache(_MOST_CACHED, ttl=ONCALL_TTL_S)(self._read_members)
        self._channels = alru_cache(1, ttl=CHANNEL_TTL_S)(self._list_channels)
        self._direct_message = alru_cache(_MOST_CACHED, ttl=CHANNEL_TTL_S)(self._open_direct_message)

    async def owners(self, owner: Owner) -> Found:
        """The owner's Slack users. Somebody whom Slack does not know, or who left, is named in the notice.

        Raises:
            DependencyAway: Slack does not answer, so nobody counts as unknown.
            Throttled: too many people were looked up lately.
        """
        if not owner.known:
            return Found((), owner.source)
        users: list[str] = []
        unknown: list[str] = []
        for email in owner.emails:
            user = await self._user_by_email(email)
            (users if user else unknown).append(user or email)
        for user_id in owner.slack_users:
            person = await self._person(user_id)
            (users if _active(person) else unknown).append(user_id)
        notice = f"{owner.source} names {', '.join(unknown)}, whom Slack does not know" if unknown else ""
        return Found(tuple(dict.fromkeys(users)), notice)

    async def actor(self, user_id: str) -> Actor:
        """The person behind a click or a command. What can't be read is not granted.

        A deactivated account, a bot, a guest and somebody from another workspace get no e-mail address here
        and are not on call, so they own nothing.
        """
        try:
            person = await self._person(user_id)
        except SLACK_AWAY as error:
            log.warning("Slack did not say who this is", user=user_id, error=str(error))
            return Actor(slack_user=user_id, doubt="Slack did not say who you are. Try again.")
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
            channels = await self._channels()
        if name[1:] not in channels:
            raise NotFound(f"there is no channel {name} that the bot can see; invite it there")
        return channels[name[1:]]

    async def direct_message(self, user_id: str) -> str:
        """The id of the bot's conversation with this person; raises like ``owners``."""
        return await self._direct_message(user_id)

    async def _on_call(self, user_id: str) -> tuple[bool, str]:
        oncall = self._policy().oncall
        if user_id in oncall.users:
            return True, ""
        group = oncall.usergroup
        if group is None:
            return False, ""
        try:
            members = await self._members(group)
        except (SlackApiError, *SLACK_AWAY) as error:
            log.warning("Slack did not say who is on call", usergroup=group, error=str(error))
            return (
                False,
                "Slack did not say who is on call. Name people in the policy's oncall.users for such times.",
            )
        return user_id in members, ""

    async def _read_members(self, group: str) -> frozenset[str]:
        answer = await self._client.usergroups_users_list(usergroup=group)
        return frozenset(answer["users"])

    async def _look_up(self, email: str) -> str:
        """The id of the active user with this address; empty if there is none."""
        async with self._pace.in_turn(LOOKING_UP, email):
            try:
                answer = await self._client.users_lookupByEmail(email=email)
            except SlackApiError as error:
                if error.response.get("error") in ("users_not_found", "user_not_found"):
                    return ""
                raise
        user = answer["user"]
        return str(user["id"]) if _active(user) else ""

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

    async def _open_direct_message(self, user_id: str) -> str:
        async with self._pace.in_turn(OPENING, user_id):
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
