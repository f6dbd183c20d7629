"""Sweeps run side by side for ever: a failing one runs again, disturbs no other, and is seen in health."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog

from deploy.sandbox.client import PATIENCE_S
from workers.telemetry.health import Health
from workers.use_cases.sweeps.loop import Sweep, run_sweeps


class Scripted:
    """A sweep that does what it is told, and counts."""

    def __init__(self, name: str, act: Callable[[], Awaitable[None]], period_s: float = 0) -> None:
        self.name, self.period_s, self._act = name, period_s, act
        self.runs = 0
        self.thrice = asyncio.Event()

    async def __call__(self) -> None:
        self.runs += 1
        if self.runs == 3:
            self.thrice.set()
        await self._act()


async def does_nothing() -> None:
    pass


async def fails() -> None:
    raise ZeroDivisionError("rediss://user:hunter22@cache:6380 refused")


async def hangs() -> None:
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def running(health: Health, *sweeps: Sweep) -> AsyncIterator[None]:
    task = asyncio.create_task(run_sweeps(sweeps, health))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE_S)
        assert task.cancelled()


async def test_a_failing_sweep_is_logged_by_name_and_runs_again() -> None:
    sweep = Scripted("resync", fails)
    with structlog.testing.capture_logs() as logs:
        async with running(Health(), sweep):
            await sweep.thrice.wait()
    assert (logs[0]["sweep"], logs[0]["log_level"], logs[0]["again_in_s"]) == ("resync", "warning", 0)


@pytest.mark.parametrize("trouble", [fails, hangs])
async def test_one_in_trouble_holds_up_no_other(trouble: Callable[[], Awaitable[None]]) -> None:
    fine = Scripted("fine", does_nothing)
    async with running(Health(), Scripted("trouble", trouble), fine):
        await fine.thrice.wait()


async def test_a_sweep_waits_for_its_period() -> None:
    often, seldom = Scripted("often", does_nothing), Scripted("seldom", does_nothing, period_s=3600)
    async with running(Health(), seldom, often):
        await often.thrice.wait()
    assert seldom.runs == 1


async def test_health_tells_success_and_failure_of_each_by_name_without_secrets() -> None:
    health = Health()
    fine, failing = Scripted("fine", does_nothing, 60), Scripted("failing", fails)
    with structlog.testing.capture_logs():
        async with running(health, fine, failing):
            await failing.thrice.wait()
    told = health.as_json()["sweeps"]
    assert told["fine"]["last_success"]
    assert (told["fine"]["last_error"], told["fine"]["overdue"]) == (None, False)
    assert told["failing"]["last_success"] is None
    assert "ZeroDivisionError" in told["failing"]["last_error"]
    assert "hunter22" not in told["failing"]["last_error"]


async def test_a_sweep_that_keeps_a_cancellation_to_itself_ends_all_the_same() -> None:
    """As Python 3.11's ``asyncio.wait_for`` does."""
    begun = asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async with running(Health(), Scripted("stubborn", stubborn, 3600)):
        await begun.wait()


async def test_two_sweeps_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        await run_sweeps([Scripted("twice", does_nothing), Scripted("twice", does_nothing)], Health())
