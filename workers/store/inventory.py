"""Which VMs there are, in Redis: a name resolves without asking Azure, and without reading all of them.

A hash for each subscription holds the lines, a sorted set the names. A line is written before its name, and a
name without a line is passed over: so a crash in between shows nothing that isn't there.
"""

import asyncio
import heapq
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import redis.asyncio as redis
import structlog
from pydantic import ValidationError

from workers.domain.errors import NewerDocument
from workers.domain.schema import read
from workers.domain.starts.likeness import Nearest
from workers.domain.starts.past.entries import vm_digest
from workers.domain.starts.vm import KnownVm, VmRef
from workers.store import keys
from workers.store.connection import redis_away

log = structlog.get_logger(__name__)

_AT_ONCE = 500
"""Lines written or read by one command: a few milliseconds of ours and of Redis' time."""
_SCANNED = 1000
"""Names that Redis looks at in one call: about 3 ms of its time."""
_MOST_NOTED = 10_000
_CLOSE_WITHIN_S = 3.0
T = TypeVar("T")
_BEFORE_ID = b"\0/subscriptions/"


class RedisInventory:
    """``workers.domain.ports.Inventory`` on Redis.

    Args:
        client: made by ``workers.store.connection.connect``.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._noted: dict[str, KnownVm] = {}
        self._noting: asyncio.Task[None] | None = None

    def note(self, vm: KnownVm) -> None:
        """Renew one line in the background; what is noted meanwhile is written together."""
        if len(self._noted) >= _MOST_NOTED:
            log.warning("the inventory was not renewed", vms=1, because="too many VMs wait to be noted")
            return
        self._noted[vm.ref.key] = vm
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._write_noted())

    async def _write_noted(self) -> None:
        while self._noted:
            vms, self._noted = list(self._noted.values()), {}
            try:
                for page in _pages(vms):
                    async with redis_away(self._redis):
                        await self._put(page)
            except Exception as error:  # nobody waits for it, and the next listing makes up for it
                because = f"{type(error).__name__}: {error}"
                log.warning("the inventory was not renewed", vms=len(vms), because=because)

    async def aclose(self) -> None:
        """Wait until what was noted is written."""
        if self._noting is not None:
            await asyncio.wait([self._noting], timeout=_CLOSE_WITHIN_S)

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs; with ``whole_subscription``, others of that subscription go."""
        async with redis_away(self._redis):
            gone: set[str] = set()
            if whole_subscription:
                held: Any = await self._redis.hkeys(keys.inventory(whole_subscription))
                gone = {key.decode() for key in held} - {vm.ref.key for vm in vms}
            for page in _pages(vms):
                await self._renew(page)
            for ids in _pages(sorted(gone)):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    pipeline.zrem(keys.VM_NAMES, *map(_named, ids))
                    pipeline.hdel(keys.inventory(whole_subscription or ""), *ids)
                    await pipeline.execute()

    async def _renew(self, vms: Sequence[KnownVm]) -> None:
        """Put what was listed, with what each VM's tags were: a listing knows only those of now."""
        earlier = {vm.ref.key: vm for vm in await self._read(vm.ref.key for vm in vms)}
        await self._put([vm.after(earlier.get(vm.ref.key)) for vm in vms])

    async def _put(self, vms: Sequence[KnownVm]) -> None:
        lines: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        for vm in vms:
            try:
                lines[vm.ref.subscription_id.lower()][vm.ref.key] = vm.model_dump_json()
            except ValueError as error:  # half a character in a tag, which can't be written
                log.warning("the inventory was not renewed", vm=vm.ref.name, because=str(error))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for subscription, of_it in lines.items():
                if of_it:
                    pipeline.hset(keys.inventory(subscription), mapping=of_it)
                    pipeline.zadd(keys.VM_NAMES, dict.fromkeys(map(_named, of_it), 0))
            await pipeline.execute()

    async def named(self, name: str, *, group: str = "") -> Sequence[KnownVm]:
        """The VMs of exactly this name."""
        wanted = name.lower().encode(errors="replace")
        async with redis_away(self._redis):
            found: Any = await self._redis.zrange(
                keys.VM_NAMES, b"[" + wanted + b"\0", b"(" + wanted + b"\1", bylex=True
            )
        part = f"/resourcegroups/{group.lower()}/" if group else ""
        return await self._read(key for key in map(_key, found) if part in key)

    async def containing(self, part: str, *, limit: int) -> Sequence[KnownVm]:
        """The VMs with this part of a name; Redis looks through the names, page by page."""
        wanted = part.lower().encode(errors="replace")
        pattern = b"*" + re.sub(rb"([\\*?\[\]^-])", rb"\\\1", wanted) + b"*"
        found: set[bytes] = set()  # a scan may tell one name twice
        async with redis_away(self._redis):
            async for member, _ in self._redis.zscan_iter(keys.VM_NAMES, match=pattern, count=_SCANNED):
                if wanted in member.partition(_BEFORE_ID)[0]:  # else it is in the id
                    found.add(member)
        return await self._read(_key(member) for member in heapq.nsmallest(limit, found))

    async def near(self, name: str, *, limit: int) -> Sequence[str]:
        """Names that are like this one; Redis hands all of them over, page by page."""
        nearest, cursor = Nearest(name, most=limit), 0
        async with redis_away(self._redis):
            while True:
                answer: Any = await self._redis.zscan(keys.VM_NAMES, cursor, count=_SCANNED)
                cursor, members = answer
                nearest.see({member.partition(b"\0")[0].decode(errors="replace") for member, _ in members})
                if not cursor:
                    return nearest.names()

    async def of_digests(self, digests: Collection[str]) -> Sequence[KnownVm]:
        """The VMs of these digests; Redis hands all names over, page by page."""
        found: set[str] = set()
        async with redis_away(self._redis):
            async for member, _ in self._redis.zscan_iter(keys.VM_NAMES, count=_SCANNED):
                if vm_digest(key := _key(member)) in digests:
                    found.add(key)
        return await self._read(sorted(found))

    async def lines(self, vms: Iterable[VmRef]) -> dict[str, KnownVm]:
        """What is known of these VMs, by their keys."""
        return {vm.ref.key: vm for vm in await self._read(vm.key for vm in vms)}

    async def of(self, subscription_id: str) -> Sequence[KnownVm]:
        """Every known VM of one subscription, by name."""
        found: dict[str, KnownVm] = {}
        async with redis_away(self._redis):
            scan = self._redis.hscan_iter(keys.inventory(subscription_id), count=_AT_ONCE)
            async for key, text in scan:
                if (vm := _line(text)) is not None:
                    found[key] = vm
        return sorted(found.values(), key=_by_name)

    async def count(self) -> int:
        """How many VMs are known."""
        async with redis_away(self._redis):
            return int(await self._redis.zcard(keys.VM_NAMES))

    async def _read(self, wanted: Iterable[str]) -> list[KnownVm]:
        """The lines of these ids, by name."""
        by_subscription: defaultdict[str, list[str]] = defaultdict(list)
        for key in wanted:
            if key:
                by_subscription[key.split("/")[2]].append(key)
        found: list[KnownVm] = []
        async with redis_away(self._redis):
            for subscription, of_it in by_subscription.items():
                for page in _pages(of_it):
                    texts: Any = await self._redis.hmget(keys.inventory(subscription), page)
                    found += [vm for text in texts if text and (vm := _line(text)) is not None]
        return sorted(found, key=_by_name)


def _named(key: str) -> str:
    """A VM's entry among the names, by its id in lower case."""
    return f"{key.rpartition('/')[2]}\0{key}"


def _key(member: bytes) -> str:
    """The id in an entry among the names; empty if it is none of ours."""
    _, found, rest = member.partition(_BEFORE_ID)
    return (found[1:] + rest).decode(errors="replace")


def _line(text: bytes) -> KnownVm | None:
    try:
        return read(KnownVm, text)
    except (NewerDocument, ValidationError) as error:
        log.warning("a line of the inventory can't be read", because=str(error)[:300])
        return None


def _by_name(vm: KnownVm) -> tuple[str, str]:
    return vm.ref.name.lower(), vm.ref.key


def _pages(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
