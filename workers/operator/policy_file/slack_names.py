"""Whether Slack knows whom a policy names: asked where a token is at hand, and never a reason to fail."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.web import WebClient

from workers.domain.errors import Finding
from workers.domain.policy.reading.named import Named, NamedKind
from workers.runtime.addresses import checked_url
from workers.runtime.environment import PREFIX
from workers.runtime.secrets import redacted

_TIMEOUT_S = 10
_MOST_A_PAGE = 1000
_RETRIES = 3
_UNKNOWN = {
    "channel_not_found": "Slack shows the bot no such channel",
    "no_such_subteam": "Slack knows no such user group",
    "plan_upgrade_required": "this workspace's plan has no user groups",
    "user_not_found": "Slack knows nobody of this id",
    "user_not_visible": "Slack shows nobody of this id to the bot",
    "users_not_found": "Slack knows nobody with this address",
}
"""Slack's codes that are about the name; any other is about the token, or about Slack itself."""
_REMEDIES = {
    NamedKind.CHANNEL: "Make it or correct it, and invite the bot there.",
    NamedKind.USERGROUP: "Correct it, or name people.",
    NamedKind.USER: "Correct it: a profile in Slack has Copy member ID.",
    NamedKind.EMAIL: "Correct it, or write the member ID.",
}


Answer = TypeVar("Answer")


class CannotAsk(Exception):
    """Slack could not be asked, as a sentence without a full stop."""


def client_at_hand() -> WebClient | None:
    """A client by the bot's own settings; ``None`` where no token is set.

    Raises:
        CannotAsk: there is a token that can't be used.
    """
    token = os.environ.get(f"{PREFIX}SLACK_BOT_TOKEN", "").strip()
    file = os.environ.get(f"{PREFIX}SLACK_BOT_TOKEN_FILE", "")
    try:
        token = token or (Path(file).read_text(encoding="utf-8").strip() if file else "")
        url = checked_url(os.environ.get(f"{PREFIX}SLACK_API_URL") or "https://slack.com/api")
    except (OSError, ValueError) as error:
        raise CannotAsk(redacted(str(error))) from None
    if not token:
        return None
    client = WebClient(token, base_url=f"{url}/", timeout=_TIMEOUT_S)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=_RETRIES))
    return client


def slack_warnings(client: WebClient, names: Iterable[Named]) -> list[Finding]:
    """What of it Slack does not know, or what can't be used, each once, in the order of the names.

    Raises:
        CannotAsk: Slack does not take the token, or does not answer.
    """
    asked: dict[str, str] = {}
    found: list[Finding] = []
    by_name: dict[str, dict[str, Any]] | None = None
    for one in names:
        if one.name in asked:
            continue
        if one.name.startswith("#") and by_name is None:
            by_name = _asking(lambda: _channels(client))
        listed = by_name or {}
        asked[one.name] = problem = _problem(client, one, listed)
        if problem:
            found.append(
                Finding(
                    line=one.place.line,
                    column=one.place.column,
                    where=one.where,
                    problem=f"{one.name}: {problem}",
                    remedy=_REMEDIES[one.kind],
                )
            )
    return found


def _problem(client: WebClient, one: Named, listed: dict[str, dict[str, Any]]) -> str:
    try:
        return _asking(lambda: _look(client, one, listed))
    except _Unknown as unknown:
        return str(unknown)


class _Unknown(Exception):
    """Slack does not know it."""


def _look(client: WebClient, one: Named, listed: dict[str, dict[str, Any]]) -> str:
    """What is wrong with it; empty if nothing is."""
    match one.kind:
        case NamedKind.CHANNEL if one.name.startswith("#"):
            return _of_channel(listed.get(one.name[1:]))
        case NamedKind.CHANNEL:
            return _of_channel(client.conversations_info(channel=one.name)["channel"])
        case NamedKind.USERGROUP:
            members = client.usergroups_users_list(usergroup=one.name)["users"]
            return "" if members else "this user group has no members"
        case NamedKind.USER:
            return _of_person(client.users_info(user=one.name)["user"])
        case NamedKind.EMAIL:
            return _of_person(client.users_lookupByEmail(email=one.name)["user"])


def _of_channel(channel: dict[str, Any] | None) -> str:
    if channel is None:
        return _UNKNOWN["channel_not_found"]
    if channel.get("is_archived"):
        return "this channel is archived"
    return "" if channel.get("is_member") else "the bot is not in this channel"


def _of_person(person: dict[str, Any]) -> str:
    if person.get("deleted"):
        return "this account is deactivated"
    return "this is a bot" if person.get("is_bot") else ""


def _channels(client: WebClient) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = client.conversations_list(
            types="public_channel,private_channel", limit=_MOST_A_PAGE, cursor=cursor
        )
        found |= {channel["name"]: channel for channel in page["channels"]}
        cursor = (page.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return found


def _asking(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except SlackApiError as error:
        code = str(error.response.get("error") or "no answer")
        if code in _UNKNOWN:
            raise _Unknown(_UNKNOWN[code]) from None
        raise CannotAsk(f"Slack answers {code}") from None
    except (SlackClientError, OSError) as error:
        raise CannotAsk(f"Slack does not answer ({type(error).__name__})") from None
