"""Who is who in Slack: owner → Slack users, Slack user → Actor, on-call.

Answers are cached for a while. Errors are not, and a permission that can't be read is not granted.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from types import MappingProxyType
from typing import Any, NamedTuple

import structlog
from async_lru import alru_cache
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import SLACK_AWAY, Refused, slack_away, slack_refuses
from bot.slack.installation import Installation
from bot.slack.membership import OF_THEM, TO_THEM, Standing, standing
from bot.slack.pace import LOOKING_UP, OPENING, Pace
from workers.domain.errors import NotFound
from workers.domain.policy.model import Policy
from workers.domain.starts.people import Actor, Owner

log = structlog.get_logger(__name__)

PERSON_TTL_S = 300.0
ONCALL_TTL_S = 60.0
NOW_TTL_S = 3.0
"""What Slack says *now* is at most this old: clicks of many people at once cost it one question."""
CONVERSATION_TTL_S = 3600.0
_MOST_CACHED = 5000
_MOST_A_PAGE = 1000


class Found(NamedTuple):
    """The people who own a VM.

    Attributes:
        users: Slack user id → how the tag names them.
        emails: Slack user id → their address, where it is known and counts.
        notice: what to say of those who can't be asked; empty if there are none.
    """

    users: dict[str, str]
    notice: str
    emails: Mapping[str, str] = MappingProxyType({})


class Directory:
    """Looks people up.

    Args:
        client: with the bot token.
        policy: gives the policy in force: who is on call, and who counts.
        installation: which workspace is ours.
        pace: shared with whatever else calls Slack for cards.
        channel_id: the id of a channel, given by ``#name`` or by id. Raises ``DependencyAway``, ``NotFound``.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        policy: Callable[[], Policy],
        installation: Installation,
        pace: Pace,
        channel_id: Callable[[str], str] = str,
    ) -> None:
        self._channel_id = channel_id
        self._client = client
        self._policy = policy
        self._installation = installation
        self._pace = pace
        # Made here, not as decorators: each directory has caches of its own.
        self._person = alru_cache(_MOST_CACHED, ttl=PERSON_TTL_S)(self._read_person)
        self._person_now = alru_cache(_MOST_CACHED, ttl=NOW_TTL_S)(self._read_person)
        self._user_by_email = alru_cache(_MOST_CACHED, ttl=PERSON_TTL_S)(self._look_up)
        self._members = alru_cache(_MOST_CACHED, ttl=ONCALL_TTL_S)(self._read_members)
        self._members_now = alru_cache(_MOST_CACHED, ttl=NOW_TTL_S)(self._read_members)
        self._channel = alru_cache(_MOST_CACHED, ttl=ONCALL_TTL_S)(self._read_channel)
        self._channel_now = alru_cache(_MOST_CACHED, ttl=NOW_TTL_S)(self._read_channel)
        self._direct_message = alru_cache(_MOST_CACHED, ttl=CONVERSATION_TTL_S)(self._open_direct_message)

    async def owners(self, owner: Owner) -> Found:
        """The owner's Slack users. Who does not count is named in the notice, with the reason.

        Raises:
            DependencyAway: Slack does not answer, so nobody counts as unknown.
            Throttled: too many people were looked up lately.
        """
        if not owner.known:
            return Found({}, owner.source)
        users: dict[str, str] = {}
        emails: dict[str, str] = {}
        others: dict[str, str] = {}
        for email in owner.emails:
            try:
                person = await self._user_by_email(email)
            except Refused as refused:
                others[email] = _hidden(refused)
                continue
            stands = await self._standing(person)
            if stands in OF_THEM:
                others[email] = OF_THEM[stands]
            elif not stands.email_counts:
                others[email] = f"{OF_THEM[Standing.OUTSIDE]} and counts only by Slack user id"
            else:
                users[str(person["id"])] = email
                emails[str(person["id"])] = email
        for user_id in owner.slack_users:
            try:
                person = await self._person(user_id)
                stands = await self._standing(person)
            except Refused as refused:
                others[user_id] = _hidden(refused)
                continue
            if stands in OF_THEM:
                others[user_id] = OF_THEM[stands]
            else:
                users.setdefault(user_id, user_id)
                emails.setdefault(user_id, _email(person, stands))
        return Found(users, names_others(owner, others), emails)

    async def actor(self, user_id: str, *, team: str = "", now: bool = False) -> Actor:
        """The person behind a click or a command. What can't be read is not granted.

        Args:
            user_id: who Slack says it is.
            team: the ``user.team_id`` of a click or a dialog; a command tells none.
            now: by what Slack says now, not by what it said minutes ago: for what is dangerous.
        """
        try:
            person = await (self._person_now if now else self._person)(user_id)
            stands = await self._standing(person, team=team)
        except (SlackApiError, Refused, *SLACK_AWAY) as error:
            log.warning("Slack did not say who this is", user=user_id, error=str(error))
            return Actor(
                slack_user=user_id, doubt="Slack did not say right now who you are. Try again in a minute."
            )
        if stands in TO_THEM:
            log.warning("this person does not count here", user=user_id, because=str(stands), team=team)
            return Actor(slack_user=user_id, name=_name(person), barred=TO_THEM[stands])
        on_call, doubt = await self._on_call(user_id, now=now) if stands.may_be_on_call else (False, "")
        email = _email(person, stands)
        return Actor(slack_user=user_id, name=_name(person), email=email, on_call=on_call, doubt=doubt)

    async def zone(self, user_id: str) -> tzinfo:
        """The zone that this person has set in Slack; UTC where it can't be read."""
        try:
            person = await self._person(user_id)
            return timezone(timedelta(seconds=int(person.get("tz_offset") or 0)))
        except (SlackApiError, Refused, ValueError, *SLACK_AWAY) as error:
            log.info("Slack did not say in which zone this person is", user=user_id, because=str(error))
            return UTC

    async def workspace_url(self) -> str:
        """Our workspace's address, such as ``https://contoso.slack.com/``; empty if it can't be told now."""
        try:
            return (await self._installation()).url
        except (SlackApiError, *SLACK_AWAY):
            return ""

    async def _standing(self, person: dict[str, Any], *, team: str = "") -> Standing:
        return standing(person, await self._installation(), self._policy().people, team=team)

    async def direct_message(self, user_id: str) -> str:
        """The id of the bot's conversation with this person.

        Raises:
            Refused: Slack lets the bot not write to them.
            DependencyAway: as ``owners``.
        """
        return await self._direct_message(user_id)

    async def with_members(self, owner: Owner) -> tuple[Owner, str]:
        """The owner, with the members of its user groups among the people; and what to say of the others.

        Raises:
            DependencyAway: Slack does not answer, so nobody counts as unknown.
        """
        members: list[str] = []
        others: dict[str, str] = {}
        for group in owner.usergroups:
            try:
                with slack_away(), slack_refuses():
                    members += sorted(await self._members(group))
            except Refused as refused:
                others[group] = f"a user group that Slack does not show to the bot ({refused.code})"
        users = tuple(dict.fromkeys((*owner.slack_users, *members)))
        return owner.changed(slack_users=users), names_others(owner, others)

    async def members(self, group: str) -> frozenset[str]:
        """The members of a user group, as of the last minute; raises ``SlackApiError`` or what is away."""
        return await self._members(group)

    async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
        """The person, with those groups of these owners that they are in; see the port ``Groups``."""
        found, doubt = set[str](), actor.doubt
        for group in dict.fromkeys(one for owner in owners for one in owner.groups):
            try:
                if actor.slack_user in await self._in_group(group, now=now):
                    found.add(group)
            except (SlackApiError, Refused, NotFound, *SLACK_AWAY) as error:
                log.warning("Slack did not say who is in a group", group=group, error=str(error))
                doubt = doubt or f"Slack did not say who is in {group}. Try again in a minute."
        return actor.changed(groups=tuple(sorted(found)), doubt=doubt)

    async def _in_group(self, group: str, *, now: bool) -> frozenset[str]:
        if group.startswith("S"):
            return await (self._members_now if now else self._members)(group)
        return await (self._channel_now if now else self._channel)(self._channel_id(group))

    async def _read_channel(self, channel: str) -> frozenset[str]:
        """The members of a private channel; nobody of a public one, which anybody can join."""
        with slack_refuses():
            answer = await self._client.conversations_info(channel=channel)
        if not answer["channel"].get("is_private"):
            return frozenset()
        members: set[str] = set()
        cursor = ""
        while True:
            with slack_refuses():
                page = await self._client.conversations_members(
                    channel=channel, cursor=cursor, limit=_MOST_A_PAGE
                )
            members.update(page["members"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return frozenset(members)

    async def _on_call(self, user_id: str, *, now: bool) -> tuple[bool, str]:
        oncall = self._policy().oncall
        if user_id in oncall.users:
            return True, ""
        group = oncall.usergroup
        if group is None:
            return False, ""
        try:
            members = await (self._members_now if now else self._members)(group)
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

    async def _look_up(self, email: str) -> dict[str, Any]:
        """The user with this address; empty if there is none."""
        async with self._pace.in_turn(LOOKING_UP, email):
            try:
                with slack_refuses():
                    answer = await self._client.users_lookupByEmail(email=email)
            except Refused as refused:
                if refused.code in ("users_not_found", "user_not_found"):
                    return {}
                raise
        person: dict[str, Any] = answer["user"]
        return person

    async def _read_person(self, user_id: str) -> dict[str, Any]:
        with slack_away():
            try:
                with slack_refuses():
                    answer = await self._client.users_info(user=user_id)
            except Refused as refused:
                if refused.code in ("user_not_found", "user_not_visible"):
                    return {}
                raise
        person: dict[str, Any] = answer["user"]
        return person

    async def _open_direct_message(self, user_id: str) -> str:
        async with self._pace.in_turn(OPENING, user_id):
            with slack_refuses():
                answer = await self._client.conversations_open(users=user_id)
        return str(answer["channel"]["id"])


def names_others(owner: Owner, others: dict[str, str]) -> str:
    """The notice about people whom the tag names and who can't be asked: how it names them → why."""
    return f"{owner.source} names {_and_why(others)}" if others else ""


def _hidden(refused: Refused) -> str:
    return f"whom Slack does not show to the bot ({refused.code})"


def _and_why(others: dict[str, str]) -> str:
    """``a@x, b@x, whom Slack does not know; c@x, who is a bot``."""
    reasons = dict.fromkeys(others.values())
    return "; ".join(
        f"{', '.join(name for name, its in others.items() if its == why)}, {why}" for why in reasons
    )


def _email(person: dict[str, Any], stands: Standing) -> str:
    return str(person.get("profile", {}).get("email", "")).lower() if stands.email_counts else ""


def _name(person: dict[str, Any]) -> str:
    profile = person.get("profile", {})
    return str(profile.get("display_name") or person.get("real_name") or person.get("name") or "")
