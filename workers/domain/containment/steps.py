"""One step of a containment, or the undo of one: where it stands, and what it reports."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from workers.domain.containment.afterwards.jobs import Job
from workers.domain.containment.plans import Change, StepName
from workers.domain.errors import Conflict
from workers.domain.model import Model, Stored, UtcTime


class StepState(StrEnum):
    """Where a step stands."""

    TODO = "TODO"
    STARTED = "STARTED"
    DONE = "DONE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


STEP_TRANSITIONS: dict[StepState, frozenset[StepState]] = {
    StepState.TODO: frozenset({StepState.STARTED, StepState.SKIPPED}),
    StepState.STARTED: frozenset(
        {StepState.STARTED, StepState.TODO, StepState.DONE, StepState.FAILED, StepState.SKIPPED}
    ),
    StepState.DONE: frozenset({StepState.TODO}),
    StepState.FAILED: frozenset({StepState.TODO}),
    StepState.SKIPPED: frozenset({StepState.TODO}),
}
"""From → to. STARTED → TODO: this attempt failed, another follows. Ended → TODO: the step is done again.

STARTED → SKIPPED: as it was begun, it was found that it can't be done for this VM.
"""

MAX_ATTEMPTS = 7
"""Two minutes in all: a VM that is still starting refuses to be deallocated for about one."""
MAX_REDONE = 10
"""How often a step is done again in one round because somebody undid it, such as by starting the VM.

That is no failed attempt. Once more than this, on-call is told, and a step that still does not read back as
done has failed.
"""
BEGIN_LEASE = timedelta(seconds=45)
"""A step that was begun and has no result after this long was cut off; it is begun again."""


class Step(Stored):
    """One step of one containment, or its undo.

    Attributes:
        attempt: how often it was begun.
        redone: how often it had to be done again in this round because somebody undid it.
        change: what it changes; for an undo, what is to be taken back.
        token: where the long-running operation stands, as the step wrote it; opaque here.
        started_at: when it was first begun; kept over all attempts.
        paged_at: when on-call was told that it takes long.
        look_at: when to poll or try again.
        note: for people: progress, the reason of a failure, or what was read back.
        job: what Azure still does for it although it is done, or how that ended.
    """

    name: StepName
    state: StepState = StepState.TODO
    attempt: int = 0
    redone: int = 0
    change: Change | None = None
    token: str = ""
    started_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    paged_at: UtcTime | None = None
    look_at: UtcTime | None = None
    note: str = ""
    job: Job | None = None

    def to(self, state: StepState, **changes: object) -> "Step":
        """The step in another state.

        Raises:
            Conflict: a step can't go from this state to that one.
        """
        if state not in STEP_TRANSITIONS[self.state]:
            raise Conflict(f"step {self.name} can't go from {self.state} to {state}")
        return self.changed(state=state, **changes)

    def begun(self, now: datetime) -> "Step":
        """The step as it is written down before it is begun, or begun again after it was cut off."""
        return self.to(
            StepState.STARTED,
            attempt=self.attempt + 1,
            started_at=self.started_at or now,
            look_at=now + BEGIN_LEASE,
            note="",
            token="",
        )

    def anew(self) -> "Step":
        """The step to be done as if for the first time, with all its attempts and time; its change stays."""
        return self.to(
            StepState.TODO,
            attempt=0,
            redone=0,
            token="",
            started_at=None,
            ended_at=None,
            paged_at=None,
            look_at=None,
            note="",
        )

    def again(self, note: str, *, look_at: datetime | None = None) -> "Step":
        """The step to be done again, from now or from ``look_at`` on, because somebody undid it."""
        return self.to(
            StepState.TODO,
            attempt=0,
            redone=self.redone + 1,
            token="",
            started_at=None,
            ended_at=None,
            paged_at=None,
            look_at=look_at,
            note=note,
        )

    @property
    def cut_off_for_good(self) -> bool:
        """Whether it was begun as often as it may be, and never gave a result."""
        return self.state is StepState.STARTED and self.attempt >= MAX_ATTEMPTS

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do for it."""
        return self.state in (StepState.DONE, StepState.FAILED, StepState.SKIPPED)


class Progress(Model):
    """What a step reports after ``begin``, ``check`` or ``undo``.

    Attributes:
        done: verified by reading back.
        token: kept in the document until the next ``check``.
        look_again_after: how long to wait before the next look, until it is done.
        note: for the card's thread.
        change: set by ``begin``, with *before* as it was read at that moment. Where it says ``skipped``, the
            step is left out.
        again: what ``begin`` started did not take effect, so the step is begun again.
        undone: with ``again``: somebody has undone it since it took effect. This is no failed attempt.
        started_as: the correlation id under which Azure starts the VM for us; the start event will carry it.
        job: with ``done``: what Azure goes on with, to be followed on the side.
    """

    done: bool
    token: str = ""
    look_again_after: timedelta = timedelta(seconds=2)
    note: str = ""
    change: Change | None = None
    again: bool = False
    undone: bool = False
    started_as: str = ""
    job: Job | None = None

    @classmethod
    def waiting(cls, token: str, seconds: float, note: str, change: Change | None = None) -> "Progress":
        """Not done yet, with a look again in so many seconds; in none, the step goes on at once."""
        return cls(
            done=False, token=token, look_again_after=timedelta(seconds=seconds), note=note, change=change
        )


class Steps(Stored):
    """Steps that are done side by side.

    Attributes:
        paged_at: when on-call was first told that they take long.
        resumed_at: when they went on after they were held back; how long they take counts from there.
    """

    steps: tuple[Step, ...]
    paged_at: UtcTime | None = None
    resumed_at: UtcTime | None = None

    def step(self, name: StepName) -> Step:
        """The step of this name; ``KeyError`` if there is none."""
        for step in self.steps:
            if step.name is name:
                return step
        raise KeyError(name)

    def with_step(self, changed: Step) -> Self:
        """The same with one step replaced by its next state."""
        return self.changed(steps=tuple(changed if s.name is changed.name else s for s in self.steps))

    def resumed(self, now: datetime) -> Self:
        """The same after it was held back: what waits is looked at now, and has all its time once more."""
        steps = tuple(
            s.changed(look_at=now) if not s.ended and s.look_at is not None and s.look_at > now else s
            for s in self.steps
        )
        return self.changed(steps=steps, resumed_at=now)

    def under_way(self, now: datetime) -> tuple[Step, ...]:
        """Steps to poll now."""
        return tuple(
            s for s in self.steps if s.state is StepState.STARTED and (s.look_at is None or s.look_at <= now)
        )

    @property
    def polls(self) -> tuple[datetime, ...]:
        """When Azure is to be asked how far it is with what it was told to do."""
        return tuple(
            s.look_at
            for s in self.steps
            if s.state is StepState.STARTED and s.token and s.look_at is not None
        )

    @property
    def failed(self) -> tuple[Step, ...]:
        """Steps that ended badly."""
        return tuple(s for s in self.steps if s.state is StepState.FAILED)

    @property
    def not_reported(self) -> tuple[Step, ...]:
        """Steps that have failed for good, and on-call was not told so while the others went on."""
        return tuple(
            s
            for s in self.failed
            if s.paged_at is None or (s.ended_at is not None and s.paged_at < s.ended_at)
        )

    @property
    def look_at(self) -> datetime | None:
        """When the first of them has to be looked at again; ``None`` when none of them has to."""
        return min((s.look_at for s in self.steps if not s.ended and s.look_at is not None), default=None)


def next_job_look(steps: Steps) -> datetime | None:
    """When the first job has to be looked at again; ``None`` when none of them has to."""
    return min((s.job.look_at for s in steps.steps if s.job and s.job.look_at), default=None)


def retry_delay(attempt: int) -> timedelta:
    """How long to wait before attempt ``attempt + 1``: 2, 4, 8 … seconds, at most two minutes."""
    return timedelta(seconds=min(120.0, 2.0**attempt))
