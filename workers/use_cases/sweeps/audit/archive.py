"""Copies the audit into blobs that nobody can change, on a schedule.

Of each partition, records go into *segments* in their order: ``audit/7/0001764518400000-000000.jsonl``, named
by the id of its first record. So a segment is written once, whoever writes it: a worker that finds it there
goes on behind it, and one that was lost in between has lost nothing. A segment has a JSON line for each
record, byte for byte as it was hashed, and a closing line with the SHA-256 over that of the segment before
and all its lines: the chain in Redis is made with SHA-1, because Redis' scripts offer nothing else.

After the segments come the *heads*, ``heads/00000042.json``: how far each partition has come, and the SHA-256
over that and over the heads before. Who keeps one digest somewhere else can tell whether anything before it
was changed, in the blobs or in Redis.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

import structlog

from workers.domain.ids import PARTITIONS
from workers.domain.ports.audit.archive import Archive, Kept, Raw, RawAudit
from workers.domain.ports.clock import Clock
from workers.domain.ports.leases import Leases
from workers.domain.ports.paging import AuditCursor

log = structlog.get_logger(__name__)

MOST_RECORDS = 2000
"""Of one segment; about a megabyte."""
_FROM = "0-0"
_NAME, _HEADS = "archive", "archive-heads"


class ArchiveAudit:
    """Run by every worker; one at a time writes.

    Args:
        archive: where to; without one there is nothing to do.
        audit: what is copied.
        cursor: how far it has come. It may be lost: then the archive itself is asked.
    """

    name = "archive"

    def __init__(
        self,
        *,
        archive: Archive | None,
        audit: RawAudit,
        cursor: AuditCursor,
        leases: Leases,
        clock: Clock,
        period_s: float,
    ) -> None:
        self.period_s = period_s
        self._into, self._audit, self._cursor = archive, audit, cursor
        self._leases, self._clock = leases, clock

    async def __call__(self) -> int:
        """Copy what is new, if it is this worker's turn; how many records.

        Raises:
            DependencyAway: the archive or the store does not answer; the next run goes on.
        """
        if not await self._leases.take(self.name, for_s=max(self.period_s - 1, 1)):
            return 0
        return await self.export()

    async def export(self) -> int:
        """Copy what is new now."""
        return await self._export(self._into) if self._into is not None else 0

    async def _export(self, archive: Archive) -> int:
        if not await archive.immutable():
            log.warning(
                "the archive's container has no immutability policy: what is in it can be changed",
                remedy="az storage container immutability-policy create; deploy/README.md says how",
            )
        heads: dict[str, dict[str, str]] = {}
        count = 0
        for partition in range(PARTITIONS):
            records, last = await self._partition(archive, partition)
            count += records
            if last is not None:
                heads[f"{partition:x}"] = {name: last.facts[name] for name in ("last", "digest", "sha256")}
        if count:
            await self._heads(archive, heads, count)
        return count

    async def _partition(self, archive: Archive, partition: int) -> tuple[int, Kept | None]:
        last, count = await self._last(archive, partition), 0
        while True:
            place = last.facts["last"] if last is not None else _FROM
            found = await self._audit.raw_after(partition, place, limit=MOST_RECORDS)
            if not found:
                return count, last
            last = await self._segment(archive, partition, found, last)
            await self._cursor.move(_NAME, partition, last.name)
            count += len(found)

    async def _last(self, archive: Archive, partition: int) -> Kept | None:
        """The newest segment: by the cursor where it is known, so that nothing has to be listed."""
        return await archive.last(await self._cursor.place(_NAME, partition) or segment_prefix(partition))

    async def _segment(
        self, archive: Archive, partition: int, records: Sequence[Raw], before: Kept | None
    ) -> Kept:
        """Write one; if it is there already, that one counts, which may hold fewer records."""
        if before is not None and records[0].previous != before.facts["digest"]:
            log.warning(
                "the audit does not go on where the archive ends", partition=partition, at=records[0].place
            )
        content, sha256 = segment(partition, records, before.facts["sha256"] if before else "")
        facts = {
            "last": records[-1].place,
            "digest": records[-1].digest,
            "sha256": sha256,
            "records": str(len(records)),
        }
        name = segment_name(partition, records[0].place)
        there = await archive.put(name, content, facts)
        return there or Kept(name, facts)

    async def _heads(self, archive: Archive, heads: Mapping[str, Mapping[str, str]], count: int) -> None:
        last = await archive.last(await self._cursor.place(_HEADS, 0) or "heads/")
        number = int(last.facts["number"]) + 1 if last is not None else 1
        previous = last.facts["sha256"] if last is not None else ""
        at = self._clock.now()
        sha256 = heads_digest(previous, heads)
        body = {
            "number": number,
            "at": at.isoformat(),
            "previous": previous,
            "heads": heads,
            "sha256": sha256,
        }
        name = f"heads/{number:08d}.json"
        content = json.dumps(body, indent=1, sort_keys=True).encode()
        there = await archive.put(name, content, {"number": str(number), "sha256": sha256})
        await self._cursor.move(_HEADS, 0, name)
        if there is not None:
            return  # somebody else's; the next run writes what is newer
        log.info("audit exported", heads=name, sha256=sha256, records=count)


def segment_prefix(partition: int) -> str:
    """How the names of a partition's segments begin."""
    return f"audit/{partition:x}/"


def segment_name(partition: int, first: str) -> str:
    """The name of the segment that begins with the record of this id; names sort as records follow."""
    milliseconds, _, number = first.partition("-")
    return f"{segment_prefix(partition)}{int(milliseconds):016d}-{int(number or 0):06d}.jsonl"


def segment(partition: int, records: Sequence[Raw], before: str) -> tuple[bytes, str]:
    """The content of a segment, and its SHA-256, which the next one builds on."""
    lines = [
        json.dumps(
            {
                "partition": partition,
                "id": one.place,
                "record": one.record,
                "previous": one.previous,
                "digest": one.digest,
            }
        )
        for one in records
    ]
    text = "".join(f"{line}\n" for line in lines)
    sha256 = segment_digest(before, text)
    end = {
        "partition": partition,
        "end": records[-1].digest,
        "records": len(records),
        "before": before,
        "sha256": sha256,
    }
    return f"{text}{json.dumps(end)}\n".encode(), sha256


def segment_digest(before: str, text: str) -> str:
    """Over the digest of the segment before, and the lines of all records."""
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def heads_digest(previous: str, heads: Mapping[str, Mapping[str, str]]) -> str:
    """Over the digest of the heads before, and each partition's."""
    lines = [f"{p} {heads[p]['last']} {heads[p]['digest']} {heads[p]['sha256']}\n" for p in sorted(heads)]
    return hashlib.sha256("".join([f"{previous}\n", *lines]).encode()).hexdigest()
