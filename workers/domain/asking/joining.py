"""How a further start joins the open question of its VM, and what an answer to that question covers."""

import functools
from datetime import datetime, timedelta

from workers.domain.asking.approvals import Approval
from workers.domain.asking.joined import MOST_LISTED, JoinedStart
from workers.domain.asking.terms import Terms, announcement, steps_on_silence, steps_undelivered
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.model import OnSilence, OnUndelivered, Verdict
from workers.domain.policy.people import UpTo
from workers.domain.starts.events import Caller
from workers.domain.starts.risk import Risk
from workers.domain.starts.signals.signal import said

_STRICTER = (OnSilence.LEAVE, OnSilence.ESCALATE, OnSilence.ISOLATE, OnSilence.CONTAIN)
_STRICTER_UNDELIVERED = (OnUndelivered.ESCALATE, OnUndelivered.ISOLATE, OnUndelivered.CONTAIN)
"""From the mildest to the strictest."""


def with_start(question: Approval, start: Approval, now: datetime) -> Approval:
    """The open question with this start in it, on the stricter terms of the two.

    Its plan is still that of before. The owner stays who was asked: whoever may write tags must not become
    the owner of an open question.
    """
    joined = JoinedStart(
        approval_id=start.id,
        number=question.starts + 1,
        at=start.event.at,
        caller=start.event.caller,
        access=start.event.access,
        level=start.level,
    )
    renewed = start.facts.known_count >= question.facts.known_count
    grown = question.changed(
        joined=_listed((*question.joined, joined)),
        joined_count=question.joined_count + 1,
        terms=tightened(question.terms, start.terms, waited=question.waited(now)),
        owner=question.owner if question.owner.known else start.owner,
        facts=start.facts if renewed else question.facts,
        guarded=start.guarded or question.guarded,
        owner_before=question.owner_before or start.owner_before,
        risk=_with_risk(question, start),
    )
    return grown if grown.facts.missing else grown.changed(fill_in_at=None)


def _with_risk(question: Approval, start: Approval) -> Risk | None:
    """The risk of the question with this start in it; what is told of another caller names them."""
    if question.risk is None or start.risk is None:
        return question.risk or start.risk
    return question.risk.or_more(told_of(start.risk, start.event.caller, question))


def told_of(risk: Risk, caller: Caller, question: Approval) -> Risk:
    """The risk of a further start, whose signals say whose it is if that is not the first caller."""
    if caller.is_surely(question.event.caller):
        return risk
    who = f"a later start by {said(caller.label)}"
    return risk.changed(signals=tuple(one.changed(sentence=f"{who}: {one.sentence}") for one in risk.signals))


def _listed(starts: tuple[JoinedStart, ...]) -> tuple[JoinedStart, ...]:
    """At most fifty. Whose start goes from the list has a newer one in it, as long as that is possible.

    So nobody can push another caller's start out of sight by starting the VM time and again.
    """
    if len(starts) <= MOST_LISTED:
        return starts
    gone = next(
        (
            number
            for number, one in enumerate(starts)
            if any(one.caller.is_surely(newer.caller) for newer in starts[number + 1 :])
        ),
        0,
    )
    left = starts[gone]
    return (*starts[:gone], *(_as_risky(one, left) for one in starts[gone + 1 :]))


def _as_risky(one: JoinedStart, left: JoinedStart) -> JoinedStart:
    """No start of a caller is listed as less risky than one that has gone from the list."""
    if left.level.rank <= one.level.rank or not one.caller.is_surely(left.caller):
        return one
    return one.changed(level=left.level)


def with_failed(question: Approval, approval_id: str) -> Approval:
    """The question after a start that has joined it has failed."""
    return question.changed(
        joined=tuple(
            one.changed(failed=True) if one.approval_id == approval_id else one for one in question.joined
        )
    )


def pointless(question: Approval) -> bool:
    """Whether every start that it asks about has failed."""
    first = question.ended is not None and question.ended.failed
    unlisted = question.joined_count > len(question.joined)
    return first and not unlisted and all(one.failed for one in question.joined)


def unseen(question: Approval, shown: int) -> tuple[JoinedStart, ...]:
    """Starts by somebody else that joined after somebody was shown the question with ``shown`` starts.

    Whoever answers was not asked about these. Another start by a caller that they were shown is covered.
    """
    seen = (question.event.caller, *(one.caller for one in question.joined if one.number <= shown))
    return tuple(
        one
        for one in question.joined
        if one.number > shown and not one.failed and not any(one.caller.is_surely(who) for who in seen)
    )


def tightened(terms: Terms, wanted: Terms, *, waited: timedelta) -> Terms:
    """The stricter terms of the two; each start gets its own time to be answered.

    A start that is only announced shortens no deadline of a question. One that is asked about never joins an
    announcement.

    Args:
        terms: the question's.
        wanted: those of the start that joins.
        waited: how long the question has been asked already.
    """
    lockdown = _both(terms.lockdown, wanted.lockdown)
    if terms.verdict is Verdict.TELL:
        reject_within = max(terms.expire_after, waited + wanted.expire_after)
        return _named(announcement(reject_within, lockdown, terms.rule), terms, wanted)
    if wanted.verdict is Verdict.TELL:
        return _named(terms.changed(lockdown=lockdown), terms, wanted)
    gives_up_after = min(terms.gives_up_after, waited + wanted.gives_up_after)
    stricter = terms.changed(
        remind_after=min(terms.remind_after, waited + wanted.remind_after),
        escalate_after=min(terms.escalate_after, waited + wanted.escalate_after),
        expire_after=min(terms.expire_after, waited + wanted.expire_after),
        undelivered_after=None
        if terms.undelivered_after is None and wanted.undelivered_after is None
        else gives_up_after,
        on_silence=max(terms.on_silence, wanted.on_silence, key=_STRICTER.index),
        on_undelivered=max(terms.on_undelivered, wanted.on_undelivered, key=_STRICTER_UNDELIVERED.index),
        lockdown=lockdown,
        silence_lockdown=_own(
            terms.silence_lockdown or wanted.silence_lockdown,
            *((one.on_silence_by, steps_on_silence(one)) for one in (terms, wanted)),
        ),
        self_confirm=min(terms.self_confirm, wanted.self_confirm, key=list(UpTo).index),
        second_within=min(filter(None, (terms.second_within, wanted.second_within)), default=None),
        oncall_self_confirm=terms.oncall_self_confirm and wanted.oncall_self_confirm,
        undelivered_lockdown=_own(
            terms.undelivered_lockdown or wanted.undelivered_lockdown,
            *((one.on_undelivered_by, steps_undelivered(one)) for one in (terms, wanted)),
        ),
    )
    return _named(stricter, terms, wanted)


def _named(stricter: Terms, terms: Terms, wanted: Terms) -> Terms:
    """With the names of both rules, if the second changed anything."""
    if stricter == terms or wanted.rule == terms.rule:
        return stricter
    return stricter.changed(rule=f"{terms.rule}, {wanted.rule}"[:200])


def _own(
    either: LockdownProfile | None, *taken: tuple[LockdownProfile, tuple[StepName, ...]]
) -> LockdownProfile | None:
    """A profile with all the steps that both take, if one of them names its own.

    Args:
        either: what is named; ``None`` if nothing is, so that the profile of a rejection holds.
        taken: the profile of each, with the steps that it may use.
    """
    if either is None:
        return None
    profiles = [profile.changed(steps=steps) for profile, steps in taken if steps]
    return functools.reduce(_both, profiles) if profiles else None


def _both(mine: LockdownProfile, wanted: LockdownProfile) -> LockdownProfile:
    """The steps of both, and only exceptions that both make."""
    steps = tuple(name for name in StepName if name in (*mine.steps, *wanted.steps))
    isolate = mine.isolate
    if StepName.ISOLATE in wanted.steps:
        common = tuple(rule for rule in isolate.allow if rule in wanted.isolate.allow)
        isolate = isolate.changed(allow=common) if StepName.ISOLATE in mine.steps else wanted.isolate
    if set(steps) == set(mine.steps) and isolate == mine.isolate:
        return mine
    return mine.changed(steps=steps, isolate=isolate)
