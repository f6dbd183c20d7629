"""The audit is trimmed by the retention that is configured."""

from datetime import timedelta
from typing import Any

from tests.rig import Rig
from workers.use_cases.sweeps.audit.trim_audit import TrimAudit


class Trimmer:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, timedelta]] = []

    async def trim(self, store: Any, clock: Any, *, retention: timedelta) -> int:
        self.calls.append((store, clock, retention))
        return 7


async def test_each_run_trims_once_by_the_retention(rig: Rig) -> None:
    trimmer = Trimmer()
    sweep = TrimAudit(trimmer=trimmer, store=rig.store, clock=rig.clock, retention=timedelta(days=90))
    assert await sweep() == 7
    assert trimmer.calls == [(rig.store, rig.clock, timedelta(days=90))]
