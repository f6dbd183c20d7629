"""The running system that rounds are played on: started, disturbed, mended, looked at from below."""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import redis.asyncio as redis
import yaml
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from deploy.sandbox.client import Control, ControlError
from deploy.sandbox.processes import NotReady, free_port
from deploy.sandbox.stage import eventually
from deploy.sandbox.system import ARM_TOKEN, Ports
from tests.chaos.people import WORLD
from tests.chaos.system.failover import VALKEY
from tests.chaos.system.sandbox import BESIDE, QUICK, SPEED, Sandbox, policy
from tests.chaos.system.watch import Watch
from tests.chaos.troubles import PROCESSES, Failover, Kill, Rotation, Trouble

_LISTED = {
    "slack": (True, "/_faults"),
    "refused": (True, "/_refusals"),
    "azure": (False, "/_faults"),
    "failures": (False, "/_failures"),
    "refusals": (False, "/_refusals"),
}
"""Troubles of which several may be in force: whether they are Slack's or Azure's, and where they are put."""


_RENEWED = "a secret was renewed"
_ABOUT_VMS = ("a", "c")
"""How ids of approvals and containments begin."""


async def _is(true: bool) -> bool:  # noqa: FBT001 - what is asked again and again
    return true


class Ground:
    """One system for a block of rounds.

    Attributes:
        gone_by_itself: processes that ended without having been killed, in words.
        kills: process, Unix ms of its end, and Unix ms at which it was ready again.
    """

    def __init__(self, directory: Path, on_silence: str, *, beside: Path | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.on_silence = on_silence
        file = directory / "policy.yaml"
        file.write_text(yaml.safe_dump(policy(on_silence)), encoding="utf-8")
        self.system = Sandbox(
            policy=file,
            speed=SPEED,
            world=WORLD,
            directory=directory,
            extra=dict(QUICK),
            # Fixed for the system's life: the bus must come back where it was.
            ports=Ports(bus=free_port()),
            # A round is over in seconds, while its cards would take minutes at Slack's pace.
            slack_limits=False,
        )
        self.system.beside = beside
        self.gone_by_itself: list[str] = []
        self.kills: list[tuple[str, float, float]] = []
        self.failovers = self.rotations = 0
        self._down: set[str] = set()
        self._faults: dict[str, list[Any]] = {where: [] for where in _LISTED}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start everything; once more if a port was taken meanwhile."""
        await self.system.__aenter__()
        self.slack = Watch(self.system.slack)
        self.azure = Watch(self.system.azure)
        self.bus = Watch(self.system.bus)
        self.redis = redis.Redis.from_url(self.system.pair.url, retry=Retry(ConstantBackoff(0.1), 40))
        self._arm = aiohttp.ClientSession(headers={"Authorization": f"Bearer {ARM_TOKEN}"})
        self._tasks = [asyncio.create_task(watch.run()) for watch in (self.slack, self.azure, self.bus)]
        self._tasks.append(asyncio.create_task(self._supervise()))

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if hasattr(self, "_arm"):
            await self._arm.close()
            await self.redis.aclose()
        await self.system.aclose()

    # Trouble

    async def kill(self, kill: Kill) -> None:
        """``kill -9``, a pause, and a new start."""
        process = self.system.processes[kill.process]
        if kill.process in self._down or not process.alive:
            return
        self._down.add(kill.process)
        try:
            if kill.process == "servicebus":
                await self.bus.look()  # its record dies with it
            killed_ms = time.time() * 1000
            await process.kill()
            await asyncio.sleep(kill.pause_s)
            await self._start_again(kill.process)
            self.kills.append((kill.process, killed_ms, time.time() * 1000))
        finally:
            self._down.discard(kill.process)

    async def _start_again(self, name: str) -> None:
        process = self.system.processes[name]
        for last in (False, False, True):
            try:
                await process.start()
            except NotReady as error:
                await process.kill()
                self.gone_by_itself.append(f"{name} did not start again: {str(error)[:1500]}")
                if last:
                    raise
            else:
                break
        if name == "servicebus":
            self.bus.restarted()
        if name == VALKEY:
            await self.system.pair.attach()

    async def fail_over(self, failover: Failover) -> None:
        """Another server takes the primary's place, unless one of the two is down already."""
        if VALKEY in self._down:
            return
        self._down.add(VALKEY)
        try:
            took = await self.system.pair.fail_over(crash=failover.crash)
            if took is not None:
                self.kills.append((VALKEY, *took))
                self.failovers += 1
        finally:
            self._down.discard(VALKEY)

    async def rotate(self, rotation: Rotation) -> None:
        """Slack takes only a new token. A bot that is started meanwhile would rightly refuse to run.

        Until the bot has read the new one it can tell nobody anything: it counts as gone for so long.
        """
        if "bot" in self._down:
            return
        self._down.add("bot")
        self.rotations += 1
        token = f"xoxb-rotated-{self.rotations}"
        bot, began_ms = self.system.processes["bot"], time.time() * 1000
        renewed = bot.output().count(_RENEWED)
        try:
            await self.system.slack.put("/_secrets", {"bot_token": token})
            await asyncio.sleep(rotation.late_s)
            self.system.token.write_text(token, encoding="utf-8")
            await eventually(
                "the bot to go by the new token", lambda: _is(bot.output().count(_RENEWED) > renewed)
            )
            self.kills.append(("bot", began_ms, time.time() * 1000))
        finally:
            self._down.discard("bot")

    def lines_beside(self) -> int:
        """How many lines the other version's workers have logged; 0 where there are none."""
        process = self.system.processes.get(BESIDE)
        return process.output().count("\n") if process is not None and process.alive else 0

    async def _supervise(self) -> None:
        """A container platform starts again what ends by itself; here it is also noted."""
        while True:
            await asyncio.sleep(0.1)
            for name in PROCESSES:
                process = self.system.processes[name]
                if name in self._down or process.alive:
                    continue
                self._down.add(name)
                self.gone_by_itself.append(f"{name} ended by itself: {process.output()[-1500:]}")
                with contextlib.suppress(NotReady):
                    await self._start_again(name)
                self._down.discard(name)

    async def trouble(self, trouble: Trouble) -> None:
        """A fault, for as long as it lasts."""
        control, body = self.system, trouble.body
        match trouble.where:
            case "slack" | "azure" | "failures" | "refusals" | "refused":
                self._faults[trouble.where].append(body)
                await self._put_faults(trouble.where)
                await asyncio.sleep(trouble.for_s)
                self._faults[trouble.where].remove(body)
                await self._put_faults(trouble.where)
            case "socket":
                await control.slack.post("/_socket", **body)
                if body.get("refuse"):
                    await asyncio.sleep(trouble.for_s)
                    await control.slack.post("/_socket", refuse=False)
            case "bus":
                with contextlib.suppress(aiohttp.ClientError, ControlError):
                    await control.bus.put("/_faults", body)
                    await asyncio.sleep(trouble.for_s)
                    await control.bus.put("/_faults", {})

    async def _put_faults(self, where: str) -> None:
        of_slack, path = _LISTED[where]
        control: Control = self.system.slack if of_slack else self.system.azure
        await control.put(path, self._faults[where])

    async def mend(self) -> None:
        """No fault in force, every process there."""
        for where in self._faults:
            self._faults[where].clear()
            await self._put_faults(where)
        await self.system.slack.post("/_socket", refuse=False)
        deadline = time.monotonic() + 60
        while self._down or not all(self.system.processes[name].alive for name in PROCESSES):
            if time.monotonic() > deadline:
                raise NotReady(f"not all processes came back: {sorted(self._down)}")
            await asyncio.sleep(0.05)
        await self.system.bus.put("/_faults", {})

    # Looking

    async def documents(self, kind: str) -> dict[str, Any]:
        """All documents of a kind (``doc`` or ``card``) about VMs, by id, as they are in Redis."""
        found: dict[str, Any] = {}
        async for key in self.redis.scan_iter(match=f"sg:{{p*}}:{kind}:*", count=1000):
            data = await self.redis.hget(key, "d")  # type: ignore[misc]  # the SDK types one answer for sync and async
            name = key.decode().rpartition(":")[2]
            if data is not None and name.startswith(
                _ABOUT_VMS
            ):  # not what on-call is told of queues and files
                found[name] = json.loads(data)
        return found

    async def audit_since(self, since_ms: int) -> list[dict[str, Any]]:
        """Audit records written since then, oldest first, each with ``at_ms`` of Redis' clock."""
        found = []
        for partition in range(16):
            rows = await self.redis.xrange(f"sg:{{p{partition:x}}}:audit", min=str(since_ms))
            found += [
                json.loads(fields[b"r"]) | {"at_ms": int(row.split(b"-")[0]), "partition": partition}
                for row, fields in rows
            ]
        return sorted(found, key=lambda record: record["at_ms"])

    async def chains(self) -> dict[int, tuple[list[tuple[str, str, str]], str]]:
        """Partition → the whole audit as (previous, record, digest), and its head."""
        found = {}
        for partition in range(16):
            key = f"sg:{{p{partition:x}}}:audit"
            rows = await self.redis.xrange(key)
            head = await self.redis.get(f"{key}:head") or b""
            entries = [(f[b"p"].decode(), f[b"r"].decode(), f[b"h"].decode()) for _, f in rows]
            found[partition] = entries, head.decode()
        return found

    async def arm(self, resource_id: str) -> dict[str, Any]:
        """A resource as Azure answers it; empty when there is none."""
        url = f"{self.system.azure_url}{resource_id}"
        async with self._arm.get(url, params={"api-version": "2024-05-01"}) as response:
            answer: dict[str, Any] = await response.json()
            return answer if response.ok else {}
