"""A step that blocks others gives way to any of them, whichever they are, and is done again at the end."""

import pytest

from tests import acting
from tests import builders as a
from tests.doubles import FakeRunner
from tests.rig import Rig
from workers.domain.containment.containment import Containment, ContainmentState, Progress, Step, StepState
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.errors import StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.restore import Restore

LOCK = StepName.LOCK
OTHERS = [step for step in StepName if not step.spec.blocks]
PROFILE = LockdownProfile(name="whole", steps=tuple(StepName))
REFUSED = StepFailed("ScopeLocked: no", code="ScopeLocked", final=True)


class World:
    """An Azure with one lock: what is written under it is refused."""

    def __init__(self) -> None:
        self.locked = False
        self.lingers = 0
        self.others = ""
        self.done: list[str] = []

    def write(self, what: str) -> None:
        if self.locked or self.others or self.lingers > 0:
            self.lingers -= 1
            raise REFUSED
        self.done.append(what)


class Other(FakeRunner):
    """Any other step."""

    def __init__(self, name: StepName, world: World) -> None:
        super().__init__(name)
        self.world = world

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        self.world.write(self.name)
        return await super().begin(vm, profile, containment_id, earlier=earlier)

    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        del vm, profile, step, start
        self.world.write(f"undo {self.name}")
        return Progress(done=True)


class Lock(FakeRunner):
    """The step that blocks them."""

    def __init__(self, world: World) -> None:
        super().__init__(LOCK)
        self.world = world

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        await super().begin(vm, profile, containment_id, earlier=earlier)
        self.world.locked = True
        self.world.done.append("lock")
        return Progress(done=False, token="set", change=Change(summary="lock", after={"lock": "ours"}))

    async def lift(self, vm: VmRef, step: Step) -> str:
        del vm
        assert step.change is not None
        self.world.locked = False
        return self.world.others

    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        del vm, profile, step, start
        self.world.locked = False
        self.world.done.append("undo lock")
        return Progress(done=True)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def rig(world: World) -> Rig:
    rig = Rig()
    rig.runners.update({name: Other(name, world) for name in OTHERS} | {LOCK: Lock(world)})
    rig.contain = rig.worker()
    return rig


async def contained(rig: Rig, profile: LockdownProfile = PROFILE) -> Containment:
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), profile)
    held = await rig.until_rest(locked.containment.id)
    assert held.state is ContainmentState.CONTAINED
    return held


async def retry(rig: Rig, containment: Containment) -> None:
    await acting.retry(store=rig.store, nudger=rig.nudger, clock=rig.clock)(containment.id, a.oncall())


async def test_it_comes_after_every_other_step(rig: Rig, world: World) -> None:
    await contained(rig)

    assert world.done[-1] == "lock"
    assert set(world.done[:-1]) == set(OTHERS)


async def test_its_undo_comes_before_every_other(rig: Rig, world: World) -> None:
    held = await contained(rig)
    world.done.clear()
    restore = Restore(store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy)
    await restore(held.id, a.oncall(), shown=held.demand)

    assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED
    assert world.done[0] == "undo lock"
    assert {f"undo {name}" for name in OTHERS} <= set(world.done[1:])


@pytest.mark.parametrize("name", OTHERS)
async def test_it_gives_way_to_any_step_that_is_done_again_and_is_put_back(
    rig: Rig, world: World, name: StepName
) -> None:
    held = await contained(rig)
    world.done.clear()
    failed = held.step(name).to(StepState.TODO).to(StepState.STARTED).to(StepState.FAILED)
    await write(rig, held.to(ContainmentState.RUNNING, ended_at=None).with_step(failed))
    await rig.until_rest(held.id)
    world.done.clear()

    await retry(rig, held)
    again = await rig.until_rest(held.id)

    assert again.state is ContainmentState.CONTAINED
    assert world.done == [name, "lock"]
    assert world.locked


async def test_a_stricter_demand_gets_past_it(rig: Rig, world: World) -> None:
    bastion = AllowRule(name="bastion", source="10.0.9.0/26", ports=("22",))
    held = await contained(rig, PROFILE.changed(isolate=IsolateOptions(allow=(bastion,))))
    world.done.clear()

    await rig.lock_down(a.vm_ref(), a.oncall(), PROFILE)
    again = await rig.until_rest(held.id)

    assert again.state is ContainmentState.CONTAINED
    assert world.done == ["isolate", "lock"]


async def test_a_step_that_is_added_gets_past_it(rig: Rig, world: World) -> None:
    held = await contained(rig, LockdownProfile(steps=(StepName.ISOLATE, LOCK)))
    world.done.clear()

    await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile(steps=(StepName.STOP,)))
    again = await rig.until_rest(held.id)

    assert again.state is ContainmentState.CONTAINED
    assert world.done == ["stop", "lock"]


async def test_a_step_that_does_not_read_back_at_the_end_gets_past_it(rig: Rig, world: World) -> None:
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), PROFILE)
    runner, checks = rig.runners[StepName.STOP], iter([True, False])

    async def check(vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        del vm, profile, step
        return Progress(done=next(checks, True), note="the VM is running")

    runner.check = check  # type: ignore[method-assign]
    held = await rig.until_rest(locked.containment.id)

    assert held.state is ContainmentState.CONTAINED
    assert world.done[-3:] == ["lock", "stop", "lock"]


async def test_it_is_in_the_audit_that_it_gave_way(rig: Rig) -> None:
    held = await contained(rig)
    await write(rig, held.once_more(a.NOW).with_step(held.step(LOCK)))
    await rig.until_rest(held.id)

    (record,) = [one for one in await rig.audit() if one.kind == "step.gives-way"]
    assert record.details["step"] == "lock"
    assert record.details["to"] == sorted(OTHERS)


@pytest.mark.parametrize("undoing", [False, True])
async def test_azure_may_apply_it_a_while_after_it_was_taken_off(
    rig: Rig, world: World, *, undoing: bool
) -> None:
    held = await contained(rig)
    world.lingers = 3
    if undoing:
        await Restore(store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy)(
            held.id, a.oncall(), shown=held.demand
        )
    else:
        await write(rig, held.once_more(a.NOW))

    ended = await rig.until_rest(held.id)

    assert ended.state is (ContainmentState.RESTORED if undoing else ContainmentState.CONTAINED)


async def test_a_lock_of_somebody_else_is_no_reason_to_try_again(rig: Rig, world: World) -> None:
    held = await contained(rig)
    world.others = "the lock freeze is not ours"
    await write(rig, held.once_more(a.NOW))

    ended = await rig.until_rest(held.id)

    stop = ended.step(StepName.STOP)
    assert (stop.state, stop.attempt) == (StepState.FAILED, 1)
    assert stop.note.startswith("the lock freeze is not ours")


async def test_a_lock_that_we_never_set_is_somebody_elses(rig: Rig, world: World) -> None:
    world.others = "anybody's"
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), PROFILE)

    ended = await rig.until_rest(locked.containment.id)

    assert (ended.step(StepName.STOP).state, ended.step(StepName.STOP).attempt) == (StepState.FAILED, 1)


async def test_a_vm_that_could_not_be_stopped_is_not_locked(rig: Rig, world: World) -> None:
    rig.runners[StepName.STOP].to_begin.append(StepFailed("no", final=True))
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), PROFILE)
    ended = await rig.until_rest(locked.containment.id)

    assert ended.step(LOCK).state is StepState.SKIPPED
    assert "stop failed" in ended.step(LOCK).note
    assert "lock" not in world.done

    await retry(rig, ended)
    again = await rig.until_rest(ended.id)

    assert again.state is ContainmentState.CONTAINED
    assert world.done[-2:] == ["stop", "lock"]


@pytest.mark.parametrize("name", [one for one in OTHERS if one is not StepName.STOP])
async def test_another_step_that_failed_does_not_keep_the_vm_unlocked(
    rig: Rig, world: World, name: StepName
) -> None:
    rig.runners[name].to_begin.append(StepFailed("no", final=True))
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), PROFILE)

    ended = await rig.until_rest(locked.containment.id)

    assert (ended.state, ended.step(LOCK).state) == (ContainmentState.INCOMPLETE, StepState.DONE)
    assert world.locked


async def write(rig: Rig, containment: Containment) -> None:
    await rig.store.commit(Commit(partition=partition_of_id(containment.id), documents=(containment,)))
