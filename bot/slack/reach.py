"""Whether Slack can be reached in both directions: with our token, and by its way to us."""

import asyncio

import structlog

from bot.slack.installation import Installation
from workers.domain.errors import DependencyAway
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

TOKEN_EVERY_S = 10.0
"""``auth.test`` may be called hundreds of times a minute."""


class Reach:
    """Slack is well when no part of the way is away; reported as the one dependency ``slack``."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._away: dict[str, str] = {}

    def ok(self, part: str) -> None:
        """This part of the way works."""
        self._away.pop(part, None)
        if not self._away:
            self._health.ok("slack")

    def away(self, part: str, reason: str, *, retry_after_s: float | None = None) -> None:
        """It does not."""
        self._away[part] = reason
        self._health.away("slack", reason, retry_after_s=retry_after_s)

    async def watch_token(self, installation: Installation) -> None:
        """Ask Slack now and then, for ever, whether it takes our token; a revoked one is told at once."""
        while True:
            try:
                async with asyncio.timeout(TOKEN_EVERY_S):
                    await installation.ask()
            except DependencyAway as away:
                self.away("token", str(away), retry_after_s=away.retry_after_s)
            except Exception as error:  # a refusal, no answer in time, or an answer that is none
                self.away("token", f"slack: auth.test: {str(error) or type(error).__name__}")
            else:
                self.ok("token")
            leave_if_cancelled()
            await asyncio.sleep(TOKEN_EVERY_S)
