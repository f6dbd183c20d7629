"""Which question a message is about: every message of a card says so in its metadata."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import Refused, slack_refuses
from bot.slack.pace import SEARCHING, Pace
from workers.domain.asking.approvals import Approval
from workers.domain.errors import NotFound
from workers.domain.ports.store import Store

_LOOKED_THROUGH = 200
"""Messages of a conversation, the newest first; so many Slack gives at once."""


class Questions:
    """Finds questions by where somebody writes. What Slack says is checked against the card on record."""

    def __init__(self, client: AsyncWebClient, pace: Pace, store: Store) -> None:
        self._client = client
        self._pace = pace
        self._store = store

    async def below(self, channel: str, thread: str) -> tuple[Approval, ...]:
        """The question of the card with this ``ts``; none if it is no card of a question.

        Raises:
            DependencyAway: Slack or the store does not answer.
        """
        try:
            async with self._pace.in_turn(SEARCHING, thread):
                with slack_refuses():
                    answer = await self._client.conversations_replies(
                        channel=channel, ts=thread, limit=1, include_all_metadata=True
                    )
        except Refused:
            return ()
        first: list[dict[str, Any]] = [one for one in answer["messages"] if one.get("ts") == thread]
        return await self._asked_in(channel, first)

    async def open_in(self, channel: str) -> tuple[Approval, ...]:
        """The open questions among the newest messages of a direct conversation; raises as ``below``."""
        async with self._pace.in_turn(SEARCHING, channel):
            try:
                with slack_refuses():
                    answer = await self._client.conversations_history(
                        channel=channel, limit=_LOOKED_THROUGH, include_all_metadata=True
                    )
            except Refused:
                return ()
        return tuple(one for one in await self._asked_in(channel, answer["messages"]) if one.open)

    async def _asked_in(self, channel: str, messages: list[dict[str, Any]]) -> tuple[Approval, ...]:
        found: dict[str, Approval] = {}
        for message in messages:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            card_id, ts = str(payload.get("card", "")), str(message.get("ts", ""))
            if not card_id.startswith("a") or card_id in found:
                continue
            try:
                question = await self._store.shown_question(card_id)
            except NotFound:
                continue
            if question.card.members:
                several = [await self._store.approval(one.approval_id) for one in question.card.members[:2]]
                found |= {one.id: one for one in several}
            elif any(copy.channel == channel and copy.thread == ts for copy in question.card.copies):
                found[card_id] = question.approval
        return tuple(found.values())
