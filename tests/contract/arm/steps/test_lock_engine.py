"""The lock among the other steps, with the real engine and steps: it gives way to whoever has to write.

A worker may die between any two requests: the next one goes on, and nothing stays locked that should not.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from deploy.sandbox.azure.model import LOCK
from deploy.sandbox.azure.server import AzureServer
from tests import builders as a
from tests.contract.arm.driver import lock, machine, nics, nsg_name, sent
from tests.contract.arm.house import House
from workers.arm.session.clients import Azure
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg
from workers.domain.containment.afterwards.standing import drifted
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.containment.spec import LOCK_NAME
from workers.domain.containment.steps import BEGIN_LEASE
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.vm import VmRef

BASTION = AllowRule(name="bastion", source="10.0.9.0/26", ports=("22",))
STEPS = (StepName.ISOLATE, StepName.STOP, StepName.LOCK)
PROFILE = LockdownProfile(steps=STEPS, isolate=IsolateOptions(allow=(BASTION,)))
STRICTER = LockdownProfile(steps=STEPS)
_READS = ("GET", "HEAD")


class Killer:
    """Ends a worker at its next write but ``after``, before or after Azure has done it."""

    def __init__(self) -> None:
        self.left = -1
        self.done = False
        self.worker: asyncio.Task[None] | None = None

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.method in _READS or request.path.startswith("/_") or self.left < 0:
            return await handler(request)
        self.left -= 1
        if self.left >= 0 or self.worker is None:
            return await handler(request)
        worker, self.worker = self.worker, None
        if self.done:
            await handler(request)
        worker.cancel()
        await asyncio.sleep(0.05)
        return web.Response(status=504)


@pytest.fixture
def killer() -> Killer:
    return Killer()


@pytest.fixture
async def arm(killer: Killer) -> AsyncIterator[AzureServer]:
    server = AzureServer(speed=0)
    server.app.middlewares.append(killer.middleware)
    server.throttle.enforced = False  # the clock here runs faster than Azure's
    await server.start()
    yield server
    await server.stop()


async def until_rest(house: House, containment_id: str, killer: Killer | None = None) -> Containment:
    """As ``House.until_rest``, with a worker that may be killed; another takes over after its lease."""
    for _ in range(200):
        containment = await house.store.containment(containment_id)
        due = containment.due_at()
        if due is None:
            return containment
        house.clock.to(due)
        await asyncio.sleep(0.002)
        work = asyncio.create_task(house.contain(containment_id))
        if killer is not None and killer.left >= 0:
            killer.worker = work
        with contextlib.suppress(asyncio.CancelledError):
            await work
        if work.cancelled():
            house.clock.advance(BEGIN_LEASE)
    raise AssertionError("does not come to rest")


async def locked_down(
    house: House, arm: AzureServer, name: str = "db-01", profile: LockdownProfile = PROFILE
) -> Containment:
    machine(arm, name).power = "running"
    ordered = await house.lock_down(VmRef.parse(machine(arm, name).id), a.oncall(), profile)
    held = await until_rest(house, ordered.containment.id)
    assert held.state is ContainmentState.CONTAINED
    return held


async def restored(house: House, held: Containment, killer: Killer | None = None) -> Containment:
    await house.restore(held.id, a.oncall(), shown=held.demand, start=True)
    return await until_rest(house, held.id, killer)


def locks(arm: AzureServer) -> list[str]:
    return [one.name for one in arm.estate.of(LOCK)]


def last(arm: AzureServer) -> int:
    return max((entry.seq for entry in arm.record.since()), default=0)


def writes(arm: AzureServer, since: int = 0) -> list[str]:
    """What was written, one word each, in order."""
    words = {"/locks/": "lock", "/networkinterfaces/": "nic", "/deallocate": "stop", "/start": "start"}
    found = []
    for entry in arm.record.since(since, "request"):
        if entry.data["method"] not in _READS and entry.data["status"] < 300:
            word = next((w for part, w in words.items() if part in entry.data["path"].lower()), "other")
            found.append(f"{entry.data['method']} {word}")
    return found


def as_before(arm: AzureServer, former: list[str | None]) -> bool:
    return ([nsg_name(nic) for nic in nics(arm, "db-01")], locks(arm)) == (former, [])


async def test_the_lock_is_set_last_and_taken_off_first(arm: AzureServer, azure: Azure) -> None:
    house, former = House(azure), [nsg_name(nic) for nic in nics(arm, "db-01")]
    held = await locked_down(house, arm)
    contained = writes(arm)
    began = last(arm)

    ended = await restored(house, held)

    assert contained[-1] == "PUT lock"
    assert contained.count("PUT lock") == 1
    assert writes(arm, began)[0] == "DELETE lock"
    assert ended.state is ContainmentState.RESTORED
    assert as_before(arm, former)
    assert machine(arm, "db-01").power == "running"


async def test_a_stricter_demand_takes_it_off_and_puts_it_back(arm: AzureServer, azure: Azure) -> None:
    house = House(azure)
    held = await locked_down(house, arm)
    began = last(arm)

    await house.lock_down(held.vm, a.oncall(), STRICTER)
    ended = await until_rest(house, held.id)

    assert ended.state is ContainmentState.CONTAINED
    assert ended.profile.isolate.allow == ()
    assert writes(arm, began)[0] == "DELETE lock"
    assert writes(arm, began)[-1] == "PUT lock"
    assert locks(arm) == [LOCK_NAME]


async def test_a_vm_that_was_started_is_unlocked_stopped_and_locked_again(
    arm: AzureServer, azure: Azure
) -> None:
    house = House(azure)
    held = await locked_down(house, arm)
    machine(arm, "db-01").power = "running"
    again = held.once_more(held.opened_at)
    await house.store.commit(Commit(partition=partition_of_id(held.id), documents=(again,)))
    began = last(arm)

    ended = await until_rest(house, held.id)

    assert ended.state is ContainmentState.CONTAINED
    # Steps that begin side by side each take it off; the second finds it gone.
    assert list(dict.fromkeys(writes(arm, began))) == ["DELETE lock", "POST stop", "PUT lock"]
    assert machine(arm, "db-01").power == "deallocated"


async def test_a_repair_of_what_drifted_gets_past_the_lock(arm: AzureServer, azure: Azure) -> None:
    house = House(azure)
    held = await locked_down(house, arm)
    machine(arm, "db-01").power = "running"
    again = drifted(held, {StepName.STOP: "the VM is running"}, held.opened_at)
    await house.store.commit(Commit(partition=partition_of_id(held.id), documents=(again,)))

    ended = await until_rest(house, held.id)

    assert ended.state is ContainmentState.CONTAINED
    assert machine(arm, "db-01").power == "deallocated"
    assert locks(arm) == [LOCK_NAME]


async def test_a_lock_that_was_taken_off_is_put_back_and_nothing_else_is_written(
    arm: AzureServer, azure: Azure
) -> None:
    house = House(azure)
    held = await locked_down(house, arm)
    arm.estate.remove(next(arm.estate.of(LOCK)).id)
    again = drifted(held, {StepName.LOCK: "it was taken off"}, held.opened_at)
    await house.store.commit(Commit(partition=partition_of_id(held.id), documents=(again,)))
    began = last(arm)

    ended = await until_rest(house, held.id)

    assert ended.state is ContainmentState.CONTAINED
    assert writes(arm, began) == ["PUT lock"]


async def test_a_lock_of_somebody_else_stops_the_stop_at_once_and_is_named(
    arm: AzureServer, azure: Azure
) -> None:
    vm = machine(arm, "db-01")
    vm.power = "running"
    lock(arm, vm.id.partition("/providers/")[0])
    house = House(azure)
    ordered = await house.lock_down(VmRef.parse(vm.id), a.oncall(), PROFILE)

    ended = await until_rest(house, ordered.containment.id)

    stop = ended.step(StepName.STOP)
    assert ended.state is ContainmentState.INCOMPLETE
    assert (stop.state, stop.attempt) == (StepState.FAILED, 1)
    assert f"a management lock on the resource group {vm.group} forbids it" in stop.note
    assert "open Locks there and remove the lock" in stop.note
    assert ended.step(StepName.LOCK).state is StepState.SKIPPED
    assert locks(arm) == ["freeze"]


async def test_a_vm_that_could_not_be_stopped_is_not_locked_so_that_a_person_can_stop_it(
    arm: AzureServer, azure: Azure
) -> None:
    await test_a_lock_of_somebody_else_stops_the_stop_at_once_and_is_named(arm, azure)
    assert sent(arm, "PUT", "/locks/") == []


async def test_a_lock_of_somebody_else_that_came_since_is_named_in_the_next_round(
    arm: AzureServer, azure: Azure
) -> None:
    house = House(azure)
    held = await locked_down(house, arm)
    vm = machine(arm, "db-01")
    vm.power = "running"
    lock(arm, vm.id.partition("/providers/")[0])
    again = held.once_more(held.opened_at)
    await house.store.commit(Commit(partition=partition_of_id(held.id), documents=(again,)))

    ended = await until_rest(house, held.id)

    stop = ended.step(StepName.STOP)
    assert (stop.state, stop.attempt) == (StepState.FAILED, 1)
    assert f"the read-only lock freeze on the resource group {vm.group} is not ours" in stop.note


async def test_a_start_that_somebodys_lock_forbids_is_said_by_the_restore(
    arm: AzureServer, azure: Azure
) -> None:
    house = House(azure)
    held = await locked_down(house, arm)
    lock(arm, machine(arm, "db-01").id)

    ended = await restored(house, held)

    assert ended.state is ContainmentState.INCOMPLETE
    assert ended.restoration is not None
    assert "the read-only lock freeze" in ended.restoration.step(StepName.STOP).note
    assert ended.restoration.step(StepName.LOCK).state is StepState.DONE


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("what", ["contain", "again", "restore"])
async def test_a_worker_that_dies_at_any_write_is_made_up_for(
    arm: AzureServer, azure: Azure, killer: Killer, what: str, at: int, *, done: bool
) -> None:
    house, former = House(azure), [nsg_name(nic) for nic in nics(arm, "db-01")]
    vm = machine(arm, "db-01")
    if what == "contain":
        vm.power = "running"
        killer.left, killer.done = at, done
        ordered = await house.lock_down(VmRef.parse(vm.id), a.oncall(), PROFILE)
        held = await until_rest(house, ordered.containment.id, killer)
    else:
        held = await locked_down(house, arm)
    if what == "again":
        vm.power = "running"
        killer.left, killer.done = at, done
        await house.lock_down(held.vm, a.oncall(), STRICTER)
        again = drifted_again(await house.store.containment(held.id))
        await house.store.commit(Commit(partition=partition_of_id(held.id), documents=(again,)))
        held = await until_rest(house, held.id, killer)

    assert held.state is ContainmentState.CONTAINED
    assert vm.power == "deallocated"
    assert locks(arm) == [LOCK_NAME]
    assert all(is_lockdown_nsg(nsg_name(nic)) for nic in nics(arm, "db-01"))

    if what == "restore":
        killer.left, killer.done = at, done
    ended = await restored(house, held, killer)

    assert ended.state is ContainmentState.RESTORED
    assert as_before(arm, former)
    assert vm.power == "running"


def drifted_again(containment: Containment) -> Containment:
    """As after a start that came while it was being tightened."""
    stop = containment.step(StepName.STOP)
    return containment.with_step(stop.again("the VM was started again"))
