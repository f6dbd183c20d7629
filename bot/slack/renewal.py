"""Slack's secrets are replaced while the bot runs: each file is read anew when it changes.

A new token is tried first. One that Slack does not take, or that is another app's, is left, and health says
so: the old one may still be good.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import read_secret
from bot.slack.errors import TokenRefused, slack_away
from bot.slack.installation import Installation
from workers.domain.errors import DependencyAway, StartgateError
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0


class NotRenewed(StartgateError):
    """The new secret can't be used; says why, without it."""


Renew = Callable[[SecretStr], Awaitable[None]]
"""Goes by a new secret from now on.

Raises:
    NotRenewed: it can't be used.
    DependencyAway: that can't be told now.
"""


class SecretFiles:
    """Watches the files of secrets.

    Args:
        files: by the name of the setting, such as ``slack_bot_token``: its file.
        known: by the same name, the secret that was read at start.
        renew: by the same name, what goes by a new one.
        health: shows what could not be renewed.
        renewed: told the name of each that was.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        known: Mapping[str, SecretStr],
        renew: Mapping[str, Renew],
        health: Health,
        renewed: Callable[[str], Awaitable[None]],
    ) -> None:
        self._files = dict(files)
        self._known = {name: secret.get_secret_value() for name, secret in known.items()}
        self._seen = dict(self._known)
        self._left: dict[str, str] = {}
        self._renew = renew
        self._health = health
        self._renewed = renewed

    async def run(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Look for ever."""
        while True:
            for name in self._files:
                await self.look(name)
            leave_if_cancelled()
            await asyncio.sleep(every_s)

    async def look(self, name: str) -> bool:
        """Look at one file; whether its secret was renewed. A change counts once two looks saw the same."""
        try:
            secret = read_secret(self._files[name])
        except ValueError as error:
            self._trouble(name, str(error))
            return False
        value = secret.get_secret_value()
        settled, self._seen[name] = value == self._seen.get(name), value
        if value == self._known[name]:
            self._left.pop(name, None)
            self._health.trouble_over(_trouble_of(name))
            return False
        if not settled or self._left.get(name) == value:
            return False
        try:
            await self._renew[name](secret)
        except NotRenewed as why:
            self._left[name] = value
            self._trouble(name, f"{why} The one before is still used.")
            return False
        except DependencyAway as away:  # tried again at the next look
            self._trouble(name, f"the new one could not be tried yet: {away}")
            return False
        self._known[name] = value
        self._health.trouble_over(_trouble_of(name))
        log.info("a secret was renewed", setting=name)
        await self._renewed(name)
        return True

    def _trouble(self, name: str, reason: str) -> None:
        log.warning("a secret was not renewed", setting=name, because=reason)
        self._health.trouble(_trouble_of(name), reason)


def _trouble_of(name: str) -> str:
    return f"secret {name}"


def renewing_bot_token(client: AsyncWebClient, installation: Installation) -> Renew:
    """Has the client go by a new bot token of the same app in the same workspace."""

    async def renew(token: SecretStr) -> None:
        trial = AsyncWebClient(
            token.get_secret_value(),
            base_url=client.base_url,
            timeout=client.timeout,
            session=client.session,
            retry_handlers=[],
        )
        try:
            theirs = await Installation(trial)()
        except (TokenRefused, SlackApiError) as error:
            raise NotRenewed(f"Slack refuses the new bot token ({_code(error)}).") from None
        if theirs != await installation():
            raise NotRenewed(
                "The new bot token is another app's or workspace's. Restart the bot to go on with that one."
            )
        client.token = token.get_secret_value()

    return renew


async def taken_app_token(client: AsyncWebClient, token: SecretStr) -> None:
    """Ask Slack whether it takes an app-level token; raises as ``Renew``."""
    try:
        with slack_away():
            await client.apps_connections_open(app_token=token.get_secret_value())
    except (TokenRefused, SlackApiError) as error:
        raise NotRenewed(f"Slack refuses the new app-level token ({_code(error)}).") from None


def _code(error: TokenRefused | SlackApiError) -> str:
    return error.code if isinstance(error, TokenRefused) else str(error.response.get("error"))
