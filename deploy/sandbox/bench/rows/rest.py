"""Rest: what the processes cost while nothing happens, and how long they take until they are ready."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from deploy.sandbox.bench.meter import cpu_s
from deploy.sandbox.bench.report import Row
from deploy.sandbox.bench.rig import Product, Rig
from deploy.sandbox.bench.sizes import Sizes

BOT_MB, WORKERS_MB, IDLE_PERCENT, READY = 120.0, 60.0, 2.0, 2.0
_SETTLE_S = 1.5
_ROOT = Path(__file__).parents[4]
_IMPORTS = {"bot": "bot.__main__, bot.wiring", "workers": "workers.__main__, workers.arm.session.sdk"}
_TELL = "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmRSS')][0], flush=True)"


class Import(NamedTuple):
    """What the imports of a process cost alone, from the start of the interpreter until they are done."""

    seconds: float
    mb: float


async def rest(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Memory, CPU and readiness of bot and workers."""
    product, ready = await rig.shared_in_turn(via_proxy=True)
    for _ in range(sizes.launches - 1):
        product, again = await rig.shared_in_turn(via_proxy=True)
        ready = {name: min(seconds, again[name]) for name, seconds in ready.items()}
    await asyncio.sleep(_SETTLE_S)
    # A process that does nothing is not disturbed by imports on another core, nor they by it.
    idle, imports = await asyncio.gather(_idle(product, sizes.idle_s), _imports(sizes.launches))
    resident = {"bot": product.processes[1].resident_mb(), "workers": product.workers[0].resident_mb()}
    above = resident["workers"] - imports["workers"].mb
    yield Row(name="rest, memory of the bot", measured=resident["bot"], against=BOT_MB, unit="MB", must=1.0,
              note=f"its imports alone: {imports['bot'].mb:.0f} MB")  # fmt: skip
    yield Row(name="rest, memory of a worker beyond imports", measured=above, against=WORKERS_MB, unit="MB",
              must=1.0, note=f"{resident['workers']:.0f} MB in all")  # fmt: skip
    for name, percent in idle.items():
        yield Row(name=f"rest, idle CPU of {name}", measured=percent, against=IDLE_PERCENT, unit="%",
                  must=1.0, timed=True, note=f"over {sizes.idle_s:g} s")  # fmt: skip
    for name, seconds in ready.items():
        yield Row(name=f"rest, {name} ready", measured=seconds, against=imports[name].seconds, unit="s",
                  must=READY, timed=True,
                  note=f"against importing alone; the shortest of {sizes.launches} each")  # fmt: skip


async def _idle(product: Product, seconds: float) -> dict[str, float]:
    pids = {
        name: process.pid or 0 for name, process in zip(("workers", "bot"), product.processes, strict=True)
    }
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    return {name: (cpu_s(pid) - before[name]) / seconds * 100 for name, pid in pids.items()}


async def _imports(times: int) -> dict[str, Import]:
    """The shortest of so many, from exec to the process's word that it is done: as with ``ready``."""
    best: dict[str, Import] = {}
    for _ in range(times):
        for name in _IMPORTS:
            again = await _imported(name)
            best[name] = min(again, best.get(name, again))
    return best


async def _imported(name: str) -> Import:
    began = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"import {_IMPORTS[name]}\n{_TELL}", stdout=asyncio.subprocess.PIPE, cwd=_ROOT
    )
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    told = await child.stdout.readline()
    seconds = time.monotonic() - began
    await child.wait()
    return Import(seconds, int(told) / 1024)
