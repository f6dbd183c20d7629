"""Silence may contain with its own profile; whoever asks for more widens it later, and nobody narrows it."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState, steps_on_silence, steps_undelivered
from workers.domain.asking.joining import tightened
from workers.domain.containment.containment import CauseKind, Containment, ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.domain.policy.model import Contain, Defaults, OnSilence, OnUndelivered, Rule
from workers.domain.ports.store import Commit

ISOLATE, STOP, BACKUP = StepName.ISOLATE, StepName.STOP, StepName.BACKUP
STANDARD = LockdownProfile()
QUARANTINE = LockdownProfile(name="quarantine", steps=(ISOLATE,))
LOCKDOWNS = {"standard": STANDARD, "quarantine": QUARANTINE}
ON_SILENCE = Defaults(on_silence=Contain(contain="quarantine"))


def rig_with(defaults: Defaults = ON_SILENCE, **rest: object) -> Rig:
    return Rig(a.policy(defaults=defaults, lockdowns=LOCKDOWNS, **rest))


async def silent(rig: Rig) -> Containment:
    asked = await rig.asked()
    rig.clock.to(asked.expire_at)
    await rig.look(asked.id)
    (nudge,) = rig.worked(Subject.CONTAINMENT)
    return await rig.until_rest(nudge.id)


def steps(containment: Containment) -> set[StepName]:
    return {step.name for step in containment.steps}


async def test_silence_contains_with_its_own_profile_and_a_rejection_with_the_other() -> None:
    rig = rig_with()
    asked = await rig.asked()
    assert asked.terms.lockdown.steps == STANDARD.steps
    assert {one.step for one in asked.plan.steps} == set(STANDARD.steps), "what a rejection does"

    held = await silent(rig)

    assert (held.state, held.cause.kind) == (ContainmentState.CONTAINED, CauseKind.SILENCE)
    assert (held.profile.name, steps(held)) == ("quarantine", {ISOLATE})


async def test_a_rule_may_name_it_too() -> None:
    rule = Rule(name="all", when="true", on_silence=Contain(contain="quarantine"))
    held = await silent(rig_with(Defaults(), rules=(rule,)))

    assert steps(held) == {ISOLATE}


async def test_an_order_widens_what_silence_began() -> None:
    rig = rig_with()
    held = await silent(rig)

    await rig.lock_down(held.vm, a.oncall(), STANDARD)
    wider = await rig.until_rest(held.id)

    assert (wider.state, wider.cause.kind) == (ContainmentState.CONTAINED, CauseKind.LOCKDOWN)
    assert steps(wider) == {ISOLATE, STOP, BACKUP}
    assert len(rig.runners[ISOLATE].begun) == 1, "what is done already stays as it is"


async def test_an_order_widens_what_silence_has_only_begun() -> None:
    rig = rig_with()
    asked = await rig.asked()
    rig.clock.to(asked.expire_at)
    await rig.look(asked.id)
    (nudge,) = rig.worked(Subject.CONTAINMENT)
    await rig.advance(nudge.id)

    await rig.lock_down(asked.event.vm, a.oncall(), STANDARD)

    assert steps(await rig.until_rest(nudge.id)) == {ISOLATE, STOP, BACKUP}


@pytest.mark.parametrize("profile", [QUARANTINE, LockdownProfile(name="only", steps=(BACKUP,))])
async def test_a_narrower_order_takes_no_step_away(profile: LockdownProfile) -> None:
    rig = rig_with()
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), STANDARD)
    held = await rig.until_rest(locked.containment.id)

    await rig.lock_down(a.vm_ref(), a.oncall(), profile)
    after = await rig.until_rest(held.id)

    assert after.state is ContainmentState.CONTAINED
    assert steps(after) == {ISOLATE, STOP, BACKUP}


async def test_a_narrower_silence_takes_no_step_away() -> None:
    rig = rig_with()
    asked = await rig.asked()
    other = await rig.asked_beside(asked, "another")
    containment = await rig.rejected()
    await rig.until_rest(containment.id)
    # Earlier versions left a VM's other questions open.
    withdrawn = await rig.store.approval(other.id)
    reopened = other.changed(version=withdrawn.version)
    await rig.store.commit(Commit(partition=partition_of_id(other.id), documents=(reopened,)))
    rig.clock.to(other.expire_at)

    await rig.look(other.id)

    assert (await rig.store.approval(other.id)).state is ApprovalState.EXPIRED
    standing = await rig.store.containment(containment.id)
    assert (standing.cause.kind, steps(standing)) == (CauseKind.REJECTION, {ISOLATE, STOP, BACKUP})


async def test_when_nobody_could_be_asked_a_profile_may_be_named_too() -> None:
    rig = rig_with(Defaults(on_undelivered=Contain(contain="quarantine")))
    opened = await rig.open(a.start_event())
    approval = await rig.store.approval(opened.document_id)
    assert approval.terms.on_undelivered is OnUndelivered.CONTAIN
    rig.clock.to(approval.opened_at + approval.terms.expire_after)
    rig.nudger.clear()
    await rig.look(approval.id)

    (nudge,) = rig.worked(Subject.CONTAINMENT)
    held = await rig.until_rest(nudge.id)

    assert (held.state, steps(held)) == (ContainmentState.CONTAINED, {ISOLATE})


async def test_a_containment_that_does_more_than_the_silence_allows_is_refused() -> None:
    rig = rig_with()
    asked = await rig.asked()
    rig.clock.to(asked.expire_at)
    await rig.look(asked.id)
    (nudge,) = rig.worked(Subject.CONTAINMENT)
    containment = await rig.store.containment(nudge.id)
    forged = containment.changed(steps=(*containment.steps, a.step(name=STOP)))
    await _write(rig, forged)

    after = await rig.advance(nudge.id)

    assert after.state is ContainmentState.INCOMPLETE
    assert rig.runners[STOP].begun == []


class TestJoining:
    """A question that several starts have joined goes by the stricter terms."""

    WAITED = timedelta(minutes=1)

    def both(self, mine: object, wanted: object) -> Approval:
        terms = tightened(a.terms(**mine), a.terms(rule="other", **wanted), waited=self.WAITED)  # type: ignore[arg-type]
        return a.approval(terms=terms)

    def test_two_profiles_of_their_own_become_one_with_the_steps_of_both(self) -> None:
        stopping = LockdownProfile(name="stopping", steps=(STOP,))
        mine = {"on_silence": OnSilence.CONTAIN, "silence_lockdown": QUARANTINE}
        wanted = {"on_silence": OnSilence.CONTAIN, "silence_lockdown": stopping}
        assert steps_on_silence(self.both(mine, wanted).terms) == (ISOLATE, STOP)

    def test_one_that_contains_as_a_rejection_does_adds_its_steps(self) -> None:
        mine = {"on_silence": OnSilence.CONTAIN, "silence_lockdown": QUARANTINE}
        wanted = {"on_silence": OnSilence.CONTAIN}
        assert steps_on_silence(self.both(mine, wanted).terms) == (ISOLATE, STOP, BACKUP)
        assert steps_on_silence(self.both(wanted, mine).terms) == (ISOLATE, STOP, BACKUP)

    def test_one_that_only_isolates_keeps_its_isolation(self) -> None:
        backing_up = LockdownProfile(name="keep", steps=(BACKUP,))
        mine = {"on_silence": OnSilence.ISOLATE}
        wanted = {"on_silence": OnSilence.CONTAIN, "silence_lockdown": backing_up}
        assert steps_on_silence(self.both(mine, wanted).terms) == (ISOLATE, BACKUP)

    def test_one_that_does_nothing_changes_nothing(self) -> None:
        mine = {"on_silence": OnSilence.CONTAIN, "silence_lockdown": QUARANTINE}
        assert steps_on_silence(self.both(mine, {"on_silence": OnSilence.LEAVE}).terms) == (ISOLATE,)

    def test_the_same_holds_where_nobody_could_be_asked(self) -> None:
        mine = {"on_undelivered": OnUndelivered.CONTAIN, "undelivered_lockdown": QUARANTINE}
        assert steps_undelivered(self.both(mine, {}).terms) == (ISOLATE,)
        wanted = {"on_undelivered": OnUndelivered.CONTAIN}
        assert steps_undelivered(self.both(mine, wanted).terms) == (ISOLATE, STOP, BACKUP)


async def _write(rig: Rig, containment: Containment) -> None:
    await rig.store.commit(Commit(partition=partition_of_id(containment.id), documents=(containment,)))
