"""One engine takes a containment both ways, and writes an end only for what it has read back."""

from typing import Any

import pytest

from tests import builders as a
from tests.unit.use_cases.containment.contain_rig import put
from tests.unit.use_cases.containment.restore_rig import PROFILE, VM, RestoreRig, UndoableRunner
from workers.domain.containment.containment import Containment, ContainmentState, Progress, StepState
from workers.domain.containment.plans import StepName

THERE = ["step.begun", "step.done", "containment.contained"]
BACK = ["undo.begun", "undo.done", "containment.restored"]


@pytest.fixture
def rig() -> RestoreRig:
    return RestoreRig()


async def test_the_audit_tells_the_way_there_and_the_way_back_in_their_own_words(rig: RestoreRig) -> None:
    held = await rig.ordered()
    await rig.until_rest(held.id)
    kinds = [kind for kind in await rig.kinds() if kind in {*THERE, *BACK}]
    assert list(dict.fromkeys(kinds)) == [*THERE, *BACK]
    assert [kinds.count(kind) for kind in (*THERE, *BACK)] == [3, 3, 1, 3, 3, 1]


class Overtaken(UndoableRunner):
    """Somebody else writes the containment while this step is read back at the end, once."""

    def __init__(self, rig: RestoreRig) -> None:
        super().__init__(StepName.ISOLATE)
        self.rig = rig
        self.seen: list[Containment] = []

    async def _read_back(self, state: StepState) -> None:
        if state is StepState.DONE and not self.seen:
            (containment_id,) = await self.rig.store.standing()
            current = await self.rig.store.containment(containment_id)
            self.seen.append(current)
            await put(self.rig, current.changed(cards=(*current.cards, "a" + "1" * 25)))

    async def check(self, vm: Any, profile: Any, step: Any) -> Progress:
        await self._read_back(step.state)
        return await super().check(vm, profile, step)

    async def undo(self, vm: Any, profile: Any, step: Any, *, start: str | None = None) -> Progress:
        await self._read_back(step.state)
        return await super().undo(vm, profile, step, start=start)


async def overtaken(rig: RestoreRig, containment_id: str) -> Containment:
    """The containment right after somebody else wrote it during the reading back."""
    runner = Overtaken(rig)
    rig.runners[StepName.ISOLATE] = runner
    rig.contain = rig.worker()
    for _ in range(50):
        containment = await rig.advance(containment_id)
        if runner.seen:
            return containment
        rig.clock.advance(2)
    raise AssertionError("nothing was read back")


async def test_contained_is_not_said_of_what_was_written_meanwhile(rig: RestoreRig) -> None:
    locked = await rig.lock_down(VM, a.oncall(), PROFILE)
    containment = await overtaken(rig, locked.containment.id)
    assert (containment.state, containment.verified_at) == (ContainmentState.RUNNING, None)
    assert rig.nudger.to_work[-1].version == containment.version, "and the next look is arranged"
    assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED


async def test_restored_is_not_said_of_what_was_written_meanwhile(rig: RestoreRig) -> None:
    held = await rig.ordered()
    containment = await overtaken(rig, held.id)
    assert (containment.state, containment.verified_at) == (ContainmentState.RESTORING, None)
    assert (await rig.store.vm_record(VM)).containment_id == held.id
    assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED


async def test_a_start_of_the_vm_during_the_last_read_does_not_keep_it_from_being_freed(
    rig: RestoreRig,
) -> None:
    """Another document of the VM changed, not the containment: the same end is written over it."""
    held = await rig.ordered()
    record = await rig.store.vm_record(VM)
    commit, met = rig.store.commit, []

    async def conflicting(wanted: Any) -> bool:
        if not met and any(r.kind == "containment.restored" for r in wanted.audit):
            met.append(wanted)
            current = await rig.store.vm_record(VM)
            await commit(wanted.changed(documents=(current.changed(open_approvals=("a" * 26,)),), audit=()))
        return await commit(wanted)

    rig.store.commit = conflicting  # type: ignore[method-assign]
    restored = await rig.until_rest(held.id)
    assert met
    assert restored.state is ContainmentState.RESTORED
    freed = await rig.store.vm_record(VM)
    assert (freed.containment_id, freed.open_approvals) == (None, ("a" * 26,))
    assert freed.version == record.version + 2
