"""``/healthz`` and ``/readyz`` over real HTTP."""

import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.processes import free_port
from tests.doubles import FakeClock
from workers.domain.errors import DependencyAway
from workers.telemetry.health import Health, watch
from workers.telemetry.health_server import serving


async def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.json()


async def test_a_process_is_alive_before_it_is_ready() -> None:
    port, health = free_port(), Health("redis", "slack")
    async with serving(health, host="127.0.0.1", port=port):
        assert (await get(port, "/healthz"))[0] == 200
        status, body = await get(port, "/readyz")
        assert (status, body["ready"], body["phase"]) == (503, False, "starting")
        assert {name: d["state"] for name, d in body["dependencies"].items()} == {
            "redis": "unknown",
            "slack": "unknown",
        }


async def test_it_is_ready_when_it_runs_and_every_dependency_answers() -> None:
    port, health = free_port(), Health("redis", "slack")
    async with serving(health, host="127.0.0.1", port=port):
        health.ready()
        health.ok("redis")
        assert (await get(port, "/readyz"))[0] == 503
        health.ok("slack")
        assert (await get(port, "/readyz"))[0] == 200


async def test_a_dependency_that_is_away_is_named_since_when_and_why_without_secrets() -> None:
    clock = FakeClock()
    port, health = free_port(), Health("redis", "azure", now=clock.now)
    health.ready()
    health.ok("redis")
    health.ok("azure")
    clock.advance(60)
    away_since = clock.now().isoformat(timespec="milliseconds")
    health.away("redis", "ConnectionError: rediss://user:hunter22@cache:6380 refused")
    clock.advance(5)
    health.away("redis", "ConnectionError: rediss://user:hunter22@cache:6380 refused again")
    health.away("azure", "TooManyRequests", retry_after_s=17)
    async with serving(health, host="127.0.0.1", port=port):
        status, body = await get(port, "/readyz")
        assert status == 503
        redis, azure = body["dependencies"]["redis"], body["dependencies"]["azure"]
        assert (redis["state"], redis["since"]) == ("away", away_since)
        assert "again" in redis["last_error"]
        assert "hunter22" not in redis["last_error"]
        assert (azure["state"], azure["last_error"]) == ("throttled", "TooManyRequests")
        health.ok("redis")
        health.ok("azure")
        status, body = await get(port, "/readyz")
        assert status == 200
        assert "again" in body["dependencies"]["redis"]["last_error"], "what it was is still told"
        assert (await get(port, "/healthz"))[0] == 200


async def test_a_sweep_is_shown_and_overdue_after_three_periods_while_the_process_stays_ready() -> None:
    clock = FakeClock()
    port, health = free_port(), Health(now=clock.now)
    health.ready()
    health.expect_sweep("resync", 30)
    async with serving(health, host="127.0.0.1", port=port):
        status, body = await get(port, "/readyz")
        assert (status, body["sweeps"]["resync"]) == (
            200,
            {
                "period_s": 30,
                "last_success": None,
                "last_error": None,
                "last_error_at": None,
                "overdue": False,
            },
        )
        clock.advance(60)
        health.sweep_succeeded("resync")
        success = clock.now().isoformat(timespec="milliseconds")
        clock.advance(90)
        health.sweep_failed("resync", "ConnectionError: rediss://user:hunter22@cache:6380 refused")
        status, body = await get(port, "/readyz")
        resync = body["sweeps"]["resync"]
        assert (status, resync["last_success"], resync["overdue"]) == (200, success, False)
        assert "hunter22" not in resync["last_error"]
        assert resync["last_error_at"] == clock.now().isoformat(timespec="milliseconds")
        clock.advance(0.001)
        status, body = await get(port, "/readyz")
        assert (status, body["sweeps"]["resync"]["overdue"]) == (200, True)
        health.sweep_succeeded("resync")
        assert (await get(port, "/readyz"))[1]["sweeps"]["resync"]["overdue"] is False


async def test_a_process_that_stops_is_not_ready() -> None:
    port, health = free_port(), Health()
    health.ready()
    async with serving(health, host="127.0.0.1", port=port):
        assert (await get(port, "/readyz"))[0] == 200
        health.stopping()
        assert (await get(port, "/readyz"))[1]["phase"] == "stopping"
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(port, "/healthz")


async def test_port_0_serves_nothing() -> None:
    async with serving(Health(), host="203.0.113.1", port=0):
        pass


async def test_a_port_that_is_taken_is_an_error_at_start() -> None:
    port = free_port()
    async with serving(Health(), host="127.0.0.1", port=port):
        with pytest.raises(OSError, match="in use"):
            async with serving(Health(), host="127.0.0.1", port=port):
                pass


async def test_a_watched_dependency_goes_and_comes_back_without_traffic() -> None:
    health, failing = Health("redis"), True

    async def probe() -> None:
        if failing:
            raise DependencyAway("redis", "refused")

    watching = asyncio.create_task(watch(health, "redis", probe, every_s=0.01))
    try:
        await _until(health, "away")
        failing = False
        await _until(health, "ok")
    finally:
        watching.cancel()


async def test_a_probe_that_hangs_counts_as_no_answer() -> None:
    health = Health("redis")
    watching = asyncio.create_task(watch(health, "redis", asyncio.Event().wait, every_s=0.01))
    try:
        await _until(health, "away")
        assert "no answer within 0.01 s" in health.as_json()["dependencies"]["redis"]["last_error"]
    finally:
        watching.cancel()


async def _until(health: Health, state: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while health.as_json()["dependencies"]["redis"]["state"] != state:  # noqa: ASYNC110 - nor has the registry
            await asyncio.sleep(0.005)


async def test_a_probe_that_keeps_a_cancellation_to_itself_ends_the_watch_all_the_same() -> None:
    begun = asyncio.Event()

    async def probe() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = asyncio.create_task(watch(Health("redis"), "redis", probe, every_s=60))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task], timeout=PATIENCE_S)
    assert task.cancelled()
