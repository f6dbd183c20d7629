"""Dialogs that are changed after they were opened, by the name that we gave them."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import Refused, slack_away, slack_refuses


class OpenDialogs:
    """The dialogs that somebody has open. One that was closed can't be changed any more."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def change(self, view: dict[str, Any]) -> bool:
        """Show this in the open dialog of the same ``external_id``; ``False`` if there is none.

        What somebody entered stays where block and action stay the same.

        Raises:
            DependencyAway: Slack does not answer, or throttles.
            Refused: Slack does not take the view.
        """
        try:
            with slack_away(), slack_refuses():
                await self._client.views_update(external_id=view["external_id"], view=view)
        except Refused as refused:
            if refused.code == "not_found":
                return False
            raise
        return True
