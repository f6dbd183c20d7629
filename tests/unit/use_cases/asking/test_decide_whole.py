"""What an answer leaves behind, to the last field: the record, the cause, the nudges, and the VM's record."""

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer, Decision
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import CauseKind
from workers.domain.errors import AlreadyDecided, NotAllowed
from workers.domain.nudges import Nudge, Subject
from workers.domain.starts.people import Actor

STRANGER = a.actor(slack_user="U0STRANGER", name="Sam", email="sam@contoso.com")


def record(approval: Approval, kind: str, by: Actor, rig: Rig, **details: object) -> AuditRecord:
    return AuditRecord(
        kind=kind,
        at=rig.clock.now(),
        about=approval.id,
        vm=approval.event.vm.key,
        by=by.label,
        details=details,
    )


async def last(rig: Rig, kind: str) -> AuditRecord:
    return next(one for one in reversed(await rig.audit()) if one.kind == kind)


@pytest.mark.parametrize(("by", "on_call"), [(a.actor(), False), (a.oncall(), True)])
async def test_a_confirmation(rig: Rig, by: Actor, *, on_call: bool) -> None:
    approval = await rig.asked()
    rig.nudger.clear()
    rig.clock.advance(60)

    await rig.decide(Answer.CONFIRM, approval.id, by, reason="  a planned patch ")

    stored = await rig.store.approval(approval.id)
    assert stored.decision == Decision(
        answer=Answer.CONFIRM, by=by, at=rig.clock.now(), via="card", reason="a planned patch"
    )
    assert await last(rig, "approval.confirmed") == record(
        approval,
        "approval.confirmed",
        by,
        rig,
        via="card",
        reason="a planned patch",
        starts=1,
        on_call=on_call,
        owner=not on_call,
        containment=None,
    )
    assert rig.nudger.to_work == []
    assert rig.nudger.to_notices == [Nudge(subject=Subject.APPROVAL, id=approval.id, version=stored.version)]
    assert (await rig.store.vm_record(approval.event.vm)).open_approvals == ()


async def test_a_rejection(rig: Rig) -> None:
    approval = await rig.asked()
    rig.nudger.clear()
    rig.clock.advance(60)

    decided = await rig.decide(Answer.REJECT, approval.id, a.oncall(), reason=" not me ", via="dialog")

    stored = await rig.store.approval(approval.id)
    assert decided.containment is not None
    containment = await rig.store.containment(decided.containment.id)
    assert containment.cause == a.cause(
        kind=CauseKind.REJECTION,
        at=rig.clock.now(),
        by=a.oncall(),
        reason="not me",
        approval_id=approval.id,
    )
    assert approval.plan is not None
    planned = {one.step: one.change for one in approval.plan.steps}
    assert {step.name: step.change for step in containment.steps} == planned
    assert containment.opened_at == rig.clock.now()
    assert await last(rig, "approval.rejected") == record(
        approval,
        "approval.rejected",
        a.oncall(),
        rig,
        via="dialog",
        reason="not me",
        starts=1,
        on_call=True,
        owner=False,
        containment=containment.id,
    )
    assert rig.nudger.to_work == [
        Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)
    ]
    assert rig.nudger.to_notices == [Nudge(subject=Subject.APPROVAL, id=approval.id, version=stored.version)]


@pytest.mark.parametrize("answer", Answer)
async def test_a_refusal(rig: Rig, answer: Answer) -> None:
    approval = await rig.asked()

    with pytest.raises(NotAllowed) as refused:
        await rig.decide.may(answer, approval.id, STRANGER)

    assert await last(rig, "decision.refused") == record(
        approval, "decision.refused", STRANGER, rig, answer=str(answer), reason=str(refused.value)
    )


@pytest.mark.parametrize(("first", "said"), [(Answer.CONFIRM, "confirmed"), (Answer.REJECT, "rejected")])
async def test_whoever_is_late_is_told_by_whom(rig: Rig, first: Answer, said: str) -> None:
    approval = await rig.asked()
    assert await rig.decide.may(first, approval.id, a.actor()) == approval
    await rig.decide(first, approval.id, a.actor())

    with pytest.raises(AlreadyDecided) as late:
        await rig.decide.may(Answer.REJECT, approval.id, a.oncall())

    assert late.value.outcome == (await rig.store.approval(approval.id)).outcome()
    assert said in str(late.value).lower()


async def test_an_answer_without_a_word(rig: Rig) -> None:
    approval = await rig.asked()

    decided = await rig.decide(Answer.CONFIRM, approval.id, a.actor())

    assert decided.approval.decision is not None
    assert decided.approval.decision.reason == ""
