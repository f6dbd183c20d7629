"""Watches the policy's mode: health shows when it only observes, and questions from before are withdrawn."""

import asyncio
from collections.abc import Callable

from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health
from workers.use_cases.asking.expire import ONLY_OBSERVES
from workers.use_cases.asking.withdraw import Withdraw


def show_mode(health: Health, *, observes: bool) -> None:
    """Have health show that the policy only observes, or that it is enforced."""
    if observes:
        health.trouble(
            "mode",
            "the policy's mode is observe: nobody is asked and nothing is written to Azure;"
            " set mode: enforce to have it carried out",
        )
    else:
        health.trouble_over("mode")


async def show_modes(health: Health, observes: Callable[[], bool], *, every_s: float = 10.0) -> None:
    """Have health show it, for ever; for the process that only shows it."""
    while True:
        show_mode(health, observes=observes())
        leave_if_cancelled()
        await asyncio.sleep(every_s)


class WatchMode:
    """Run by every worker. Several at the same time do no harm.

    Args:
        observes: whether the policy only observes.
        period_s: seconds between two looks.
    """

    name = "mode"

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        health: Health,
        clock: Clock,
        observes: Callable[[], bool],
        period_s: float = 10.0,
    ) -> None:
        self.period_s = period_s
        self._store = store
        self._health = health
        self._observes = observes
        self._withdraw = Withdraw(store=store, nudger=nudger, clock=clock)

    async def __call__(self) -> int:
        """Look once; how many questions were withdrawn."""
        show_mode(self._health, observes=self._observes())
        if not self._observes():
            return 0
        asked = await self._store.open_approvals()
        return sum([await self._withdraw(approval_id, ONLY_OBSERVES) for approval_id in asked])
