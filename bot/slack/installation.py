"""Who the bot is in Slack, and in which workspace: asked once, with the bot's token."""

from typing import NamedTuple

from async_lru import alru_cache
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import slack_away


class Installed(NamedTuple):
    """What ``auth.test`` says of the bot's token.

    Attributes:
        team_id: our workspace; empty where the app is installed in a whole organization.
        enterprise_id: the organization that it belongs to; empty if there is none.
        bot_id: the app's id as the author of messages (``B…``).
        bot_user: the app's id as a user (``U…``).
        url: our workspace's address, which ends in a slash; empty if Slack does not tell it.
    """

    team_id: str
    enterprise_id: str
    bot_id: str
    bot_user: str
    url: str = ""


class Installation:
    """Asks ``auth.test`` until it answers, and keeps the answer: a token never changes its workspace."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._asked = alru_cache(1)(self.ask)

    async def __call__(self) -> Installed:
        """Who we are. Many who ask at once cost Slack one call.

        Raises:
            SlackApiError: Slack does not take the token.
            DependencyAway: Slack does not answer.
        """
        return await self._asked()

    async def ask(self) -> Installed:
        """Ask Slack now, whatever is known; raises as above."""
        with slack_away():
            answer = await self._client.auth_test()
        return Installed(
            team_id=str(answer.get("team_id") or ""),
            enterprise_id=str(answer.get("enterprise_id") or ""),
            bot_id=str(answer.get("bot_id") or ""),
            bot_user=str(answer.get("user_id") or ""),
            url=str(answer.get("url") or ""),
        )
