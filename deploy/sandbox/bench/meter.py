"""What processes use: resident memory and CPU time, as Linux tells them."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from deploy.sandbox.processes import Process

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Peak:
    """The highest resident memory of some processes together, in MB, sampled while it is watched."""

    def __init__(self, processes: Sequence[Process], *, every_s: float = 0.25) -> None:
        self._processes = processes
        self._every_s = every_s
        self.mb = 0.0

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Sample until the block ends."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            self._sample()

    async def _watch(self) -> None:
        while True:
            self._sample()
            await asyncio.sleep(self._every_s)

    def _sample(self) -> None:
        self.mb = max(self.mb, sum(process.resident_mb() for process in self._processes))
