"""What was recorded since the last look: by a stand-in, and by the product in its audit."""

import json
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any, Self

import redis.asyncio as redis

from deploy.sandbox.client import Control

PARTITIONS = 16
"""Of the store's keys, as the product documents them."""

Entry = dict[str, Any]


class Tail:
    """What a stand-in recorded of one kind since the last look.

    Args:
        fields: values that entries must have, such as ``queue="starts"``.
    """

    def __init__(self, control: Control, kind: str, **fields: Any) -> None:
        self._control = control
        self._kind = kind
        self._fields = fields
        self._seq = 0

    async def new(self) -> list[Entry]:
        """Entries since the last call, or since the beginning."""
        entries = await self._control.record(self._seq, self._kind)
        if entries:
            self._seq = int(entries[-1]["seq"])
        return [e for e in entries if all(e.get(key) == value for key, value in self._fields.items())]


class Audit:
    """The audit in the store, counted by kind as it grows.

    Attributes:
        kinds: how many of each.
        latest: when the last of each was written.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._after = dict.fromkeys(range(PARTITIONS), "-")
        self.kinds: Counter[str] = Counter()
        self.latest: dict[str, datetime] = {}

    async def count(self, kind: str, *, vms: Collection[str] = ()) -> int:
        """How many records of this kind came since this was made; only about these machines, if given."""
        for partition, after in self._after.items():
            entries: Any = await self._redis.xrange(f"sg:{{p{partition:x}}}:audit", min=after)
            for entry_id, fields in entries:
                record = json.loads(fields[b"r"])
                self.kinds[record["kind"]] += not vms or record["vm"].rpartition("/")[2] in vms
                at = datetime.fromisoformat(record["at"])
                self.latest[record["kind"]] = max(at, self.latest.get(record["kind"], at))
                self._after[partition] = f"({entry_id.decode()}"
        return self.kinds[kind]

    async def skip(self) -> Self:
        """Count from here on."""
        await self.count("")
        self.kinds.clear()
        return self
