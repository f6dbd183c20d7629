"""While writes are paused, none reaches Azure: real steps and SDK clients over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from tests import acting
from tests import builders as a
from tests.contract.arm.driver import ref
from tests.doubles import FakeClock
from workers.arm.session.clients import Azure
from workers.arm.session.pipeline import READS_BY_POST, writes
from workers.arm.steps import step_runners
from workers.bus.memory import MemoryNudger
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.store.in_memory.store import MemoryStore
from workers.use_cases.containment.contain import Contain
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.orders.pause import PauseWrites
from workers.use_cases.orders.restore import Restore

HOUR = timedelta(hours=1)


class House:
    """The engine and its steps over memory. ``pause_before`` is the write before which somebody pauses."""

    def __init__(self, arm: AzureServer) -> None:
        self.arm, self.clock = arm, FakeClock()
        self.store = MemoryStore(self.clock)
        ports = {"store": self.store, "nudger": MemoryNudger(), "clock": self.clock}
        self.brakes = acting.brakes(store=self.store, clock=self.clock)
        self.pausing = PauseWrites(
            store=self.store,
            clock=self.clock,
            second=AskSecond(store=self.store, clock=self.clock, policy=a.policy),
        )
        self.azure = Azure(arm.url, None, SecretStr(TOKEN), may_write=self.may_write)
        self.contain = Contain(runners=step_runners(self.azure), brakes=self.brakes, policy=a.policy, **ports)
        self.lock_down, self.restore = acting.lock_down(**ports), Restore(policy=a.policy, **ports)
        self.asked, self.pause_before = 0, 0

    async def may_write(self) -> None:
        self.asked += 1
        if self.asked == self.pause_before:
            await self.pausing.begin("Olga", "the wrong VMs", span=HOUR)
        await self.brakes.may_write()

    async def go_on(self, containment_id: str, until: timedelta) -> Containment:
        """Look whenever it asks for it, for so long by the clock, or until it is at rest."""
        end = self.clock.now() + until
        for _ in range(300):
            containment = await self.store.containment(containment_id)
            due = containment.due_at()
            if due is None or due >= end:
                return containment
            self.clock.to(due)
            await asyncio.sleep(0.002)
            await self.contain(containment_id)
        raise AssertionError("does not come to rest")

    def sent(self) -> int:
        """Requests that change something, as Azure got them."""
        requests = (entry.data for entry in self.arm.record.since(0, "request"))
        return sum(writes(one["method"], f"http://azure{one['path']}") for one in requests)


@pytest.fixture
async def house(arm: AzureServer) -> AsyncIterator[House]:
    made = House(arm)
    async with made.azure:
        yield made


@pytest.mark.parametrize("before", range(1, 8))
async def test_no_write_reaches_azure_from_the_moment_of_the_pause_and_all_goes_on_after_it(
    house: House, before: int
) -> None:
    house.pause_before = before
    locked = await house.lock_down(ref(house.arm, "web-01"), a.oncall(), LockdownProfile())
    held = await house.go_on(locked.containment.id, timedelta(minutes=50))
    paused = await house.store.pause()
    if paused.until is None:  # it has fewer writes than that
        assert held.state is ContainmentState.CONTAINED
        assert before > 5
        return
    at_pause = house.sent()
    assert at_pause < before, "the writes before it, as far as they were sent side by side"
    assert held.state is not ContainmentState.CONTAINED
    assert held.held is not None
    assert house.clock.now() < paused.until
    for _ in range(5):
        await house.contain(held.id)
    assert house.sent() == at_pause
    house.clock.to(paused.until)
    ended = await house.go_on(held.id, HOUR)
    assert ended.state is ContainmentState.CONTAINED
    assert house.sent() > at_pause


async def test_a_restore_waits_as_well(house: House) -> None:
    locked = await house.lock_down(ref(house.arm, "web-01"), a.oncall(), LockdownProfile())
    contained = await house.go_on(locked.containment.id, HOUR)
    await house.pausing.begin("Olga", "look first", span=HOUR)
    sent = house.sent()
    await house.restore(contained.id, a.oncall(), shown=contained.demand, start=True)
    held = await house.go_on(contained.id, timedelta(minutes=50))
    assert (held.state, house.sent()) == (ContainmentState.RESTORING, sent)
    await house.pausing.end("Olga")
    house.clock.advance(1)
    await house.contain(held.id)
    assert (await house.go_on(held.id, HOUR)).state is ContainmentState.RESTORED
    assert house.sent() > sent


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v", False),
        ("HEAD", "/subscriptions/s", False),
        ("PUT", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n", True),
        ("PATCH", "/subscriptions/s", True),
        ("DELETE", "/subscriptions/s", True),
        ("POST", "/subscriptions/s/providers/Microsoft.Compute/virtualMachines/v/deallocate", True),
        ("POST", "/subscriptions/s/backupStatus/deallocate", True),
        *(("POST", f"/subscriptions/s{ending}", False) for ending in READS_BY_POST),
        ("PUT", f"/subscriptions/s{READS_BY_POST[0]}", True),
    ],
)
def test_what_counts_as_a_write(method: str, path: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert writes(method, f"https://management.azure.com{path}?api-version=1") is expected
