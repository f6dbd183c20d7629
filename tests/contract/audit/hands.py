"""A store and its audit on a real Valkey, and hands that write into Redis behind their backs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import redis.asyncio as redis

from tests.doubles import FakeClock
from workers.domain.audit import AuditRecord
from workers.domain.ports.store import Commit
from workers.store import keys
from workers.store.audit.chain import Flaw
from workers.store.audit.log import AuditLog
from workers.store.redis_store import RedisStore

P = 7
RETENTION = timedelta(days=90)


class Audit:
    """A store, the log over it, and hands that write into Redis behind their backs."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client
        self.store = RedisStore(client)
        self.log = AuditLog(client)
        self.clock = FakeClock(datetime.now(UTC))

    async def write(self, count: int, *, partition: int = P, kind: str = "test.done") -> None:
        for number in range(count):
            record = AuditRecord(
                kind=kind, at=self.clock.now(), details={"number": number, "text": "ü\n\x1b["}
            )
            await self.store.commit(Commit(partition=partition, audit=(record,)))

    async def raw(self, partition: int = P) -> list[tuple[bytes, dict[bytes, bytes]]]:
        entries: Any = await self.redis.xrange(keys.audit(partition))
        return list(entries)

    async def rebuild(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        """A stream can't be changed in place: whoever tampers makes it anew, under the same ids."""
        await self.redis.delete(keys.audit(P))
        for stream_id, fields in entries:
            await self.redis.xadd(keys.audit(P), dict[Any, Any](fields), id=stream_id.decode())

    async def flaw(self) -> tuple[Flaw, str]:
        broken = (await self.log.verify(P)).broken
        assert broken is not None
        assert broken.partition == P
        return broken.flaw, broken.id

    async def ids(self) -> list[str]:
        return [stream_id.decode() for stream_id, _ in await self.raw()]
