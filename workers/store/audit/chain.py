"""The hash chain over one partition's audit, checked record by record. Pure: no Redis, so exports too.

Each record is stored with the digest of the one before it and its own: ``h = sha1(previous h + record)``.
SHA-1 because Redis' Lua offers nothing else; that somebody could make two records of one digest helps nobody
here, because records are written before anyone can choose a second one for them.

What the chain proves: that between the oldest record and the head nothing was changed, left out or put in by
somebody who did not also compute everything after it anew. What it does not: that nobody with write access
to Redis did compute it anew, from some record to the end. Only a copy kept elsewhere shows that, so export
regularly to where Redis' administrators can't write, and verify ``--against`` the export.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

TRIMMED = "audit.trimmed"
"""Kind of the record that says from which record on the partition's audit is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One record as it is stored.

    Attributes:
        id: the stream's: milliseconds since 1970 of Redis' clock, a dash, a count.
        record: JSON of an ``AuditRecord``, byte for byte as it was hashed.
        previous: digest of the record before, in hex; empty for the very first.
        digest: its own.
    """

    partition: int
    id: str
    record: str
    previous: str
    digest: str


class Flaw(StrEnum):
    """What can be wrong."""

    CHANGED = "changed record"
    RELINKED = "changed link"
    MISSING = "missing record in the middle"
    UNREADABLE = "not a record"
    BEGINNING = "missing beginning"
    HEAD = "wrong head"
    END = "truncated end"
    DIFFERS = "differs from the export"


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """The first thing wrong in a partition: at or just before the record ``id``."""

    partition: int
    id: str
    flaw: Flaw
    what: str

    def __str__(self) -> str:
        at = f"record {self.id}" if self.id else "no record"
        return f"partition {self.partition}: {at}: {self.flaw}: {self.what}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """The end of a partition's audit at one moment.

    Attributes:
        head: the digest that the next record will be chained to; empty if there is none.
        last_id: id of the newest record; empty when there is none.
        newest_ever: id of the newest record that the stream ever held.
    """

    head: str
    last_id: str
    newest_ever: str


class ChainCheck:
    """Takes a partition's entries, oldest first, and keeps the first flaw.

    Attributes:
        count: entries taken.
        first: the oldest entry.
        last: the newest entry so far.
        broken: the first flaw, if any.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.count = 0
        self.first: Entry | None = None
        self.last: Entry | None = None
        self.broken: Broken | None = None
        self._vouched = False

    def take(self, entry: Entry) -> None:
        """The next entry."""
        self.count += 1
        if self.first is None:
            self.first = entry
        if self.broken is None:
            self.broken = self._flaw_of(entry)
        if not self._vouched:
            self._vouched = _kept_from(entry) == self.first.id
        self.last = entry

    @property
    def trimmed(self) -> bool:
        """Whether older records than the first one are gone."""
        return self.first is not None and self.first.previous != ""

    def check_beginning(self) -> None:
        """Retention notes in the audit itself from where on it keeps; anybody else who trims does not."""
        if self.broken is None and self.first is not None and self.trimmed and not self._vouched:
            self.broken = self._broken(
                self.first.id,
                Flaw.BEGINNING,
                f"older records are gone, and no {TRIMMED} record says that retention took them",
            )

    def check_end(self, tail: Tail) -> None:
        """Compare what was taken with where the partition says that it ends."""
        if self.broken is not None:
            return
        last = self.last
        if last is None:
            if tail.head:
                self.broken = self._broken("", Flaw.END, "all records are gone, but the head is there")
        elif order(tail.newest_ever) > order(last.id):
            self.broken = self._broken(
                last.id,
                Flaw.END,
                f"it is the newest one left, but there were records up to {tail.newest_ever}",
            )
        elif tail.head != last.digest:
            what = "is gone" if not tail.head else f"{tail.head} is the digest of no record"
            self.broken = self._broken(
                last.id, Flaw.HEAD, f"it is the newest one, with digest {last.digest}, but the head {what}"
            )

    def _flaw_of(self, entry: Entry) -> Broken | None:
        expected = self.last.digest if self.last is not None else None
        if not entry.record or not entry.digest:
            return self._broken(entry.id, Flaw.UNREADABLE, "it has no text or no digest")
        if digest_of(entry.previous, entry.record) != entry.digest:
            if expected is not None and digest_of(expected, entry.record) == entry.digest:
                return self._broken(
                    entry.id, Flaw.RELINKED, "it names another record before it than its digest was made with"
                )
            return self._broken(entry.id, Flaw.CHANGED, "its digest is not that of its text")
        if expected is not None and entry.previous != expected:
            before = self.last.id if self.last is not None else ""
            return self._broken(
                entry.id,
                Flaw.MISSING,
                f"it does not follow {before}: records between them are gone, or {before} was replaced",
            )
        return None

    def _broken(self, entry_id: str, flaw: Flaw, what: str) -> Broken:
        return Broken(partition=self.partition, id=entry_id, flaw=flaw, what=what)


def digest_of(previous: str, record: str) -> str:
    """The digest of a record that follows the one of digest ``previous``, in hex."""
    return hashlib.sha1((previous + record).encode(), usedforsecurity=False).hexdigest()


def _kept_from(entry: Entry) -> str | None:
    """The id from which on the audit is kept, if this record says so."""
    if TRIMMED not in entry.record:
        return None
    try:
        record = json.loads(entry.record)
        return str(record["details"]["kept_from"]) if record["kind"] == TRIMMED else None
    except (ValueError, KeyError, TypeError):
        return None


def order(stream_id: str) -> tuple[int, int]:
    """A stream id as Redis orders them."""
    milliseconds, _, count = stream_id.partition("-")
    return int(milliseconds or 0), int(count or 0)
