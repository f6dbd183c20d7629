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

BOT_MB, WORKERS_MB, IDLE_PERCENT, READY = 120.0, 60.0, 2.0, 1.5
_SETTLE_S = 2.0
_ROOT = Path(__file__).parents[3]
_IMPORTS = {"bot": "bot.__main__", "workers": "workers.__main__, workers.arm.sdk"}
_TELL = "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmRSS')][0])"


class Import(NamedTuple):
    """What the imports of a process cost alone, from the start of the interpreter to its end."""

    seconds: float
    mb: float


async def rest(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Memory, CPU and readiness of bot and workers."""
    imports = dict.fromkeys(_IMPORTS, Import(float("inf"), 0.0))
    ready = dict.fromkeys(_IMPORTS, float("inf"))
    for _ in range(sizes.launches):
        for name, command in (("bot", ("-m", "bot", "run")), ("workers", ("-m", "workers", "workers"))):
            again = await _imported(name)
            imports[name] = Import(min(imports[name].seconds, again.seconds), again.mb)
            process = rig.process(name, *command)
            began = time.monotonic()
            await process.start()
            ready[name] = min(ready[name], time.monotonic() - began)
            await process.kill()
    product = await rig.shared()
    await asyncio.sleep(_SETTLE_S)
    idle = await _idle(product, sizes.idle_s)
    resident = {"bot": product.processes[1].resident_mb(), "workers": product.workers[0].resident_mb()}
    above = resident["workers"] - imports["workers"].mb
    yield Row(name="rest, memory of the bot", measured=resident["bot"], against=BOT_MB, unit="MB", must=1.0,
              note=f"its imports alone: {imports['bot'].mb:.0f} MB")  # fmt: skip
    yield Row(name="rest, memory of a worker beyond imports", measured=above, against=WORKERS_MB, unit="MB",
              must=1.0, note=f"{resident['workers']:.0f} MB in all")  # fmt: skip
    for name, percent in idle.items():
        yield Row(name=f"rest, idle CPU of {name}", measured=percent, against=IDLE_PERCENT, unit="%",
                  must=1.0, note=f"over {sizes.idle_s:g} s")  # fmt: skip
    for name, seconds in ready.items():
        yield Row(name=f"rest, {name} ready", measured=seconds, against=imports[name].seconds, unit="s",
                  must=READY, note=f"against importing alone; the shortest of {sizes.launches}")  # fmt: skip


async def _idle(product: Product, seconds: float) -> dict[str, float]:
    pids = {
        name: process.pid or 0 for name, process in zip(("workers", "bot"), product.processes, strict=True)
    }
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    return {name: (cpu_s(pid) - before[name]) / seconds * 100 for name, pid in pids.items()}


async def _imported(name: str) -> Import:
    began = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"import {_IMPORTS[name]}\n{_TELL}", stdout=asyncio.subprocess.PIPE, cwd=_ROOT
    )
    told, _ = await child.communicate()
    return Import(time.monotonic() - began, int(told) / 1024)
