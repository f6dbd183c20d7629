"""Posts and edits single messages in Slack, once each: the message's metadata carries its intent."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.blocks.message import Message
from bot.slack.errors import Refused, slack_away, slack_refuses
from bot.slack.pace import EDITING, REPORTS, SEARCHING, Pace, posting
from workers.domain.asking.cards import Post
from workers.domain.errors import DependencyAway

log = structlog.get_logger(__name__)

EVENT_TYPE = "startgate_card"
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_SEARCHED = 200
_CLOCK_SLACK_S = 120.0


class ThreadGone(Exception):
    """The message that a reply was to go below is not there any more."""


class Poster:
    """Sends the messages of cards, at Slack's pace.

    Each message has a ``key``, by which its turn is kept.
    """

    def __init__(self, client: AsyncWebClient, pace: Pace) -> None:
        self._client = client
        self._pace = pace

    def turn(
        self,
        channel: str,
        key: str,
        post: Post | None,
        *,
        first: int = REPORTS,
        progress: bool = False,
        detail: bool = False,
    ) -> datetime | None:
        """When the message can be posted, looked for or edited; ``None`` if now, or soon enough to wait.

        ``post`` is what is known of it, ``None`` before its intent is written. A message that somebody has to
        act on goes ``first``, before those that only report. One that only tells ``progress`` goes last,
        and its ``detail`` after all others.
        """
        if post is None:
            return self._pace.turn(posting(channel), key, first=first)
        if post.ts is None:
            return self._pace.turn(SEARCHING, key)
        if progress and (at := self._pace.progress_turn(detail=detail)) is not None:
            return at
        return self._pace.turn(EDITING, key, first=first)

    async def post(
        self,
        channel: str,
        message: Message,
        *,
        key: str,
        card_id: str,
        intent: str,
        thread_ts: str | None = None,
        first: int = REPORTS,
    ) -> str:
        """Post the message and return its ``ts``; for ``first`` see ``turn``.

        Raises:
            ThreadGone: somebody deleted the message of ``thread_ts``.
            Refused: Slack says why in its code.
            Throttled: it was not posted, and can be later.
            DependencyAway: not known whether it was posted; ``find`` tells later.
        """
        async with self._pace.in_turn(posting(channel), key, first=first):
            with _thread_refused(), slack_refuses():
                answer = await self._client.chat_postMessage(
                    channel=channel,
                    text=message.text,
                    blocks=message.blocks,
                    thread_ts=thread_ts,
                    metadata={"event_type": EVENT_TYPE, "event_payload": {"card": card_id, "intent": intent}},
                    unfurl_links=False,
                    unfurl_media=False,
                )
        ts = str(answer["ts"])
        if thread_ts is not None and (answer.get("message") or {}).get("thread_ts") != thread_ts:
            await self._take_back(channel, ts)
            raise ThreadGone
        return ts

    async def _take_back(self, channel: str, ts: str) -> None:
        """A reply whose parent was deleted stands alone in the channel, as a card of nothing.

        Source: https://github.com/slack-go/slack/issues/1571
        """
        try:
            with slack_away(), slack_refuses():
                await self._client.chat_delete(channel=channel, ts=ts)
        except (Refused, DependencyAway) as error:
            log.warning("a reply without its thread stays", channel=channel, ts=ts, error=str(error))

    async def edit(self, channel: str, ts: str, message: Message, *, key: str, first: int = REPORTS) -> bool:
        """Bring a message up to date; ``False`` if it is gone and has to be posted again; see ``turn``.

        Raises:
            Refused: Slack says why in its code.
            Throttled: it was not edited, and can be later.
            DependencyAway: not known whether it was edited.
        """
        async with self._pace.in_turn(EDITING, key, first=first):
            try:
                with slack_refuses():
                    await self._client.chat_update(
                        channel=channel, ts=ts, text=message.text, blocks=message.blocks
                    )
            except Refused as refused:
                if refused.code in _GONE:
                    return False
                raise
        return True

    async def find(self, channel: str, post: Post, *, key: str, thread_ts: str | None = None) -> str | None:
        """The ``ts`` of the message that was sent with this intent, or ``None`` if it never arrived.

        Where Slack refuses to say, as in a channel that the bot was removed from, it counts as not arrived.

        Raises:
            Throttled: it can be looked for later.
            DependencyAway: Slack does not answer.
        """
        oldest = f"{post.intended_at.timestamp() - _CLOCK_SLACK_S:.6f}"
        cursor = ""
        while True:
            arguments: dict[str, Any] = {
                "channel": channel,
                "oldest": oldest,
                "limit": _SEARCHED,
                "include_all_metadata": True,
                "cursor": cursor,
            }
            try:
                async with self._pace.in_turn(SEARCHING, key):
                    with slack_refuses():
                        if thread_ts is None:
                            answer = await self._client.conversations_history(**arguments)
                        else:
                            answer = await self._client.conversations_replies(ts=thread_ts, **arguments)
            except Refused as refused:
                log.warning("can't look for a message", channel=channel, error=refused.code)
                return None
            for message in answer["messages"]:
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("intent") == post.intent:
                    log.info("found the message of an interrupted post", channel=channel, intent=post.intent)
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return None


@contextlib.contextmanager
def _thread_refused() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        if refused.code == "thread_not_found":
            raise ThreadGone from refused
        raise
