"""``startgate-bot doctor``: whether the bot's identity may do what the bot does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import aiohttp
import typer
from redis.asyncio import Redis
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import BotSettings
from bot.slack.channels import every_channel
from bot.slack.errors import Refused, TokenRefused, slack_away
from bot.slack.installation import Installation
from bot.slack.membership import OF_THEM, Standing, standing
from workers.bus.checks import Needs, bus_checks
from workers.bus.connection import NOTICES, WORK, connected
from workers.domain.errors import DependencyAway, InvalidPolicy
from workers.domain.policy.model import Policy
from workers.domain.policy.people import PeoplePolicy
from workers.runtime.checks import (
    CannotTell,
    Check,
    Failed,
    Found,
    State,
    finding,
    findings,
    report,
    settings_of,
)
from workers.store.checks import redis_checks
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.read_policy import policy_check, read_policy

SCOPES = {
    "channels:history": "finds a card again whose posting was interrupted",
    "channels:read": "finds the policy's channels",
    "chat:write": "posts and edits cards",
    "commands": "slash commands",
    "dnd:read": "waits with questions of low risk while somebody is not to be disturbed",
    "files:write": "sends the report of /vm-report",
    "groups:history": "as channels:history, in private channels",
    "groups:read": "finds private channels",
    "im:history": "as channels:history, in direct messages",
    "im:write": "writes to owners",
    "usergroups:read": "knows who is on call",
    "users:read": "knows who clicked",
    "users:read.email": "finds the owner by the tag's e-mail address",
}
"""Scope of the bot token → what it is for. The app's manifest asks for the same."""

NEEDS = (Needs(NOTICES, True, True), Needs(WORK, False, True))  # noqa: FBT003 - a table

_SLACK_TIMEOUT_S = 10
_INSTALL = "set STARTGATE_SLACK_BOT_TOKEN to the token (xoxb-…) of the app's page OAuth & Permissions"


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Check settings, policy, Slack, Redis and Service Bus with this identity. Exits 1 if anything fails.

    A row each: ok, warn or fail, what was found, and what to do.
    """
    raise typer.Exit(asyncio.run(_doctor(as_json=as_json)))


async def _doctor(*, as_json: bool) -> int:
    settings, found = settings_of(BotSettings)
    if settings is not None:
        found += await _look(settings)
    return report(found, typer.echo, as_json=as_json)


async def _look(settings: BotSettings) -> list[Found]:
    async with contextlib.AsyncExitStack() as stack:
        try:
            redis = await stack.enter_async_context(connect(settings.redis_url, settings.redis_sign_in))
            bus = await stack.enter_async_context(
                connected(
                    connection=settings.servicebus_connection,
                    namespace=settings.servicebus_namespace,
                    credential=settings.identity,
                )
            )
        except ValueError as error:
            return [finding("settings", State.FAIL, str(error), "correct it")]
        slack = await stack.enter_async_context(_slack(settings))
        return await findings(
            [
                *quick_checks(settings, redis),
                *slack_checks(slack, settings),
                *_of_the_policy(slack, settings),
                *bus_checks(bus, NEEDS),
            ]
        )


def quick_checks(settings: BotSettings, redis: Redis) -> list[Check]:
    """Those that each process makes when it starts: what nothing else would show before it is too late."""
    return [policy_check(settings.policy), *redis_checks(redis, RedisStore(redis))]


def _of_the_policy(slack: AsyncWebClient, settings: BotSettings) -> list[Check]:
    """Nothing of a policy that can't be read, which is a finding of its own."""
    try:
        return policy_checks(slack, read_policy(settings.policy))
    except InvalidPolicy:
        return []


@contextlib.asynccontextmanager
async def _slack(settings: BotSettings) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            settings.slack_bot_token.get_secret_value(),
            base_url=f"{settings.slack_api_url}/",
            timeout=_SLACK_TIMEOUT_S,
            session=session,
            retry_handlers=[],
        )


def slack_checks(slack: AsyncWebClient, settings: BotSettings) -> list[Check]:
    """The bot token, its scopes, and how Slack reaches the bot."""

    async def token() -> str:
        with _refused("Slack does not take the bot token"):
            answer = await slack.auth_test()
        return f"{answer['user']} in {answer['team']}"

    async def scopes() -> str:
        with _refused("Slack does not take the bot token"):
            answer = await slack.auth_test()
        headers = {str(name).lower(): value for name, value in answer.headers.items()}
        if "x-oauth-scopes" not in headers:
            raise CannotTell("Slack did not say; see the app's page OAuth & Permissions")
        has = {scope.strip() for scope in str(headers["x-oauth-scopes"]).split(",")}
        missing = [f"{scope} ({why})" for scope, why in SCOPES.items() if scope not in has]
        if missing:
            raise Failed(f"missing: {', '.join(missing)}")
        return f"all {len(SCOPES)} there"

    async def doorway() -> str:
        if settings.slack_app_token is None:
            raise CannotTell(
                f"HTTP mode: Slack must reach port {settings.http_port} at /slack/events; the app's page "
                "Event Subscriptions tries it"
            )
        with _refused("Slack does not take the app-level token"):
            await slack.apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
        return "Socket Mode may be opened"

    return [
        Check(name="Slack token", look=token, remedy=_INSTALL),
        Check(
            name="Slack scopes",
            look=scopes,
            remedy="add them in the app's manifest and install the app again",
        ),
        Check(
            name="Slack doorway",
            look=doorway,
            remedy="set STARTGATE_SLACK_APP_TOKEN to an app-level token (xapp-…) with connections:write",
        ),
    ]


def policy_checks(slack: AsyncWebClient, policy: Policy) -> list[Check]:
    """Whether Slack knows what the policy names: channels that the bot is in, and who is on call."""

    def channel(name: str) -> Check:
        return Check(
            name=f"Slack channel {name}",
            look=lambda: _channel(slack, name),
            remedy=f"create {name} if it is not there, and invite the bot to it",
        )

    checks = [channel(name) for name in policy.channels]
    checks += [
        Check(
            name=f"Slack user {user}",
            look=lambda user=user: _person(slack, user, policy.people),  # type: ignore[misc]
            remedy="correct oncall.users in the policy; a profile in Slack has Copy member ID",
        )
        for user in dict.fromkeys(policy.oncall.users)
    ]
    group = policy.oncall.usergroup
    if group is not None:
        checks.append(
            Check(
                name=f"Slack user group {group}",
                look=lambda: _members(slack, group),
                remedy="correct oncall.usergroup in the policy, or name people in oncall.users",
            )
        )
    return checks


async def _channel(slack: AsyncWebClient, name: str) -> str:
    with _refused(f"Slack does not show {name}"):
        channel = await _by_name(slack, name[1:]) if name.startswith("#") else name
        if channel is None:
            raise Failed("the bot can't see it")
        # The list may be older than an invitation: membership is asked for.
        answer = await slack.conversations_info(channel=channel)
    found = answer["channel"]
    if found.get("is_archived"):
        raise Failed("it is archived", remedy=f"unarchive {name}, or name another channel in the policy")
    if not found.get("is_member"):
        raise Failed("the bot is not in it and can't post there")
    return "the bot is in it"


async def _by_name(slack: AsyncWebClient, name: str) -> str | None:
    """The id of the channel with this name."""
    async for channel in every_channel(slack, archived=True):
        if channel["name"] == name:
            return str(channel["id"])
    return None


async def _person(slack: AsyncWebClient, user: str, people: PeoplePolicy) -> str:
    with _refused("Slack does not show who this is"):
        installed = await Installation(slack)()
        answer = await slack.users_info(user=user)
    person: dict[str, Any] = answer["user"]
    name = person.get("real_name") or person.get("name") or "somebody"
    stands = standing(person, installed, people)
    if not stands.may_be_on_call:
        raise Failed(f"{name}, {OF_THEM.get(stands, OF_THEM[Standing.GUEST])}, can't be on call")
    return f"{name} is on call"


async def _members(slack: AsyncWebClient, group: str) -> str:
    with _refused("Slack does not say who is in it"):
        answer = await slack.usergroups_users_list(usergroup=group)
    count = len(answer["users"])
    if not count:
        raise Failed("nobody is in it", remedy="put whoever is on call into the group")
    return f"{count} on call"


@contextlib.contextmanager
def _refused(what: str) -> Iterator[None]:
    """Slack's refusals by their code, and its absence as such."""
    try:
        with slack_away():
            yield
    except SlackApiError as error:
        code = str(error.response.get("error", ""))
        needed = str(error.response.get("needed") or "")
        raise Failed(f"{what}: {code}" + (f", needs {needed}" if needed else "")) from None
    except (TokenRefused, Refused) as refused:
        raise Failed(f"{what}: {refused.code}") from None
    except DependencyAway as away:
        raise Failed(str(away), remedy="check the way out to slack.com, and status.slack.com") from None
