"""Which VMs there are, in one Redis hash: a name resolves without asking Azure."""

import itertools
from collections.abc import Sequence

import redis.asyncio as redis

from workers.domain.vm import KnownVm
from workers.store import keys
from workers.store.connection import redis_away
from workers.store.pipe import Pipe


class RedisInventory:
    """``workers.domain.ports.Inventory`` on Redis.

    Args:
        client: made by ``workers.store.connection.connect``.
        pipe: the store's, over the same client; then a VM is noted in the round trip of a write to the store.
    """

    def __init__(self, client: redis.Redis, *, pipe: Pipe | None = None) -> None:
        self._redis = client
        self._pipe = pipe or Pipe(client)

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
