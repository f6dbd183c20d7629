"""What can undo a containment is looked after soon, once for however many events, and never forgotten."""

import pytest

from tests.doubles import FakeClock
from workers.domain.containment.afterwards.disturbances import Disturbance
from workers.domain.errors import DependencyAway
from workers.domain.ids import partition_of_vm
from workers.store.in_memory.store import MemoryStore
from workers.use_cases.sweeps.disturbed import Disturbances, LookWhenDisturbed

NIC = Disturbance("Microsoft.Network/networkInterfaces/write", "/subscriptions/s/…/web-01-nic", "")
GROUP = "/subscriptions/s/resourceGroups/g/providers"
LOCK = "Microsoft.Authorization/locks/delete"


class Desk:
    def __init__(self) -> None:
        clock = FakeClock()
        self.store = MemoryStore(clock)
        self.disturbances = Disturbances(store=self.store, clock=clock)
        self.sweep = LookWhenDisturbed(disturbances=self.disturbances, look=self.look)
        self.looks = 0
        self.away = False

    async def look(self) -> None:
        self.looks += 1
        if self.away:
            raise DependencyAway("azure", "no answer")


async def test_nothing_is_read_while_nothing_came() -> None:
    desk = Desk()
    assert not await desk.sweep()
    assert desk.looks == 0


async def test_one_look_covers_all_that_came() -> None:
    desk = Desk()
    await desk.disturbances.note([NIC])
    await desk.disturbances.note([NIC, NIC])
    assert await desk.sweep()
    assert not await desk.sweep()
    assert desk.looks == 1


async def test_a_look_that_failed_is_made_again() -> None:
    desk = Desk()
    await desk.disturbances.note([NIC])
    desk.away = True
    with pytest.raises(DependencyAway):
        await desk.sweep()
    desk.away = False
    assert await desk.sweep()
    assert desk.looks == 2


async def test_that_a_lock_of_ours_was_deleted_is_in_the_audit() -> None:
    desk = Desk()
    ours = f"{GROUP}/Microsoft.Authorization/locks/Startgate-c0"
    await desk.disturbances.note(
        [
            Disturbance(LOCK, ours, "mallory@elsewhere.example"),
            Disturbance(LOCK, f"{GROUP}/Microsoft.Authorization/locks/theirs", "olivia@contoso.example"),
            NIC,
        ]
    )
    (record,) = await desk.store.audit(partition_of_vm(ours))
    assert record.kind == "azure.deleted"
    assert record.by == "mallory@elsewhere.example"
    assert record.details == {"operation": LOCK, "resource_id": ours}
