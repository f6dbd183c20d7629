"""What is asked of a containment that stands or is under way: more of it, all of it, or what has failed."""

from datetime import datetime, timedelta

from workers.domain.containment.containment import Cause, CauseKind, Containment, ContainmentState
from workers.domain.containment.profile import IsolateOptions, LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Step, StepState


def demanded(containment: Containment, cause: Cause, profile: LockdownProfile) -> Containment:
    """The containment after somebody else asked for it, too.

    Steps that they want beyond it are added, and steps that they want and that failed are tried again.
    Exceptions from the isolation that they don't have go, and the VM is isolated again without them. It then
    rests on their cause. Where the policy itself decides, it takes no exception away, and changes nothing
    in a containment that has steps which it does not ask for.
    """
    if containment.active and containment.restoration is not None:
        # A restore has undone some of it by now, so all of it has to be done again.
        again = containment.once_more(cause.at)
        mine = again if cause.by_policy else again.changed(cause=cause)
        return demanded(mine, cause, profile)
    if not containment.active:
        return containment
    names = _names(containment)
    steps = tuple(_again(containment, name, profile) for name in StepName if name in names | {*profile.steps})
    isolate = _tightened(containment, cause, profile)
    if isolate.allow != containment.profile.isolate.allow:
        steps = tuple(_done_again(step) if step.name is StepName.ISOLATE else step for step in steps)
    if (steps, isolate) == (containment.steps, containment.profile.isolate) or (
        cause.by_policy and names - {*profile.steps}
    ):
        return _kept_isolated(containment, cause)
    wider = containment.profile.changed(
        steps=tuple(step.name for step in steps),
        isolate=isolate,
        backup=(profile if _not_backed_up(containment) else containment.profile).backup,
        tags={**containment.profile.tags, **profile.tags},
        resource_group=(profile if _not_isolated(containment) else containment.profile).resource_group,
    )
    return _going_on(containment, steps, cause.at).changed(profile=wider, cause=cause)


def _kept_isolated(containment: Containment, cause: Cause) -> Containment:
    """Whoever locks a VM down again keeps it isolated: the time of its isolation begins anew."""
    if containment.expiry is None or cause.kind is not CauseKind.LOCKDOWN:
        return containment
    return containment.changed(cause=cause, expiry=None)


def retried(containment: Containment, at: datetime) -> Containment:
    """The containment with the steps that failed to be tried again, from ``at`` on.

    Unchanged if nothing has failed, or while it is being undone.
    """
    if not containment.active or containment.restoration is not None or not containment.failed:
        return containment
    profile = containment.profile
    return _going_on(containment, tuple(_again(containment, s.name, profile) for s in containment.steps), at)


def _going_on(containment: Containment, steps: tuple[Step, ...], at: datetime) -> Containment:
    """With these steps, and its time counts from ``at``."""
    running = containment if containment.working else containment.to(ContainmentState.RUNNING)
    return running.changed(
        steps=steps,
        began_at=at,
        paged_at=None,
        ended_at=None,
        verified_at=None,
        restore_request=None,
        expiry=None,
    )


def _tightened(containment: Containment, cause: Cause, wanted: LockdownProfile) -> IsolateOptions:
    """The options of the isolation: only exceptions that both sides make."""
    mine = containment.profile.isolate
    if StepName.ISOLATE not in wanted.steps:
        return mine
    if StepName.ISOLATE not in _names(containment):
        return wanted.isolate
    if cause.by_policy:
        return mine
    allow = tuple(rule for rule in mine.allow if rule in wanted.isolate.allow)
    # A prepared NSG fits its exceptions; and one may be named because none could be made.
    other_nsg = allow != mine.allow or _not_isolated(containment)
    return mine.changed(
        allow=allow,
        nsg=wanted.isolate.nsg if other_nsg else mine.nsg,
        expire_after=_longer(mine.expire_after, wanted.isolate.expire_after),
    )


def _longer(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    """The longer time; ``None`` is without end."""
    return None if one is None or other is None else max(one, other)


def _not_backed_up(containment: Containment) -> bool:
    """Whether there is no backup yet, or it failed, so that a profile may name another way for it."""
    failed = any(step.name is StepName.BACKUP for step in containment.failed)
    return failed or StepName.BACKUP not in _names(containment)


def _not_isolated(containment: Containment) -> bool:
    """Whether the isolation failed, so that a profile may name another way for it by now."""
    return any(step.name is StepName.ISOLATE for step in containment.failed)


def _names(containment: Containment) -> frozenset[StepName]:
    return frozenset(step.name for step in containment.steps)


def _again(containment: Containment, name: StepName, wanted: LockdownProfile) -> Step:
    if name not in _names(containment):
        return Step(name=name)
    step = containment.step(name)
    ended_badly = step.state in (StepState.FAILED, StepState.SKIPPED)
    return step.anew() if ended_badly and name in wanted.steps else step


def _done_again(step: Step) -> Step:
    """An ended step, to be done again. One under way takes the new profile at its next look."""
    return step.anew() if step.ended else step
