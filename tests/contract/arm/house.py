"""The product's use cases over memory, with the real steps and Azure's stand-in behind them."""

import asyncio

from tests import acting
from tests import builders as a
from tests.doubles import FakeClock
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.bus.memory import MemoryNudger
from workers.domain.containment.containment import Containment
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit
from workers.store.in_memory.store import MemoryStore
from workers.use_cases.containment.contain import Contain
from workers.use_cases.orders.restore import Restore

MOST_LOOKS = 300


class House:
    """One worker at a time over one store; it may be killed, and another one takes over."""

    def __init__(self, azure: Azure) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self._azure = azure
        self._ports = {"store": self.store, "nudger": MemoryNudger(), "clock": self.clock}
        self._look: asyncio.Task[None] | None = None
        self.deaths = 0
        self.contain = self._worker()
        self.lock_down, self.restore = (
            acting.lock_down(**self._ports),
            Restore(policy=a.policy, **self._ports),
        )

    def die(self) -> None:
        """End the worker that looks at a containment now, wherever it is."""
        if self._look is not None and not self._look.done():
            self.deaths += 1
            self._look.cancel()

    async def until_rest(self, containment_id: str) -> Containment:
        for _ in range(MOST_LOOKS):
            containment = await self.store.containment(containment_id)
            due = containment.due_at()
            if due is None:
                return containment
            self.clock.to(due)
            await asyncio.sleep(0.002)
            await self._one_look(containment_id)
        raise AssertionError("does not come to rest")

    async def another_round(self, held: Containment) -> Containment:
        """Contain a VM that was started, or opened, again."""
        again = held.once_more(self.clock.now())
        await self.store.commit(Commit(partition=partition_of_vm(held.vm.key), documents=(again,)))
        return await self.until_rest(held.id)

    async def _one_look(self, containment_id: str) -> None:
        deaths = self.deaths
        self._look = asyncio.ensure_future(self.contain(containment_id))
        try:
            await self._look
        except asyncio.CancelledError:
            if self.deaths == deaths:
                raise
            self.contain = self._worker()

    def _worker(self) -> Contain:
        brakes = acting.brakes(store=self.store, clock=self.clock)
        return Contain(runners=step_runners(self._azure), policy=a.policy, brakes=brakes, **self._ports)
