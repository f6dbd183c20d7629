"""Runs sweeps side by side for as long as the process lives."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health
from workers.telemetry.instruments import SWEEP

log = structlog.get_logger(__name__)


class Sweep(Protocol):
    """Periodic work. Several workers may run the same sweep at the same time.

    Attributes:
        name: in logs and in health; unique.
        period_s: seconds from the end of one run to the beginning of the next.
    """

    @property
    def name(self) -> str:
        """In logs and in health."""
        ...

    @property
    def period_s(self) -> float:
        """Seconds between two runs."""
        ...

    async def __call__(self) -> object:
        """Run once. Whatever it raises is logged, and it runs again after its period."""
        ...


async def run_sweeps(sweeps: Sequence[Sweep], health: Health) -> None:
    """Run each sweep at once and then again and again, for ever. A failing one disturbs no other.

    Raises:
        ValueError: two sweeps have the same name.
    """
    names = [sweep.name for sweep in sweeps]
    if len(set(names)) < len(names):
        raise ValueError(f"each sweep needs a name of its own, not {', '.join(names)}")
    for sweep in sweeps:
        health.expect_sweep(sweep.name, sweep.period_s)
    async with asyncio.TaskGroup() as group:
        for sweep in sweeps:
            group.create_task(_repeat(sweep, health))


async def _repeat(sweep: Sweep, health: Health) -> None:
    while True:
        begun, result = time.perf_counter(), "ok"
        try:
            await sweep()
        except Exception as error:  # the next run may do better, and the process must not end for it
            result = "failed"
            health.sweep_failed(sweep.name, f"{type(error).__name__}: {error}")
            log.warning(
                "a sweep failed; it runs again", sweep=sweep.name, again_in_s=sweep.period_s, exc_info=True
            )
        else:
            health.sweep_succeeded(sweep.name)
        SWEEP.record(time.perf_counter() - begun, {"sweep": sweep.name, "result": result})
        leave_if_cancelled()
        await asyncio.sleep(sweep.period_s)
