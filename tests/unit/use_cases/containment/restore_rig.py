"""A contained VM over memory, and everything that a restore of it meets, in the test's hand."""

from collections import deque

from tests import builders as a
from tests.doubles import FakeRunner, Script, _played
from tests.rig import Rig
from workers.domain.containment.containment import Containment, ContainmentState, Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StepFailed
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.restore import Restore

VM = a.vm_ref()
PROFILE = LockdownProfile(name="standard")
RAN = Change(summary="deallocate", before={"power": "running"}, after={"power": "deallocated"})
DRIFT = StepFailed("nic-1 has nsg-other now: somebody changed it since", code="Drifted", final=True)


class UndoableRunner(FakeRunner):
    """``undone`` are the undos asked for, with the correlation id to start under."""

    def __init__(self, name: StepName) -> None:
        super().__init__(name)
        self.to_undo: deque[Script] = deque()
        self.undone: list[tuple[Step, str | None]] = []

    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        del vm, profile
        self.undone.append((step, start))
        if self.to_undo:
            return _played(self.to_undo.popleft())
        return Progress(done=True, note=f"{self.name} is as it was")


class RestoreRig(Rig):
    """A contained VM that ran before, and what lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.undoable = {name: UndoableRunner(name) for name in PROFILE.steps}
        self.runners = dict(self.undoable)
        self.contain = self.worker()
        self.restore = Restore(
            store=self.store, nudger=self.nudger, clock=self.clock, policy=lambda: self.policy
        )

    async def contained(self) -> Containment:
        stop = self.undoable[StepName.STOP]
        stop.to_begin.append(Progress(done=False, token="t", change=RAN))
        locked = await self.lock_down(VM, a.oncall(), PROFILE, reason="odd traffic")
        contained = await self.until_rest(locked.containment.id)
        assert contained.state is ContainmentState.CONTAINED
        self.nudger.clear()
        return contained

    async def ordered(self, *, start: bool = False) -> Containment:
        held = await self.contained()
        await self.restore(held.id, a.oncall(), shown=held.demand, start=start, reason="false alarm")
        self.nudger.clear()
        return await self.store.containment(held.id)

    def calls(self, name: StepName) -> list[tuple[Step, str | None]]:
        return self.undoable[name].undone

    async def seen(self, kind: str) -> list[dict[str, object]]:
        return [record.details for record in await self.audit() if record.kind == kind]


def undo_of(containment: Containment, name: StepName) -> Step:
    assert containment.restoration is not None
    return containment.restoration.step(name)
