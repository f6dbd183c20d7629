"""Taking a VM out of the world: the steps, what they wait for, and what counts as contained."""

from datetime import datetime, timedelta
from enum import StrEnum

from workers.domain.errors import Conflict
from workers.domain.model import Model, UtcTime
from workers.domain.people import Actor
from workers.domain.plans import Change, StepName
from workers.domain.policy import LockdownProfile
from workers.domain.vm import VmRef


class ContainmentState(StrEnum):
    """Where a containment stands. CONTAINED is only ever written after reading back."""

    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    CONTAINED = "CONTAINED"
    INCOMPLETE = "INCOMPLETE"
    RESTORING = "RESTORING"
    RESTORED = "RESTORED"


TRANSITIONS: dict[ContainmentState, frozenset[ContainmentState]] = {
    ContainmentState.PLANNED: frozenset({ContainmentState.RUNNING}),
    ContainmentState.RUNNING: frozenset({ContainmentState.CONTAINED, ContainmentState.INCOMPLETE}),
    ContainmentState.CONTAINED: frozenset({ContainmentState.RUNNING, ContainmentState.RESTORING}),
    ContainmentState.INCOMPLETE: frozenset({ContainmentState.RUNNING, ContainmentState.RESTORING}),
    ContainmentState.RESTORING: frozenset({ContainmentState.RESTORED, ContainmentState.INCOMPLETE}),
    ContainmentState.RESTORED: frozenset(),
}
"""From → to. CONTAINED → RUNNING: the VM was started again, or an NSG taken off, behind our back."""


class StepState(StrEnum):
    """Where a step stands."""

    TODO = "TODO"
    STARTED = "STARTED"
    DONE = "DONE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


STEP_TRANSITIONS: dict[StepState, frozenset[StepState]] = {
    StepState.TODO: frozenset({StepState.STARTED, StepState.SKIPPED}),
    StepState.STARTED: frozenset({StepState.STARTED, StepState.TODO, StepState.DONE, StepState.FAILED}),
    StepState.DONE: frozenset({StepState.TODO}),
    StepState.FAILED: frozenset({StepState.TODO}),
    StepState.SKIPPED: frozenset({StepState.TODO}),
}
"""From → to. STARTED → TODO: this attempt failed, another follows. Ended → TODO: contained once more."""

NEEDS: dict[StepName, frozenset[StepName]] = {
    StepName.ISOLATE: frozenset(),
    StepName.STOP: frozenset(),
    # Azure Backup's first snapshot wants the VM's power state settled, and the stop must not wait for it.
    StepName.BACKUP: frozenset({StepName.STOP}),
}
"""Step → steps that must have ended, well or badly, before it begins."""

VERIFIED = frozenset({StepName.ISOLATE, StepName.STOP})
"""Read back once more, all together, before the card says CONTAINED."""

MAX_ATTEMPTS = 5
BEGIN_LEASE = timedelta(seconds=45)
"""A step whose ``begin`` was noted but brought no result for this long was cut off; it is begun again."""


class CauseKind(StrEnum):
    """What gave the right to contain."""

    REJECTION = "rejection"
    LOCKDOWN = "lockdown"
    SILENCE = "silence"


class Cause(Model):
    """Why a VM is contained. ``by`` is ``None`` only for silence, where the policy itself decided."""

    kind: CauseKind
    at: UtcTime
    by: Actor | None = None
    reason: str = ""
    approval_id: str | None = None


class Step(Model):
    """One step of one containment.

    Attributes:
        attempt: how often it was begun.
        token: where the long-running operation stands, as the step wrote it; opaque here.
        look_at: when to poll or try again.
        note: what a person should read: progress, the reason of a failure, what was read back.
    """

    name: StepName
    state: StepState = StepState.TODO
    attempt: int = 0
    change: Change | None = None
    token: str = ""
    started_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    look_at: UtcTime | None = None
    note: str = ""

    def to(self, state: StepState, **changes: object) -> "Step":
        """The step in another state.

        Raises:
            Conflict: that is not a way this step can go.
        """
        if state not in STEP_TRANSITIONS[self.state]:
            raise Conflict(f"step {self.name} can't go from {self.state} to {state}")
        return self.changed(state=state, **changes)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do for it."""
        return self.state in (StepState.DONE, StepState.FAILED, StepState.SKIPPED)


class Progress(Model):
    """What a step reports after ``begin`` or ``check``.

    Attributes:
        done: verified by reading back.
        token: kept in the document until the next ``check``.
        look_again_after: how long to wait before the next look, while not done.
        note: for the card's thread.
        change: set by ``begin``, with *before* as it was read at that moment.
        again: what ``begin`` set going has come to nothing, so the step is begun again.
    """

    done: bool
    token: str = ""
    look_again_after: timedelta = timedelta(seconds=2)
    note: str = ""
    change: Change | None = None
    again: bool = False


class Containment(Model):
    """The containment of one VM, from the decision to the proof.

    Attributes:
        cards: ids of the cards that show it: its own, or those of the approvals that led to it.
        round: counts how often the VM had to be contained under this one document.
    """

    id: str
    version: int = 0
    state: ContainmentState = ContainmentState.PLANNED
    vm: VmRef
    cause: Cause
    profile: LockdownProfile
    steps: tuple[Step, ...]
    opened_at: UtcTime
    ended_at: UtcTime | None = None
    verified_at: UtcTime | None = None
    cards: tuple[str, ...] = ()
    round: int = 1

    def to(self, state: ContainmentState, **changes: object) -> "Containment":
        """The containment in another state.

        Raises:
            Conflict: that is not a way a containment can go.
        """
        if state not in TRANSITIONS[self.state]:
            raise Conflict(f"containment {self.id} can't go from {self.state} to {state}")
        return self.changed(state=state, **changes)

    @property
    def active(self) -> bool:
        """Whether the VM is contained or on its way; only RESTORED lets it go."""
        return self.state is not ContainmentState.RESTORED

    @property
    def working(self) -> bool:
        """Whether the workers still have something to do."""
        return self.state in (ContainmentState.PLANNED, ContainmentState.RUNNING, ContainmentState.RESTORING)

    def step(self, name: StepName) -> Step:
        """The step of this name; ``KeyError`` if the profile has none."""
        for step in self.steps:
            if step.name is name:
                return step
        raise KeyError(name)

    def with_step(self, changed: Step) -> "Containment":
        """This containment with one step replaced by its next state."""
        return self.changed(steps=tuple(changed if s.name is changed.name else s for s in self.steps))

    def ready(self, now: datetime) -> tuple[Step, ...]:
        """Steps to begin now: not begun, their needs ended, and not waiting for a retry."""
        ended = {s.name for s in self.steps if s.ended}
        present = {s.name for s in self.steps}
        return tuple(
            s
            for s in self.steps
            if s.state is StepState.TODO
            and (NEEDS[s.name] & present) <= ended
            and (s.look_at is None or s.look_at <= now)
        )

    def under_way(self, now: datetime) -> tuple[Step, ...]:
        """Steps to poll now."""
        return tuple(
            s for s in self.steps if s.state is StepState.STARTED and (s.look_at is None or s.look_at <= now)
        )

    @property
    def failed(self) -> tuple[Step, ...]:
        """Steps that ended badly."""
        return tuple(s for s in self.steps if s.state is StepState.FAILED)

    def due_at(self) -> datetime | None:
        """When it has to be looked at again, or ``None`` when there is nothing to do."""
        if not self.working:
            return None
        times = [s.look_at for s in self.steps if not s.ended and s.look_at is not None]
        return min(times, default=self.opened_at)


def planned(
    containment_id: str, vm: VmRef, cause: Cause, profile: LockdownProfile, *, now: datetime
) -> Containment:
    """A new containment, every step still to do, shown on its approval's card or on its own."""
    return Containment(
        id=containment_id,
        vm=vm,
        cause=cause,
        profile=profile,
        steps=tuple(Step(name=name) for name in profile.steps),
        opened_at=now,
        cards=(cause.approval_id or containment_id,),
    )


def retry_delay(attempt: int) -> timedelta:
    """How long to wait before attempt ``attempt + 1``: 2, 4, 8 … seconds, at most two minutes."""
    return timedelta(seconds=min(120.0, 2.0**attempt))
