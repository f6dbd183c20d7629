"""The running system as the bench needs it: stand-ins for the whole run, the product per measurement."""

import asyncio
import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import redis.asyncio as redis
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from typing_extensions import override

from deploy.sandbox.bench.crowd import Crowd
from deploy.sandbox.bench.proxy import LOOPBACK, RedisProxy
from deploy.sandbox.client import Control
from deploy.sandbox.processes import Process, free_port
from deploy.sandbox.system import Ports, System

POLICY = Path(__file__).with_name("policy.yaml")
_AT_ONCE = 50
"""Messages in one list: Service Bus takes up to 256 KB at once."""
_LOOK_S = 0.2
PARTITIONS = 16
"""Of the store's keys, as the product documents them."""

Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """The product's processes while a measurement runs."""

    workers: tuple[Process, ...]
    bot: Process | None

    @property
    def processes(self) -> tuple[Process, ...]:
        """All of them."""
        return (*self.workers, *((self.bot,) if self.bot else ()))


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
    """The audit in the store, counted by kind as it grows."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._after = dict.fromkeys(range(PARTITIONS), "-")
        self.kinds: Counter[str] = Counter()

    async def count(self, kind: str, *, vms: Collection[str] = ()) -> int:
        """How many records of this kind came since this was made; only about these machines, if given."""
        for partition, after in self._after.items():
            entries: Any = await self._redis.xrange(f"sg:{{p{partition:x}}}:audit", min=after)
            for entry_id, fields in entries:
                record = json.loads(fields[b"r"])
                self.kinds[record["kind"]] += not vms or record["vm"].rpartition("/")[2] in vms
                self._after[partition] = f"({entry_id.decode()}"
        return self.kinds[kind]

    async def skip(self) -> Self:
        """Count from here on."""
        await self.count("")
        self.kinds.clear()
        return self


class _StandIns(System):
    """The system without the product, which each measurement launches for itself."""

    @override
    async def _spawn(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> dict[str, object]:
        if name in ("bot", "workers"):
            return {}
        return await super()._spawn(name, *command, environment=environment)


class Rig:
    """Owns the stand-ins; starts the product anew for each measurement.

    Args:
        crowd: whose machines are started.
        keep: where logs and data are left behind; by default they go with the run.
    """

    def __init__(self, crowd: Crowd, *, keep: Path | None = None) -> None:
        self.crowd = crowd
        self._keep = keep
        self._stack = contextlib.AsyncExitStack()
        self._count = 0
        self._shared: Product | None = None
        self._shared_via_proxy = False

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        directory = self._keep or Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="startgate-bench-"))
        )
        directory.mkdir(parents=True, exist_ok=True)
        valkey_port = free_port()
        self.system = await self._stack.enter_async_context(
            _StandIns(
                policy=POLICY,
                world=self.crowd.write(directory / "world.yaml"),
                speed=0,
                ports=Ports(valkey=valkey_port),
                directory=directory,
                # Nothing periodic falls into a measurement; what is lost would stay lost, and be seen.
                extra={"STARTGATE_RESYNC_EVERY_S": "600", "STARTGATE_INVENTORY_EVERY_S": "3600"},
            )
        )
        self.proxy = RedisProxy(valkey_port)
        self._proxy_port = await self.proxy.start()
        self._stack.push_async_callback(self.proxy.stop)
        self.redis = redis.Redis(host=LOOPBACK, port=valkey_port)
        self._stack.push_async_callback(self.redis.aclose)
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        client = await self._stack.enter_async_context(
            ServiceBusClient.from_connection_string(self.system.connection)
        )
        self._sender = await self._stack.enter_async_context(client.get_queue_sender("starts"))
        self._stack.push_async_callback(self._end_shared)
        self.azure, self.slack, self.bus = self.system.azure, self.system.slack, self.system.bus

    def process(
        self, name: str, *command: str, via_proxy: bool = False, extra: dict[str, str] | None = None
    ) -> Process:
        """A process with the product's environment, not started yet."""
        environment = self.system.environment() | (extra or {})
        if via_proxy:
            environment["STARTGATE_REDIS_URL"] = f"redis://{LOOPBACK}:{self._proxy_port}/0"
        self._count += 1
        return Process(f"{name}-{self._count}", command, logs=self.system.logs, environment=environment)

    @contextlib.asynccontextmanager
    async def product(self, *, workers: int, bot: bool) -> AsyncIterator[Product]:
        """So many workers, and the bot, for this block alone, in a system without a past."""
        await self._end_shared()
        product = await self._launched(workers=workers, bot=bot, via_proxy=False)
        try:
            yield product
        finally:
            await _ended(product)

    async def shared(self, *, via_proxy: bool = False) -> Product:
        """One worker and the bot, for as long as measurements ask for the same, which spares launches.

        Args:
            via_proxy: they reach Redis through the proxy, which can delay and counts.
        """
        if self._shared is None or self._shared_via_proxy is not via_proxy:
            await self._end_shared()
            self._shared = await self._launched(workers=1, bot=True, via_proxy=via_proxy)
            self._shared_via_proxy = via_proxy
        await self.delay()
        return self._shared

    async def _launched(self, *, workers: int, bot: bool, via_proxy: bool) -> Product:
        await self.reset()
        product = Product(
            workers=tuple(
                self.process("workers", "-m", "workers", "workers", via_proxy=via_proxy)
                for _ in range(workers)
            ),
            bot=self.process("bot", "-m", "bot", "run", via_proxy=via_proxy) if bot else None,
        )
        try:
            await asyncio.gather(*(process.start() for process in product.processes))
        except BaseException:
            await _ended(product)
            raise
        return product

    async def _end_shared(self) -> None:
        product, self._shared = self._shared, None
        if product is not None:
            await _ended(product)

    async def until_known(self, vm: str, *, within_s: float = 30.0) -> None:
        """Return when the product knows a machine by name.

        Raises:
            TimeoutError: it does not.
        """
        for _ in range(round(within_s / _LOOK_S)):
            known: Any = await self.redis.hkeys("sg:inventory")
            if any(key.endswith(f"/{vm}".encode()) for key in known):
                return
            await asyncio.sleep(_LOOK_S)
        raise TimeoutError(f"{vm} is not in the inventory after {within_s:g} s")

    async def audit(self) -> Audit:
        """The audit from here on."""
        return await Audit(self.redis).skip()

    async def reset(self) -> None:
        """Empty queues, an empty store, the seeded estate and workspace, no delays."""
        await self.delay()
        for queue in ("starts", "work", "notices"):
            await self.purge(queue)
        await self.redis.flushall()
        await self.azure.post("/_reset")
        await self.slack.post("/_reset")

    async def purge(self, queue: str) -> None:
        """Empty a queue and its dead letters."""
        async with self._http.delete(f"{self.system.bus_url}/_queues/{queue}/messages") as answer:
            answer.raise_for_status()

    async def delay(self, *, arm: float = 0, slack: float = 0, bus: float = 0, redis_: float = 0) -> None:
        """How long each part takes to answer, in ms."""
        await self.azure.put("/_faults", [{"delay_ms": arm}] if arm else [])
        await self.slack.put("/_faults", [{"delay_ms": slack, "path": "^/api/"}] if slack else [])
        await self.bus.put("/_faults", {"delay_ms": bus})
        self.proxy.delay_ms = redis_

    async def send(self, messages: Sequence[ServiceBusMessage]) -> None:
        """Put start events on the queue, in lists."""
        for at in range(0, len(messages), _AT_ONCE):
            await self._sender.send_messages(list(messages[at : at + _AT_ONCE]))


async def _ended(product: Product) -> None:
    """At once: how it ends in good order is no part of any measurement."""
    await asyncio.gather(*(process.kill() for process in product.processes))
