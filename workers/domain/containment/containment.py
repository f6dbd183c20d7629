"""A containment: its states, its steps, and what counts as contained."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from workers.domain.containment.afterwards.jobs import JobState
from workers.domain.containment.brakes.held import Held
from workers.domain.containment.cause import Cause, CauseKind
from workers.domain.containment.ending.expiry import Expiry, next_expiry_look
from workers.domain.containment.ending.grace import Grace, regretted, with_grace
from workers.domain.containment.ending.two_persons import RestoreRequest
from workers.domain.containment.patience import next_deadline
from workers.domain.containment.plans import Plan, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import (
    BEGIN_LEASE,
    MAX_ATTEMPTS,
    MAX_REDONE,
    STEP_TRANSITIONS,
    Progress,
    Step,
    Steps,
    StepState,
    next_job_look,
    retry_delay,
)
from workers.domain.errors import Conflict
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import VmRef

__all__ = [
    "BEGIN_LEASE",
    "MAX_ATTEMPTS",
    "STEP_TRANSITIONS",
    "TRANSITIONS",
    "Cause",
    "CauseKind",
    "Containment",
    "ContainmentState",
    "Progress",
    "Restoration",
    "Step",
    "StepState",
    "planned",
    "retry_delay",
]


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
    ContainmentState.RUNNING: frozenset(
        {ContainmentState.CONTAINED, ContainmentState.INCOMPLETE, ContainmentState.RESTORING}
    ),
    ContainmentState.CONTAINED: frozenset({ContainmentState.RUNNING, ContainmentState.RESTORING}),
    ContainmentState.INCOMPLETE: frozenset({ContainmentState.RUNNING, ContainmentState.RESTORING}),
    ContainmentState.RESTORING: frozenset(
        {ContainmentState.RESTORED, ContainmentState.INCOMPLETE, ContainmentState.RUNNING}
    ),
    ContainmentState.RESTORED: frozenset(),
}
"""From → to. CONTAINED → RUNNING: somebody started the VM again, or removed the lockdown NSG.

RUNNING → RESTORING: whoever rejected took that back in its time of grace.
RESTORING → RUNNING: a new rejection or lockdown during the restore takes precedence.
"""


class Restart(Stored):
    """A start of a VM that is contained, or being contained. ``by`` is the caller's name, hostile text."""

    by: str = ""
    at: UtcTime


class Restoration(Steps):
    """The undo of a containment, from the order to the proof. Each step here undoes the one of its name.

    Attributes:
        start_id: the VM is to be started, too, by a request of this correlation id; ``None`` leaves it off.
        number: counts how often it was tried.
        requested: what somebody else had asked for, where a restore needs two persons; ``by`` confirmed it.
        expired: nobody ordered it, the time of the isolation was over.
        regretted: whoever rejected took that back in its time of grace.
    """

    by: Actor
    at: UtcTime
    reason: str = ""
    start_id: str | None = None
    number: int = 1
    requested: RestoreRequest | None = None
    expired: bool = False
    regretted: bool = False

    @property
    def starts(self) -> bool:
        """Whether the VM is to be started, too."""
        return self.start_id is not None


class Containment(Steps, Numbered):
    """The containment of one VM, from the decision to the proof.

    Attributes:
        began_at: when it was last ordered anew, so that its time counts from there; ``None`` at first.
        cards: ids of the cards that show it: its own, or those of the approvals that led to it.
        round: how often the VM had to be contained under this one document.
        restoration: its undo, under way or ended; ``None`` again if the VM had to be contained once more.
        owner: whom the VM's tags named when it was locked down; they are told, and never asked.
        restart: the start of the contained VM that on-call was told of last.
        held: what holds it back; ``None`` where it goes on, or has nothing to do.
        unguarded: the ``demand`` for which the VM was found outside of the guarded set.
        restore_request: a restore that waits for a second person.
        expiry: what was said about the end of its isolation; ``None`` as long as nothing was.
        drift: what was found undone when it was re-read, so that this round was begun; one sentence each.
        grace: the time in which its rejection can be taken back; ``None`` without.
        trace: W3C ``traceparent`` of the work that led to it; empty where nothing was traced.
    """

    document_kind: ClassVar[str] = "containment"

    id: str
    version: int = 0
    state: ContainmentState = ContainmentState.PLANNED
    vm: VmRef
    cause: Cause
    profile: LockdownProfile
    opened_at: UtcTime
    began_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    verified_at: UtcTime | None = None
    cards: tuple[str, ...] = ()
    round: int = 1
    restoration: Restoration | None = None
    restore_request: RestoreRequest | None = None
    expiry: Expiry | None = None
    drift: tuple[str, ...] = ()
    restart: Restart | None = None
    owner: Owner | None = None
    unguarded: str = ""
    held: Held | None = None
    grace: Grace | None = None
    trace: str = ""

    def to(self, state: ContainmentState, **changes: object) -> "Containment":
        """The containment in another state.

        Raises:
            Conflict: a containment can't go from this state to that one.
        """
        if state not in TRANSITIONS[self.state]:
            raise Conflict(f"containment {self.id} can't go from {self.state} to {state}")
        return self.changed(state=state, **changes)

    @property
    def active(self) -> bool:
        """Whether it still holds the VM: in every state but RESTORED."""
        return self.state is not ContainmentState.RESTORED

    @property
    def working(self) -> bool:
        """Whether the workers still have something to do."""
        return self.state in (ContainmentState.PLANNED, ContainmentState.RUNNING, ContainmentState.RESTORING)

    @property
    def needs_oncall(self) -> bool:
        """Whether on-call is called for it: it is incomplete, late, undone, or something failed."""
        told = (step.paged_at or (step.job and step.job.state is JobState.FAILED) for step in self.steps)
        return self.state is ContainmentState.INCOMPLETE or any(
            (self.paged_at, self.drift, self.restart, self.restore_request, self.expiry, *told)
        )

    def once_more(self, at: datetime) -> "Containment":
        """Another round of it, begun at ``at``, with every step to be done again.

        What a step read as *before* in the first round stays: a restore brings that back.
        """
        return self.to(
            ContainmentState.RUNNING,
            round=self.round + 1,
            began_at=at,
            paged_at=None,
            ended_at=None,
            verified_at=None,
            restoration=None,
            restore_request=None,
            expiry=None,
            drift=(),
            steps=tuple(step.anew() for step in self.steps),
        )

    def started_again(self, at: datetime, now: datetime) -> "Containment":
        """This containment, under way, after a start of its VM: the stop is begun again at once.

        Unchanged if the stop is not begun yet, or was begun after ``at``, when the VM was started.
        """
        stop = next((step for step in self.steps if step.name is StepName.STOP), None)
        if stop is None or stop.started_at is None or at < stop.started_at:
            return self
        again = self.with_step(stop.again("the VM was started again"))
        # It gets its full time once more, but not time and again.
        return again.changed(began_at=now, paged_at=None) if stop.redone < MAX_REDONE else again

    def ready(self, now: datetime) -> tuple[Step, ...]:
        """Steps to begin now: not begun, their needs ended, and not waiting for a retry."""
        if regretted(self):
            return ()
        ended = {s.name for s in self.steps if s.ended}
        present = {s.name for s in self.steps}
        return tuple(
            s
            for s in self.steps
            if s.state is StepState.TODO
            and (s.name.needs & present) <= ended
            and (s.look_at is None or s.look_at <= now)
        )

    def due_at(self) -> datetime | None:
        """When it has to be looked at again; ``None`` when there is nothing to do.

        Jobs are looked at, and requests end, only when it is at rest: there is enough to tell until then.
        """
        if not self.working:
            expires_at = self.restore_request.expires_at if self.restore_request else None
            looks = (next_job_look(self), expires_at, self.expiry_look_at)
            return min((at for at in looks if at is not None), default=None)
        restoring = self.restoration if self.state is ContainmentState.RESTORING else None
        steps, began = (restoring, restoring.at) if restoring else (self, self.began)
        if regretted(self) and not any(step.state is StepState.STARTED for step in self.steps):
            return began  # nothing is under way any more, so its undo can begin
        if self.held is not None:
            return min([self.held.until, *steps.polls])
        return _due(steps, began, self.profile)

    @property
    def isolated_until(self) -> datetime | None:
        """When its isolation ends by itself, if it does. Another lockdown order begins its time anew."""
        after = self.profile.isolate.expire_after
        isolated = any(s.name is StepName.ISOLATE and s.state is StepState.DONE for s in self.steps)
        if self.state is not ContainmentState.CONTAINED or after is None or not isolated:
            return None
        began = self.verified_at or self.began
        return self.expiry.ends_at if self.expiry else max(began, self.cause.at) + after

    @property
    def expiry_look_at(self) -> datetime | None:
        """When something has to be said or done about the end of its isolation next."""
        after, until = self.profile.isolate.expire_after, self.isolated_until
        if after is None or until is None:
            return None
        return next_expiry_look(until - after, after, self.expiry)

    @property
    def began(self) -> datetime:
        """When its time began to count."""
        return self.began_at or self.opened_at

    @property
    def demand(self) -> str:
        """Names what it rests on now: another text once the VM is contained anew, or more is asked for."""
        return f"{self.round}.{self.began.isoformat()}"


def _due(steps: Steps, began: datetime, profile: LockdownProfile) -> datetime:
    deadline = next_deadline(steps, began, profile)
    work = steps.look_at or began
    return min(work, deadline) if deadline is not None else work


def planned(
    containment_id: str,
    vm: VmRef,
    cause: Cause,
    profile: LockdownProfile,
    *,
    now: datetime,
    plan: Plan | None = None,
    grace: timedelta | None = None,
) -> Containment:
    """A new containment, every step still to do, shown on its approval's card or on its own.

    With the plan that somebody was shown, each step begins with a *before*, so that the isolation can act at
    its first look. A step uses it only where Azure still reads the same.
    """
    changes = {step.step: step.change for step in plan.steps} if plan is not None else {}
    fresh = Containment(
        id=containment_id,
        vm=vm,
        cause=cause,
        profile=profile,
        steps=tuple(Step(name=name, change=changes.get(name)) for name in profile.steps),
        opened_at=now,
        cards=(cause.approval_id or containment_id,),
    )
    return with_grace(fresh, grace, now)
