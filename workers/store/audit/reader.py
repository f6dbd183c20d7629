"""The audit of all partitions, record by record, for whoever sums it up."""

from collections.abc import AsyncIterator
from datetime import datetime

import redis.asyncio as redis
import structlog
from pydantic import ValidationError

from workers.domain.audit import AuditRecord
from workers.domain.errors import NewerDocument
from workers.domain.schema import read
from workers.store.audit.log import AuditLog

log = structlog.get_logger(__name__)


class RedisAuditReader:
    """``workers.domain.ports.AuditReader`` on Redis.

    Args:
        client: made by ``workers.store.connection.connect``.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._log = AuditLog(client)

    async def since(self, at: datetime) -> AsyncIterator[AuditRecord]:
        """Every record from then on; one that can't be read is left out, and the log says so."""
        async for entry in self._log.merged(since=at):
            try:
                yield read(AuditRecord, entry.record)
            except (NewerDocument, ValidationError) as error:
                log.warning("an audit record can't be read", id=entry.id, because=str(error)[:300])
