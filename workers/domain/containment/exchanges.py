"""What was sent to Azure to change something, and what it answered.

The adapter notes each exchange in ``noting`` of whoever acts. The engine writes them with the step's result,
in one commit: their ids into the audit, and the exchanges themselves beside the containment, where
``startgate evidence`` finds them. A record of the audit names the digest of each, so that none can be changed
unseen.

A process that is killed between a write to Azure and that commit loses the note of it, not the change: the
next attempt finds the change by reading, and ``step.begun`` in the audit says since when to look for it in
Azure's own Activity Log. Reads are not noted.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MOST_KEPT = 500
"""Of one containment, the newest. A VM that is started time and again must not fill the store."""
MOST_IN_RECORD = 20
"""So many writes one record of the audit lists."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request that changes something, and its answer. Secrets are taken out, and long bodies are cut.

    Attributes:
        at: when it was sent, ISO 8601 in UTC.
        path: with its query, as it was sent.
        status: of the answer; 0 if none came.
        error: why none came; empty if one did.
        took_ms: until the answer.
        client_request_id: ours, which Azure's Activity Log knows.
        correlation_id: Azure's, which its events carry, too.
        request_id: Azure's, for its support.
        request: the body, as text.
        answer: its body, as text.
    """

    at: str
    method: str
    path: str
    status: int = 0
    error: str = ""
    took_ms: float = 0.0
    client_request_id: str = ""
    correlation_id: str = ""
    request_id: str = ""
    request: str = ""
    answer: str = ""

    def text(self) -> str:
        """As it is kept: JSON in one line, the same for the same exchange."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=True)

    def record(self) -> dict[str, Any]:
        """As the audit names it: without the bodies, with the digest of what is kept."""
        named = {key: value for key, value in asdict(self).items() if key not in ("request", "answer")}
        named = {key: value for key, value in named.items() if value not in ("", 0, 0.0)}
        return {**named, "status": self.status, "sha256": digest_of(self.text())}


def digest_of(text: str) -> str:
    """SHA-256 of a kept exchange, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Notes:
    """The writes of one act, in the order of their answers."""

    exchanges: list[Exchange] = field(default_factory=list)
    answers: list[Callable[[], str] | None] = field(default_factory=list)

    def settle(self) -> None:
        """Take the bodies of the answers, which whoever acted has read by now."""
        self.exchanges = [
            one if answer is None else replace(one, answer=answer())
            for one, answer in zip(self.exchanges, self.answers, strict=True)
        ]
        self.answers = [None] * len(self.exchanges)

    def details(self) -> dict[str, Any]:
        """For the record of the audit: bounded; empty if nothing was written."""
        if not self.exchanges:
            return {}
        listed: dict[str, Any] = {"writes": [one.record() for one in self.exchanges[-MOST_IN_RECORD:]]}
        left = len(self.exchanges) - MOST_IN_RECORD
        return {**listed, "writes_left_out": left} if left > 0 else listed

    def texts(self) -> Sequence[str]:
        """For the store."""
        return tuple(one.text() for one in self.exchanges[-MOST_IN_RECORD:])


_NOTES: ContextVar[Notes | None] = ContextVar("notes of what is written to Azure", default=None)


@contextlib.contextmanager
def noting() -> Iterator[Notes]:
    """While inside, what is written to Azure by this task, and by tasks that it makes, is noted."""
    notes = Notes()
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)
        notes.settle()


def note(exchange: Exchange, answer: Callable[[], str] | None = None) -> None:
    """Note an exchange for whoever acts; nothing happens where nobody asked for it.

    Args:
        exchange: what is known when the answer begins to come.
        answer: gives its body, once whoever acts has read it.
    """
    notes = _NOTES.get()
    if notes is not None:
        notes.exchanges.append(exchange)
        notes.answers.append(answer)


def noted() -> bool:
    """Whether anybody wants to know."""
    return _NOTES.get() is not None
