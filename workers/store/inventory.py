"""Which VMs there are, in one Redis hash: a name resolves without asking Azure."""

from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis

from workers.domain.vm import KnownVm
from workers.store import keys
from workers.store.connection import redis_away


class RedisInventory:
    """``workers.domain.ports.Inventory`` on Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs; with ``whole_subscription``, others of that subscription go."""
        with redis_away():
            if vms:
                rows: dict[Any, Any] = {vm.ref.key: vm.model_dump_json() for vm in vms}
                await self._redis.hset(keys.INVENTORY, mapping=rows)
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
            rows = await self._redis.hvals(keys.INVENTORY)
        return sorted((KnownVm.model_validate_json(row) for row in rows), key=lambda vm: vm.ref.name.lower())
