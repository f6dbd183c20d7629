"""Whether an archive holds what was once written to it: every record, every segment, all heads."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from workers.domain.errors import NotFound
from workers.domain.ids import PARTITIONS
from workers.store.audit.chain import ChainCheck, Entry
from workers.use_cases.sweeps.audit.archive import heads_digest, segment_digest, segment_name, segment_prefix


class Source(Protocol):
    """Where the blobs are: their container, or a directory that they were downloaded to."""

    def names(self, prefix: str) -> AsyncIterator[str]:
        """All names that begin so, in order."""
        ...

    async def read(self, name: str) -> bytes:
        """What is in it."""
        ...


class Directory:
    """Blobs that were downloaded, such as by ``az storage blob download-batch``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def names(self, prefix: str) -> AsyncIterator[str]:
        """All names that begin so, in order."""
        for name in sorted(
            path.relative_to(self._path).as_posix() for path in self._path.rglob("*") if path.is_file()
        ):
            if name.startswith(prefix):
                yield name

    async def read(self, name: str) -> bytes:
        """What is in it."""
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise NotFound(f"{name} can't be read: {error}") from None


class Segment(NamedTuple):
    """One segment, taken apart."""

    entries: tuple[Entry, ...]
    text: str
    end: dict[str, Any]


class Found(NamedTuple):
    """What a check came to.

    Attributes:
        wrong: what is wrong, a sentence each.
        anew: where a chain begins anew: Redis was lost or emptied before that.
        records: how many there are.
        heads: the digest of the newest heads; empty if there are none.
    """

    wrong: tuple[str, ...]
    anew: tuple[str, ...]
    records: int
    heads: str


def parsed(name: str, content: bytes) -> Segment:
    """A segment.

    Raises:
        ValueError: it is none.
    """
    try:
        *lines, last = content.decode().splitlines(keepends=True)
        end = json.loads(last)
        entries = tuple(Entry(**json.loads(line)) for line in lines)
    except (ValueError, TypeError, KeyError):
        entries, lines, end = (), [], {}
    if not entries or "end" not in end:
        raise ValueError(f"{name} is no segment, or was cut off")
    return Segment(entries, "".join(lines), end)


async def check(source: Source, known: str = "") -> Found:
    """Check all of it, and that heads of the digest ``known`` are among it, if one is given.

    Raises:
        DependencyAway: the container does not answer.
    """
    wrong: list[str] = []
    anew: list[str] = []
    closed: dict[str, dict[str, tuple[str, str]]] = {}
    records = 0
    for partition in range(PARTITIONS):
        records += await _partition(source, partition, closed.setdefault(f"{partition:x}", {}), wrong, anew)
    heads, digests = await _heads(source, closed, wrong)
    if known and known not in digests:
        wrong.append(f"no heads have the digest {known}: they were taken away, or this is another archive")
    return Found(tuple(wrong), tuple(anew), records, heads)


async def _partition(
    source: Source,
    partition: int,
    closed: dict[str, tuple[str, str]],
    wrong: list[str],
    anew: list[str],
) -> int:
    chain, sha256, count = ChainCheck(partition), "", 0
    async for name in source.names(segment_prefix(partition)):
        try:
            segment = parsed(name, await source.read(name))
        except ValueError as error:
            wrong.append(str(error))
            continue
        first, last, end = segment.entries[0], segment.entries[-1], segment.end
        if chain.last is not None and not first.previous and chain.broken is None:
            anew.append(f"partition {partition}: a new chain begins at {first.id}, after {chain.last.id}")
            chain = ChainCheck(partition)
        for entry in segment.entries:
            chain.take(entry)
        count += len(segment.entries)
        wrong += _of_segment(name, segment, partition, sha256)
        sha256 = str(end.get("sha256"))
        closed[last.id] = (last.digest, sha256)
        if chain.broken is not None:
            wrong.append(f"{name}: {chain.broken}")
            chain = ChainCheck(partition)
    return count


def _of_segment(name: str, segment: Segment, partition: int, before: str) -> list[str]:
    end, entries = segment.end, segment.entries
    wrong = []
    if name != segment_name(partition, entries[0].id) or end.get("partition") != partition:
        wrong.append(f"{name}: it does not begin with the record of its name")
    if end.get("records") != len(entries) or end["end"] != entries[-1].digest:
        wrong.append(f"{name}: its closing line does not fit its records")
    if end.get("before") != before:
        wrong.append(f"{name}: a segment before it is missing, or was replaced")
    elif end.get("sha256") != segment_digest(before, segment.text):
        wrong.append(f"{name}: its SHA-256 is not that of its records")
    return wrong


async def _heads(
    source: Source, closed: dict[str, dict[str, tuple[str, str]]], wrong: list[str]
) -> tuple[str, set[str]]:
    previous, number, digests = "", 0, set[str]()
    async for name in source.names("heads/"):
        try:
            body = json.loads(await source.read(name))
            heads, sha256 = body["heads"], str(body["sha256"])
            number += 1
            if body["number"] != number or body["previous"] != previous:
                wrong.append(f"{name}: heads before it are missing, or were replaced")
                number = int(body["number"])
            if heads_digest(str(body["previous"]), heads) != sha256:
                wrong.append(f"{name}: its SHA-256 is not that of its heads")
            wrong += [
                f"{name}: partition {partition} has no segment that ends at {head['last']} as it says"
                for partition, head in heads.items()
                if closed.get(partition, {}).get(head["last"]) != (head["digest"], head["sha256"])
            ]
        except (ValueError, TypeError, KeyError):
            wrong.append(f"{name} is no heads file")
            continue
        previous = sha256
        digests.add(sha256)
    return previous, digests
