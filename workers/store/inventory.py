"""Which VMs there are, in one Redis hash: a name resolves without asking Azure."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis
import structlog

from workers.domain.starts.vm import KnownVm
from workers.store import keys
from workers.store.connection import redis_away
from workers.store.pipe import Pipe

log = structlog.get_logger(__name__)


class RedisInventory:
    """``workers.domain.ports.Inventory`` on Redis.

    Args:
        client: made by ``workers.store.connection.connect``.
        pipe: the store's, over the same client; then a VM is noted in the round trip of a write to the store.
    """

    def __init__(self, client: redis.Redis, *, pipe: Pipe | None = None) -> None:
        self._redis = client
        self._pipe = pipe or Pipe(client)
        self._noting: asyncio.Future[Any] | None = None

    def note(self, vm: KnownVm) -> None:
        """Renew one line beside what else is asked of Redis; in a burst, many by one command."""
        try:
            noting = self._pipe.join("HSET", keys.INVENTORY, vm.ref.key, vm.model_dump_json())
        except ValueError as error:  # half a character in a tag, which can't be written
            log.warning("the inventory was not renewed", vm=vm.ref.name, because=str(error))
            return
        if noting is not self._noting:
            self._noting = noting
            noting.add_done_callback(_noted)

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs; with ``whole_subscription``, others of that subscription go."""
        with redis_away():
            if vms:
                rows = itertools.chain.from_iterable((vm.ref.key, vm.model_dump_json()) for vm in vms)
                await self._pipe.ask("HSET", keys.INVENTORY, *rows)
            if whole_subscription:
                kept = {vm.ref.key for vm in vms}
                gone = [
                    vm.ref.key
                    for vm in await self.all()
                    if vm.ref.subscription_id.lower() == whole_subscription.lower() and vm.ref.key not in kept
                ]
                if gone:
                    await self._redis.hdel(keys.INVENTORY, *gone)

    async def all(self) -> Sequence[KnownVm]:
        """Every known VM, by name."""
        with redis_away():
            # Not through the pipe: the answer is large, and others would wait for it.
            rows = await self._redis.hvals(keys.INVENTORY)
        return sorted((KnownVm.model_validate_json(row) for row in rows), key=lambda vm: vm.ref.name.lower())


def _noted(noting: asyncio.Future[Any]) -> None:
    if not noting.cancelled() and (error := noting.exception()) is not None:
        log.warning("the inventory was not renewed", because=f"{type(error).__name__}: {error}")
