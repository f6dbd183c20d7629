"""What was acknowledged survives ``kill -9``: an append-only file of JSON lines.

Lines are gathered and written once per turn of the event loop, before the turn's answers leave: what a
client was told is in the kernel's hands, so the death of the process loses none of it. There is no fsync:
a power cut may. At start the file is replayed and rewritten without what is gone. Locks are not kept: what
was locked is available again, with the failures it had counted before.
"""

import base64
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.sandbox.servicebus.messages import Message, Payload, State
from deploy.sandbox.servicebus.queues import Queue


@dataclass(slots=True)
class Kept:
    """What the file knows of one queue."""

    messages: dict[int, Message] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    last_sequence: int = 0


class JournalError(Exception):
    """The file cannot be used; the text says what to do."""


class NoJournal:
    """A store that keeps nothing: the namespace is gone with its process."""

    def put(self, queue: str, message: Message) -> None:
        """Do nothing."""

    def move(self, queue: str, sequence: int, message: Message, to: str) -> None:
        """Do nothing."""

    def gone(self, queue: str, sequence: int) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Journal(NoJournal):
    """The store of one namespace, in one file.

    Args:
        path: the file; made when missing. Only one process may use it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._unwritten = b""
        self._file = -1

    def replay(self) -> dict[str, Kept]:
        """What each queue held. A last line cut off by a kill was never acknowledged: it is left out.

        Raises:
            JournalError: another line cannot be read.
        """
        found: dict[str, Kept] = {}
        if not self._path.exists():
            return found
        lines = self._path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines[:-1], start=1):
            try:
                _apply(json.loads(line), found)
            except (ValueError, KeyError, TypeError) as error:
                raise JournalError(
                    f"{self._path}, line {number}, is damaged ({error}): move the file away to start empty"
                ) from error
        return found

    def open(self, queues: Iterable[Queue]) -> None:
        """Rewrite the file with what these queues hold now, and append from here on."""
        fresh = self._path.with_suffix(".new")
        for queue in queues:
            self._add(last=[queue.name, queue.last_sequence])
            if queue.history.seen:
                self._add(seen=[queue.name, queue.history.seen])
            for message in queue.messages.values():
                self._write("held", queue.name, message)
        self._file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self.flush()
        fresh.replace(self._path)

    def put(self, queue: str, message: Message) -> None:
        """Write a message that came in; its id counts as seen."""
        self._write("put", queue, message)

    def move(self, queue: str, sequence: int, message: Message, to: str) -> None:
        """Write what became of a message."""
        self._add(move=[queue, sequence, to, message.sequence, *_changing(message)])

    def gone(self, queue: str, sequence: int) -> None:
        """Write that a message left."""
        self._add(gone=[queue, sequence])

    def flush(self) -> None:
        """Hand everything to the kernel; only then may it be acknowledged.

        Raises:
            OSError: it could not be written. Nothing may be acknowledged; the next flush tries again.
        """
        if self._lines:
            self._unwritten += "".join(self._lines).encode()
            self._lines.clear()
        while self._unwritten:
            self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]

    def close(self) -> None:
        """Flush and let go of the file; safe to call twice."""
        if self._file >= 0:
            self.flush()
            os.close(self._file)
            self._file = -1

    def _write(self, word: str, queue: str, message: Message) -> None:
        payload = message.payload
        self._add(
            **{word: [queue, message.sequence, *_changing(message)]},
            id=payload.message_id,
            ttl=payload.ttl_ms,
            due=payload.due_ms,
            priority=payload.priority,
            delivery=base64.b64encode(payload.delivery_annotations).decode(),
            annotations=base64.b64encode(payload.annotations).decode(),
            content=base64.b64encode(payload.content).decode(),
        )

    def _add(self, **line: Any) -> None:
        self._lines.append(_ENCODER.encode(line) + "\n")


_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def _changing(message: Message) -> list[Any]:
    return [
        int(message.state),
        message.enqueued_ms,
        message.delivery_count,
        message.reason,
        message.description,
    ]


def _apply(line: dict[str, Any], found: dict[str, Kept]) -> None:
    """Do again what one line says was done."""
    if "gone" in line:
        queue, sequence = line["gone"]
        del found[queue].messages[sequence]
    elif "put" in line or "held" in line:
        queue, sequence, state, enqueued, *rest = line.get("put") or line["held"]
        payload = Payload(
            line["id"],
            base64.b64decode(line["content"]),
            line["ttl"],
            line["due"],
            base64.b64decode(line["annotations"]),
            line.get("priority"),
            base64.b64decode(line.get("delivery", "")),
        )
        kept = found.setdefault(queue, Kept())
        kept.messages[sequence] = Message(sequence, payload, enqueued, State(state), *rest)
        kept.last_sequence = max(kept.last_sequence, sequence)
        if payload.message_id and "put" in line:
            kept.seen[payload.message_id] = enqueued
    elif "move" in line:
        queue, sequence, to, renumbered, state, enqueued, *rest = line["move"]
        message = found[queue].messages.pop(sequence)
        kept = found.setdefault(to, Kept())
        kept.messages[renumbered] = Message(renumbered, message.payload, enqueued, State(state), *rest)
        kept.last_sequence = max(kept.last_sequence, renumbered)
    elif "seen" in line:
        queue, seen = line["seen"]
        found.setdefault(queue, Kept()).seen.update(seen)
    else:
        queue, last = line["last"]
        found.setdefault(queue, Kept()).last_sequence = last
