"""The running system as the bench needs it: stand-ins for the whole run, the product per measurement."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import redis.asyncio as redis
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from typing_extensions import override

from deploy.sandbox.bench.crowd import Crowd
from deploy.sandbox.bench.proxy import LOOPBACK, RedisProxy
from deploy.sandbox.bench.records import Audit
from deploy.sandbox.processes import Process, free_port
from deploy.sandbox.system import Ports, System
from workers.domain.starts.vm import VmRef
from workers.store.inventory import RedisInventory
from workers.store.keys import vm_record

POLICY = Path(__file__).with_name("policy.yaml")
_AT_ONCE = 50
"""Messages in one list: Service Bus takes up to 256 KB at once."""
_LOOK_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """The product's processes while a measurement runs."""

    workers: list[Process]
    bot: Process | None

    @property
    def processes(self) -> tuple[Process, ...]:
        """All of them."""
        return (*self.workers, *((self.bot,) if self.bot else ()))


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
        policy: the policy file.
        keep: where logs and data are left behind; by default they go with the run.
        profile: where each worker process leaves its profile; rates are those of a profiled process then.
    """

    def __init__(
        self, crowd: Crowd, *, policy: Path = POLICY, keep: Path | None = None, profile: Path | None = None
    ) -> None:
        self._policy = policy
        self.crowd = crowd
        self._keep = keep
        self._profile = profile
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
                policy=self._policy,
                world=self.crowd.write(directory / "world.yaml"),
                speed=0,
                ports=Ports(valkey=valkey_port),
                directory=directory,
                # What is measured is the product; the one measurement at Slack's pace turns them on.
                slack_limits=False,
                # Nothing periodic falls into a measurement; what is lost would stay lost, and be seen.
                extra={
                    "STARTGATE_RESYNC_EVERY_S": "600",
                    "STARTGATE_INVENTORY_EVERY_S": "3600",
                    "STARTGATE_STANDING_EVERY_S": "3600",
                    "STARTGATE_MISSED_STARTS_EVERY_S": "0",
                    "STARTGATE_EVENT_SOURCES_EVERY_S": "0",
                },
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
        self._senders = {
            queue: await self._stack.enter_async_context(client.get_queue_sender(queue))
            for queue in ("starts", "notices")
        }
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
            await self._ended(product)

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

    async def forget_questions(self) -> None:
        """Have the next start of each machine asked about: with a question open, it would only join that."""
        await self.redis.delete(*(vm_record(VmRef.parse(one)) for one in self.crowd.ids.values()))

    async def renew(self) -> None:
        """Let the next measurement begin in a system without a past."""
        await self._end_shared()

    async def shared_in_turn(self, *, via_proxy: bool = False) -> tuple[Product, dict[str, float]]:
        """The shared product, launched anew one process after the other; seconds until each was ready."""
        await self._end_shared()
        await self.reset()
        self._shared = self._product(workers=1, bot=True, via_proxy=via_proxy)
        self._shared_via_proxy = via_proxy
        ready: dict[str, float] = {}
        for name, process in zip(("workers", "bot"), self._shared.processes, strict=True):
            began = time.monotonic()
            await process.start()
            ready[name] = time.monotonic() - began
        return self._shared, ready

    def _product(self, *, workers: int, bot: bool, via_proxy: bool) -> Product:
        return Product(
            workers=[self._worker(via_proxy=via_proxy) for _ in range(workers)],
            bot=self.process("bot", "-m", "bot", "run", via_proxy=via_proxy) if bot else None,
        )

    async def _launched(self, *, workers: int, bot: bool, via_proxy: bool) -> Product:
        await self.reset()
        product = self._product(workers=workers, bot=bot, via_proxy=via_proxy)
        try:
            await asyncio.gather(*(process.start() for process in product.processes))
        except BaseException:
            await self._ended(product)
            raise
        return product

    async def leave(self, product: Product) -> None:
        """One worker less for a product that runs."""
        await self._end(product.workers.pop())

    def _worker(self, *, via_proxy: bool) -> Process:
        command: tuple[str, ...] = ("-m", "workers", "workers")
        if self._profile is not None:
            self._profile.mkdir(parents=True, exist_ok=True)
            file = self._profile.resolve() / f"workers-{self._count + 1}.pstats"
            command = ("-m", "deploy.sandbox.bench.profiled", str(file), "workers")
        return self.process("workers", *command, via_proxy=via_proxy)

    async def _ended(self, product: Product) -> None:
        await asyncio.gather(*(self._end(process) for process in product.processes))

    async def _end(self, process: Process) -> None:
        """At once: how it ends in good order is no part of any measurement, but a profile needs it."""
        if self._profile is not None:
            await process.stop()
        await process.kill()

    async def _end_shared(self) -> None:
        product, self._shared = self._shared, None
        if product is not None:
            await self._ended(product)

    async def until_known(self, vm: str, *, within_s: float = 30.0) -> None:
        """Return when the product knows a machine by name.

        Raises:
            TimeoutError: it does not.
        """
        inventory = RedisInventory(self.redis)
        for _ in range(round(within_s / _LOOK_S)):
            if await inventory.named(vm):
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

    async def send(self, messages: Sequence[ServiceBusMessage], *, queue: str = "starts") -> None:
        """Put start events on a queue, in lists."""
        for at in range(0, len(messages), _AT_ONCE):
            await self._senders[queue].send_messages(list(messages[at : at + _AT_ONCE]))
