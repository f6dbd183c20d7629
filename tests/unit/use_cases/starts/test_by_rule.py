"""A rule that contains: at once, without asking, on record, and held by every brake that silence is."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from tests.unit.use_cases.containment.restore_rig import RestoreRig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.brakes.held import HeldBy
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import CauseKind, Containment, ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.domain.policy.limits import Guard
from workers.domain.policy.model import Policy, Rule, Verdict
from workers.domain.ports.store import Commit
from workers.domain.starts.events import Phase
from workers.domain.starts.facts import Facts
from workers.use_cases.containment.request import request_containment
from workers.use_cases.starts.outcome import Outcome

RULE = Rule(
    name="stolen key", when='caller.app_id == "bad"', verdict=Verdict.CONTAIN, lockdown="network-only"
)
PROFILES = {
    "standard": LockdownProfile(),
    "network-only": LockdownProfile(steps=(StepName.ISOLATE,)),
}
BAD = a.start_event(caller=a.caller(app_id="bad"))


def policy(**changes: object) -> Policy:
    return a.policy(rules=(RULE,), lockdowns=PROFILES, **changes)


@pytest.fixture
def rig() -> Rig:
    return Rig(policy())


async def ruled(rig: Rig) -> tuple[Approval, Containment]:
    opened = await rig.open(BAD)
    assert opened.outcome is Outcome.CONTAINED
    approval = await rig.store.approval(opened.document_id)
    return approval, await rig.store.containment(approval.containment_id or "")


def touched(rig: Rig) -> list[StepName]:
    return [name for name, runner in rig.runners.items() if runner.begun]


async def test_the_vm_is_contained_by_the_rules_profile_and_the_record_says_by_which_rule(rig: Rig) -> None:
    approval, containment = await ruled(rig)
    assert (approval.state, approval.open, approval.due_at()) == (ApprovalState.RULED, False, None)
    assert (containment.cause.kind, containment.cause.by) == (CauseKind.RULE, None)
    assert containment.cards == (approval.id,)
    assert {nudge.id for nudge in rig.nudger.to_notices} == {approval.id}
    assert [nudge.id for nudge in rig.worked(Subject.CONTAINMENT)] == [containment.id]

    assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED
    assert touched(rig) == [StepName.ISOLATE]
    by_kind = {record.kind: record for record in await rig.audit()}
    assert by_kind["approval.opened"].details["verdict"] == "contain"
    record = by_kind["approval.ruled"]
    assert (record.details["rule"], record.details["containment"]) == ("stolen key", containment.id)


async def test_any_other_start_is_asked_about(rig: Rig) -> None:
    assert (await rig.open(a.start_event())).outcome is Outcome.ASKED


async def test_it_happens_once_over_duplicates_and_a_crash(rig: Rig) -> None:
    rig.nudger.crashes = 1
    with pytest.raises(CrashError):
        await rig.open(BAD)
    for phase in (Phase.STARTED, Phase.SUCCEEDED):
        await rig.open(BAD.changed(phase=phase))
    rig.clock.advance(30)
    await rig.resync()
    assert (await rig.kinds()).count("approval.ruled") == 1
    assert len(rig.worked(Subject.CONTAINMENT)) == 1, "the resync has it done"


async def test_open_questions_are_withdrawn(rig: Rig) -> None:
    asked = await rig.asked(a.start_event(correlation_id="other"))
    _, containment = await ruled(rig)
    withdrawn = await rig.store.approval(asked.id)
    assert (withdrawn.state, withdrawn.containment_id) == (ApprovalState.WITHDRAWN, containment.id)
    assert "stolen key" in withdrawn.closed_because
    assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()


async def test_a_guarded_vm_is_left_and_on_call_told() -> None:
    rig = Rig(policy(never=(Guard(name="web", when='vm.name == "vm-web-01"'),)))
    approval = await rig.store.approval((await rig.open(BAD)).document_id)
    assert (approval.state, approval.guarded, approval.containment_id) == (ApprovalState.RULED, "web", None)
    assert rig.worked(Subject.CONTAINMENT) == []
    assert (await rig.store.vm_record(a.vm_ref())).free


async def test_no_other_containment_rests_on_the_rule(rig: Rig) -> None:
    """The start names the containment that the rule led to; one that only names the start is refused."""
    start = a.approval(state=ApprovalState.RULED, version=0, containment_id=None)
    cause = a.cause(kind=CauseKind.RULE, approval_id=start.id)
    request = await request_containment(
        rig.store, start.event.vm, cause, start.terms.lockdown, now=rig.clock.now()
    )
    documents = (start, *request.documents)
    await rig.store.commit(Commit(partition=partition_of_id(start.id), documents=documents))
    forged = await rig.advance(request.containment.id, times=3)
    assert (forged.state, touched(rig)) == (ContainmentState.INCOMPLETE, [])


async def test_the_engine_asks_the_guard_again() -> None:
    """The tags could not be read when the rule decided."""
    rig = Rig(policy(never=(Guard(name="dc", when='vm.tags["role"] == "dc"'),)))
    rig.facts.answer = a.facts(machine=None)
    _, containment = await ruled(rig)
    rig.facts.answer = a.facts(machine=a.facts().machine.changed(tags={"role": "dc"}))  # type: ignore[union-attr]
    assert (await rig.until_rest(containment.id)).state is ContainmentState.INCOMPLETE
    assert touched(rig) == []


async def test_a_pause_holds_it(rig: Rig) -> None:
    pause = Pause().begun("olga", "drill", a.NOW, timedelta(hours=24))
    await rig.store.commit(Commit(partition=partition_of_id(pause.id), documents=(pause,)))
    _, containment = await ruled(rig)
    held = await rig.advance(containment.id, times=3)
    assert held.held is not None
    assert held.held.by is HeldBy.PAUSE
    assert touched(rig) == []


async def test_of_a_vm_that_is_gone_nothing_is_contained(rig: Rig) -> None:
    rig.facts.answer = Facts(gone=True)
    opened = await rig.open(BAD)
    assert opened.outcome is Outcome.VANISHED
    assert (await rig.store.approval(opened.document_id)).containment_id is None


async def test_a_restore_undoes_it() -> None:
    rig = RestoreRig()
    rig.policy = a.policy(rules=(RULE.changed(lockdown=None),))
    _, containment = await ruled(rig)
    await rig.until_rest(containment.id)
    held = await rig.store.containment(containment.id)
    await rig.restore(held.id, a.oncall(), shown=held.demand, start=False, reason="a drill")
    assert (await rig.until_rest(containment.id)).state is ContainmentState.RESTORED
