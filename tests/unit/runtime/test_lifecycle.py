"""A process begins its jobs, hears a signal, and ends in good order."""

import asyncio
import os
import signal

import pytest

from deploy.sandbox.client import PATIENCE_S
from workers.runtime.lifecycle import run_until, stop_signal


class TestStopSignal:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_sets_the_event_and_kills_nobody(self, number: signal.Signals) -> None:
        async with stop_signal() as stop:
            assert not stop.is_set()
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), PATIENCE_S)

    async def test_afterwards_the_signals_are_as_they_were(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        async with stop_signal():
            pass
        assert signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, None)
        assert signal.getsignal(signal.SIGINT) in (before, signal.default_int_handler)


class TestRunUntil:
    async def test_when_told_to_stop_every_job_is_cancelled_and_waited_for(self) -> None:
        stop, cleaned = asyncio.Event(), []

        async def job(name: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.append(name)

        running = asyncio.create_task(run_until(stop, job("a"), job("b")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)
        assert sorted(cleaned) == ["a", "b"]

    async def test_a_job_that_ends_by_itself_ends_no_other(self) -> None:
        stop, ended = asyncio.Event(), asyncio.Event()

        async def short() -> None:
            ended.set()

        async def long() -> None:
            await asyncio.Event().wait()

        running = asyncio.create_task(run_until(stop, short(), long()))
        await ended.wait()
        await asyncio.sleep(0)
        assert not running.done()
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)

    async def test_a_job_that_fails_ends_the_process(self) -> None:
        cancelled = asyncio.Event()

        async def fails() -> None:
            raise ZeroDivisionError

        async def other() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        with pytest.raises(BaseExceptionGroup) as raised:
            await asyncio.wait_for(run_until(asyncio.Event(), other(), fails()), PATIENCE_S)
        assert raised.group_contains(ZeroDivisionError)
        assert cancelled.is_set()
