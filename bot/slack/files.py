"""Files that one person gets in their direct messages with the app.

Source: https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import slack_away, slack_refuses


class SentFile(NamedTuple):
    """A file; ``alt_text`` says what a picture shows."""

    name: str
    title: str
    content: bytes
    alt_text: str = ""


class Files:
    """Sends them.

    Args:
        client: with the bot token.
        conversation: finds the id of the bot's conversation with a person.
    """

    def __init__(self, client: AsyncWebClient, conversation: Callable[[str], Awaitable[str]]) -> None:
        self._client = client
        self._conversation = conversation

    async def send(self, user: str, text: str, files: Sequence[SentFile]) -> None:
        """Send these files in one message.

        Raises:
            DependencyAway: Slack does not answer, or throttles.
            Refused: Slack does not take them, for good.
        """
        uploads: list[dict[str, Any]] = [
            {
                "filename": one.name,
                "title": one.title,
                "content": one.content,
                "alt_txt": one.alt_text or None,
            }
            for one in files
        ]
        channel = await self._conversation(user)
        with slack_away(), slack_refuses():
            await self._client.files_upload_v2(channel=channel, initial_comment=text, file_uploads=uploads)
