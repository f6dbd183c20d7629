"""Everything there is about one start: documents, audit, bus messages, and the very requests."""

import time
from typing import Any

from deploy.sandbox.page import evidence
from deploy.sandbox.page.archive import Archive
from deploy.sandbox.page.board import Board
from deploy.sandbox.page.tail import Tail
from deploy.sandbox.page.ways import TOPIC, Ways

BEFORE_MS = 2_000
"""A start's first request may carry a slightly earlier time than its event."""


class Details:
    """Looks through the store and the three records for one row."""

    def __init__(
        self, board: Board, ways: Ways, archive: Archive, *, azure: Tail, slack: Tail, bus: Tail
    ) -> None:
        self._board = board
        self._ways = ways
        self._archive = archive
        self._azure, self._slack, self._bus = azure, slack, bus

    async def of(self, row_id: str) -> dict[str, Any]:
        """All about a row.

        Raises:
            KeyError: there is no such row.
        """
        row = self._board.get(TOPIC, row_id)
        if row is None:
            raise KeyError(f"there is no start or lockdown {row_id!r}")
        ids = [i for i in row["documents"] if i in self._archive.documents]
        documents = {i: self._archive.documents[i] for i in ids}
        beside = await self._archive.beside(documents.values())
        cards = [document for key, document in beside.items() if ":card:" in key]
        events = self._ways.events(row_id)
        began = min([row["at_ms"], *(float(e["at_ms"]) for e in events)]) - BEFORE_MS
        until = time.time() * 1000
        resources = evidence.resource_ids(documents.values()) | {row["vm"]["id"].lower()}
        return {
            "row": row,
            "documents": documents | beside,
            "due": {i: self._archive.due[i] for i in ids if i in self._archive.due},
            "audit": self._ways.audit([row_id, *ids]),
            "events": events,
            "bus": evidence.bus_messages(
                self._bus.between(began, until), ids, {event["message_id"] for event in events}
            ),
            "azure": evidence.azure_requests(self._azure.between(began, until), resources),
            "slack": evidence.slack_requests(self._slack.between(began, until), ids, evidence.places(cards)),
        }
