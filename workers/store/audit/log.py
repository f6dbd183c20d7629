"""Reads the audit, page by page, and trims what is older than the retention."""

import heapq
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any

import redis.asyncio as redis

from workers.domain.audit import AuditRecord
from workers.domain.ids import PARTITIONS
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.store import keys
from workers.store.audit.chain import TRIMMED, Broken, ChainCheck, Entry, Flaw, Tail, order
from workers.store.connection import redis_away

PAGE = 500
"""Records read in one call; about a quarter of a megabyte."""

TRIM_SLACK = timedelta(days=1)
"""Records outlive the retention by up to this, so that a note of each trimming costs one record a day."""

# One call, so that head and newest record belong together while others write.
_TAIL = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local newest = ''
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then newest = info[i + 1] end
  end
end
return {redis.call('GET', KEYS[2]) or '', last[1] and last[1][1] or '', newest}
"""


class AuditLog:
    """The audit as it stands in Redis, on one server or on a cluster.

    Every method raises ``DependencyAway`` when Redis does not answer.

    Args:
        client: made by ``workers.store.connection.connect``.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._tail = client.register_script(_TAIL)

    async def entries(
        self,
        partition: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        last_id: str | None = None,
    ) -> AsyncIterator[Entry]:
        """One partition's entries, oldest first, never more than a page in memory.

        Args:
            partition: 0 … 15.
            since: by Redis' clock when it was written, inclusive.
            until: the same, exclusive.
            last_id: ends with this one instead.
        """
        start = f"{_ms(since)}-0" if since else "-"
        end = last_id or (f"({_ms(until)}-0" if until else "+")
        while True:
            async with redis_away(self._redis):
                page: Any = await self._redis.xrange(keys.audit(partition), min=start, max=end, count=PAGE)
            for stream_id, fields in page:
                yield _entry(partition, stream_id, fields)
            if len(page) < PAGE:
                return
            start = f"({page[-1][0].decode()}"

    async def merged(
        self, partitions: Iterable[int] = range(PARTITIONS), *, since: datetime | None = None
    ) -> AsyncIterator[Entry]:
        """The entries of several partitions in the order in which they were written."""
        streams = {p: self.entries(p, since=since) for p in partitions}
        heap: list[tuple[int, str, int, int, Entry]] = []

        async def take(partition: int) -> None:
            async for entry in streams[partition]:
                milliseconds, _, count = entry.id.partition("-")
                # Partitions have no common count: within a millisecond the records' own times decide.
                heapq.heappush(heap, (int(milliseconds), _at(entry), partition, int(count), entry))
                return

        for partition in streams:
            await take(partition)
        while heap:
            *_, entry = heapq.heappop(heap)
            yield entry
            await take(entry.partition)

    async def records(self, since: datetime) -> AsyncIterator[str]:
        """As ``AuditReader`` says."""
        async for entry in self.merged(since=since):
            yield entry.record

    async def tail(self, partition: int) -> Tail:
        """Where a partition's audit ends right now."""
        async with redis_away(self._redis):
            head, last_id, newest = await self._tail(
                keys=[keys.audit(partition), keys.audit_head(partition)], args=[]
            )
        return Tail(head=head.decode(), last_id=last_id.decode(), newest_ever=newest.decode())

    async def verify(self, partition: int) -> ChainCheck:
        """Check a partition from its oldest record to where it ended when this began."""
        check = await self._verified(partition)
        # Records that retention trims between two pages look like missing ones; they don't do so twice.
        return check if check.broken is None else await self._verified(partition)

    async def _verified(self, partition: int) -> ChainCheck:
        tail = await self.tail(partition)
        check = ChainCheck(partition)
        if tail.last_id:
            async for entry in self.entries(partition, last_id=tail.last_id):
                check.take(entry)
        check.check_beginning()
        check.check_end(tail)
        return check

    async def compare(self, exported: Iterable[Entry]) -> AsyncIterator[Broken]:
        """Where Redis holds another record than an export under the same id, or none.

        Exported records older than the oldest one in Redis are passed over, because retention took them;
        that it was the retention, ``verify`` checks.

        Args:
            exported: those of one partition together, oldest first.
        """
        for partition, entries in itertools.groupby(exported, key=lambda entry: entry.partition):
            oldest = await self._first(partition, "-")
            kept = (e for e in entries if oldest is None or order(e.id) >= order(oldest.id))
            while page := list(itertools.islice(kept, PAGE)):
                async with redis_away(self._redis):
                    found: Any = await self._redis.xrange(
                        keys.audit(partition), min=page[0].id, max=page[-1].id
                    )
                held = {
                    stream_id.decode(): _entry(partition, stream_id, fields) for stream_id, fields in found
                }
                for entry in page:
                    if held.get(entry.id) != entry:
                        what = "Redis holds another text" if entry.id in held else "Redis holds it no more"
                        yield Broken(partition=partition, id=entry.id, flaw=Flaw.DIFFERS, what=what)

    async def trim(self, store: Store, clock: Clock, *, retention: timedelta) -> int:
        """Remove records older than the retention; answers how many went. Any worker may do it, any time.

        First it is written into the audit from which record on it is kept, then the older ones go: so a
        beginning that is missing for another reason shows. A crash in between costs a repeat.
        """
        removed = 0
        for partition in range(PARTITIONS):
            removed += await self._trim(partition, store, clock, retention)
        return removed

    async def _trim(self, partition: int, store: Store, clock: Clock, retention: timedelta) -> int:
        now = clock.now()
        oldest = await self._first(partition, "-")
        if oldest is None or int(oldest.id.partition("-")[0]) >= _ms(now - retention - TRIM_SLACK):
            return 0
        kept = await self._first(partition, f"{_ms(now - retention)}-0") or await self._newest(partition)
        if kept is None or kept.id == oldest.id:
            return 0
        note = AuditRecord(
            kind=TRIMMED,
            at=now,
            details={
                "partition": partition,
                "kept_from": kept.id,
                "previous": kept.previous,
                "retention_days": retention / timedelta(days=1),
            },
        )
        await store.commit(Commit(partition=partition, audit=(note,)))
        async with redis_away(self._redis):
            # Exactly up to the noted record: with "~" nobody could say where it stopped.
            return int(await self._redis.xtrim(keys.audit(partition), minid=kept.id, approximate=False))

    async def _first(self, partition: int, start: str) -> Entry | None:
        async with redis_away(self._redis):
            page: Any = await self._redis.xrange(keys.audit(partition), min=start, count=1)
        return _entry(partition, *page[0]) if page else None

    async def _newest(self, partition: int) -> Entry | None:
        async with redis_away(self._redis):
            page: Any = await self._redis.xrevrange(keys.audit(partition), count=1)
        return _entry(partition, *page[0]) if page else None


def _entry(partition: int, stream_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(
        partition=partition,
        id=stream_id.decode(),
        record=fields.get(b"r", b"").decode(errors="replace"),
        previous=fields.get(b"p", b"").decode(errors="replace"),
        digest=fields.get(b"h", b"").decode(errors="replace"),
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _at(entry: Entry) -> str:
    """The record's own time, as text that sorts; empty for one that was tampered with."""
    try:
        return str(json.loads(entry.record)["at"])
    except (ValueError, TypeError, KeyError):
        return ""
