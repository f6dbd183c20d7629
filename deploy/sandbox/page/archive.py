"""The product's store, read from outside: its documents and its audit, as they change.

Nothing in the store announces a change. The audit streams tell of nearly every write, the bus names the
document of every nudge, and a slow look through all keys finds the rest.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

from workers.domain.ids import PARTITIONS
from workers.domain.starts.vm import VmRef
from workers.store import keys

SETTLE_S = 0.05
"""Hints that come together are looked at together."""
LOOK_S = 2.0
"""How often everything is looked through; it costs one SCAN and one HGET a document."""

Document = dict[str, Any]


class Archive:
    """The store's documents and audit records in memory.

    Args:
        changed: told the ids of documents that changed and the audit records that came.
        available: told ``does=True`` when the store answers, ``does=False`` when it does not.

    Attributes:
        documents: approvals and containments, by id.
        audit: every audit record, in the order of each partition.
        due: document id → when it is looked at again, in Unix ms.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        changed: Callable[[set[str], list[Document]], None],
        available: Callable[..., None],
    ) -> None:
        self._redis = client
        self._changed = changed
        self._available = available
        self.documents: dict[str, Document] = {}
        self.audit: list[Document] = []
        self.due: dict[str, float] = {}
        self._versions: dict[str, int] = {}
        self._after = ["-"] * PARTITIONS
        self._hints: set[str] = set()
        self._hinted = asyncio.Event()

    def hint(self, document_id: str) -> None:
        """This document may have changed; an impossible id is ignored. Empty: something may have."""
        self._hints.add(document_id)
        self._hinted.set()

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            try:
                hints = await self._take_hints()
                await self._look(hints)
                self._available(does=True)
            except (RedisError, OSError, TimeoutError):
                self._available(does=False)
                await asyncio.sleep(SETTLE_S * 4)

    async def _take_hints(self) -> set[str] | None:
        """Ids to look at, or ``None`` for everything."""
        try:
            await asyncio.wait_for(self._hinted.wait(), LOOK_S)
        except TimeoutError:
            return None
        await asyncio.sleep(SETTLE_S)
        hints, self._hints = self._hints, set()
        self._hinted.clear()
        return hints

    async def _look(self, hints: set[str] | None) -> None:
        records = await self._new_records()
        wanted = (
            await self._all_ids() if hints is None else hints | {str(r.get("about", "")) for r in records}
        )
        changed = await self._read(wanted)
        await self._read_due()
        if hints is None:
            gone = self.documents.keys() - wanted
            for document_id in gone:
                del self.documents[document_id], self._versions[document_id]
            changed |= gone
        if changed or records:
            self._changed(changed, records)

    async def _new_records(self) -> list[Document]:
        pipe = self._redis.pipeline(transaction=False)
        for partition, after in enumerate(self._after):
            pipe.xrange(keys.audit(partition), min=after)
        found: list[tuple[str, Document]] = []
        for partition, entries in enumerate(await pipe.execute()):
            for entry_id, fields in entries:
                self._after[partition] = f"({entry_id.decode()}"
                found.append((entry_id.decode(), json.loads(fields[b"r"])))
        records = [record for _, record in sorted(found, key=lambda item: item[0])]
        self.audit += records
        return records

    async def _all_ids(self) -> set[str]:
        found = set()
        async for key in self._redis.scan_iter("sg:{p*}:doc:*", count=1000):
            found.add(key.decode().rpartition(":")[2])
        return found

    async def _read(self, wanted: Iterable[str]) -> set[str]:
        """Read the documents whose version is not the known one."""
        known = {document_id: key for document_id in wanted if (key := _key(document_id))}
        if not known:
            return set()
        pipe = self._redis.pipeline(transaction=False)
        for key in known.values():
            pipe.hget(key, "v")
        versions = dict(zip(known, await pipe.execute(), strict=True))
        newer = [i for i, v in versions.items() if v is not None and int(v) != self._versions.get(i)]
        pipe = self._redis.pipeline(transaction=False)
        for document_id in newer:
            pipe.hmget(known[document_id], "v", "d")
        for document_id, (version, data) in zip(newer, await pipe.execute(), strict=True):
            if data is not None:
                self._versions[document_id] = int(version)
                self.documents[document_id] = json.loads(data)
        return set(newer)

    async def _read_due(self) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for partition in range(PARTITIONS):
            pipe.zrange(keys.due(partition), 0, -1, withscores=True)
        self.due = {i.decode(): score for rows in await pipe.execute() for i, score in rows}

    async def beside(self, documents: Iterable[Document]) -> dict[str, Document]:
        """Cards and VM records that belong to documents, by key; what cannot be read is left out."""
        wanted = []
        for document in documents:
            wanted.append(keys.card(document["id"]))
            vm = document.get("vm") or document.get("event", {}).get("vm")
            if vm:
                wanted.append(keys.vm_record(VmRef.model_validate(vm)))
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            return await self._read_keys(dict.fromkeys(wanted))
        return {}

    async def _read_keys(self, names: Iterable[str]) -> dict[str, Document]:
        names = list(names)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hget(name, "d")
        values = zip(names, await pipe.execute(), strict=True)
        return {name: json.loads(value) for name, value in values if value is not None}


def _key(document_id: str) -> str:
    try:
        return keys.by_id(document_id)
    except ValueError:
        return ""
