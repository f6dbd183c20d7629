"""One answer wins, every other is told so, and nobody answers who may not."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.conftest import CrashError, Rig
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.domain.errors import AlreadyDecided, NotAllowed, NotFound
from workers.domain.nudges import Subject
from workers.domain.policy.model import OnSilence
from workers.domain.ports.store import Commit

MALLORY = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@evil.example")


class TestAnswers:
    async def test_a_confirmation_closes_the_question_and_touches_nothing(self, rig: Rig) -> None:
        approval = await rig.asked()
        decided = await rig.decide(Answer.CONFIRM, approval.id, a.actor())
        stored = await rig.store.approval(approval.id)
        assert stored.state is ApprovalState.CONFIRMED
        assert decided.containment is None
        assert await rig.store.vm_record(a.vm_ref()) == (await rig.store.vm_record(a.vm_ref())).changed(
            open_approvals=(), containment_id=None
        )
        assert rig.worked(Subject.CONTAINMENT) == []
        assert [(n.id, n.version) for n in rig.nudger.to_notices] == [(approval.id, stored.version)]

    async def test_a_rejection_and_its_containment_are_one_write(self, rig: Rig) -> None:
        approval = await rig.asked()
        decided = await rig.decide(Answer.REJECT, approval.id, a.actor(), reason="  not me ", via="modal")
        stored = await rig.store.approval(approval.id)
        assert stored.state is ApprovalState.REJECTED
        assert stored.decision is not None
        assert (stored.decision.reason, stored.decision.via) == ("not me", "modal")
        assert decided.containment is not None
        assert stored.containment_id == decided.containment.id
        containment = await rig.store.containment(decided.containment.id)
        assert containment.state is ContainmentState.PLANNED
        assert (containment.cause.kind, containment.cause.by) == (CauseKind.REJECTION, a.actor())
        assert containment.profile == approval.terms.lockdown
        assert containment.cards == (approval.id,)
        record = await rig.store.vm_record(a.vm_ref())
        assert (record.containment_id, record.open_approvals) == (containment.id, ())
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [containment.id]

    async def test_the_audit_says_who_with_which_right_and_what_follows(self, rig: Rig) -> None:
        approval = await rig.asked()
        await rig.decide(Answer.REJECT, approval.id, a.oncall(), reason="odd")
        record = (await rig.audit())[-1]
        assert (record.kind, record.by, record.about) == (
            "approval.rejected",
            "Olga Oncall (U0OLGA001)",
            approval.id,
        )
        assert (record.details["on_call"], record.details["owner"]) == (True, False)
        assert record.details["containment"] == (await rig.store.vm_record(a.vm_ref())).containment_id

    async def test_an_approval_that_is_none_is_not_found(self, rig: Rig) -> None:
        for garbage in ("", "nonsense", "a" + "0" * 25, "c" + "0" * 25):
            with pytest.raises(NotFound):
                await rig.decide(Answer.CONFIRM, garbage, a.actor())


class TestRefusals:
    @pytest.mark.parametrize("answer", Answer)
    async def test_a_stranger_changes_nothing_and_is_audited(self, rig: Rig, answer: Answer) -> None:
        approval = await rig.asked()
        with pytest.raises(NotAllowed, match="Only the VM's owner or on-call"):
            await rig.decide(answer, approval.id, MALLORY)
        assert await rig.store.approval(approval.id) == approval
        record = (await rig.audit())[-1]
        assert (record.kind, record.by) == ("decision.refused", "Mallory (U0MALLORY)")
        assert record.details["answer"] == answer
        assert (rig.nudger.to_work, rig.nudger.to_notices) == ([], [])

    async def test_the_caller_may_reject_and_not_confirm(self, rig: Rig) -> None:
        approval = await rig.asked(a.start_event(caller=a.caller(email="carol@contoso.com")))
        carol = a.actor(slack_user="U0CAROL01", name="Carol", email="carol@contoso.com")
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.CONFIRM, approval.id, carol)
        assert (await rig.decide(Answer.REJECT, approval.id, carol)).containment is not None

    async def test_a_right_lost_between_dialog_and_deed_is_lost(self, rig: Rig) -> None:
        approval = await rig.asked()
        olga = a.oncall()
        await rig.decide.may(Answer.REJECT, approval.id, olga)
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.REJECT, approval.id, olga.changed(on_call=False))
        assert (await rig.store.approval(approval.id)).open

    async def test_asking_whether_one_may_writes_nothing(self, rig: Rig) -> None:
        approval = await rig.asked()
        before = await rig.audit()
        assert await rig.decide.may(Answer.CONFIRM, approval.id, a.actor()) == approval
        assert await rig.audit() == before


class TestRaces:
    @pytest.mark.parametrize("first", Answer)
    @pytest.mark.parametrize("second", Answer)
    async def test_a_late_click_is_told_who_decided(self, rig: Rig, first: Answer, second: Answer) -> None:
        approval = await rig.asked()
        await rig.decide(first, approval.id, a.actor())
        stored = await rig.store.approval(approval.id)
        rig.nudger.clear()
        with pytest.raises(AlreadyDecided, match=r"(Confirmed|Rejected) by Alice Example"):
            await rig.decide(second, approval.id, a.oncall())
        with pytest.raises(AlreadyDecided, match=r"by Alice Example"):
            await rig.decide.may(second, approval.id, a.oncall())
        assert await rig.store.approval(approval.id) == stored
        assert (rig.nudger.to_work, rig.nudger.to_notices) == ([], [])

    async def test_of_many_clicks_at_once_exactly_one_wins(self, rig: Rig) -> None:
        approval = await rig.asked()
        people = [a.actor(), a.oncall()] * 6
        clicks = [
            rig.decide(Answer.CONFIRM if n % 3 else Answer.REJECT, approval.id, who)
            for n, who in enumerate(people)
        ]
        results = await asyncio.gather(*clicks, return_exceptions=True)
        assert sum(not isinstance(r, BaseException) for r in results) == 1
        assert sum(isinstance(r, AlreadyDecided) for r in results) == len(people) - 1
        kinds = [k for k in await rig.kinds() if k in ("approval.confirmed", "approval.rejected")]
        assert len(kinds) == 1

    async def test_a_click_after_the_end_is_told_that_it_expired(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.clock.to(approval.expire_at)
        await rig.look(approval.id)
        with pytest.raises(AlreadyDecided, match="Expired: nobody answered in time"):
            await rig.decide(Answer.REJECT, approval.id, a.actor())

    async def test_a_click_after_a_lockdown_is_told_of_it(self, rig: Rig) -> None:
        approval = await rig.asked()
        await rig.lock_down(a.vm_ref(), a.oncall(), approval.terms.lockdown)
        with pytest.raises(AlreadyDecided, match="Withdrawn: locked down by Olga Oncall"):
            await rig.decide(Answer.CONFIRM, approval.id, a.actor())


class TestOneContainmentAVm:
    async def test_a_second_rejection_joins_and_is_shown_on_both_cards(self, rig: Rig) -> None:
        one = await rig.asked()
        two = await rig.asked(a.start_event(correlation_id="another"))
        first = await rig.decide(Answer.REJECT, one.id, a.actor())
        second = await rig.decide(Answer.REJECT, two.id, a.oncall())
        assert first.containment is not None
        assert second.containment is not None
        assert second.containment.id == first.containment.id
        stored = await rig.store.containment(first.containment.id)
        assert stored.cards == (one.id, two.id)
        assert stored.cause.by == a.actor()

    async def test_rejections_at_the_same_moment_make_one(self, rig: Rig) -> None:
        approvals = [await rig.asked(a.start_event(correlation_id=f"start-{n}")) for n in range(4)]
        decided = await asyncio.gather(*(rig.decide(Answer.REJECT, x.id, a.actor()) for x in approvals))
        assert len({d.containment.id for d in decided if d.containment}) == 1

    async def test_a_rejection_is_never_content_with_less_than_its_card_said(self, rig: Rig) -> None:
        """Silence had the VM isolated only; the rejection of another start says stop and back up too."""
        silent = await rig.asked()
        other = await rig.asked(a.start_event(correlation_id="another"))
        await isolated_on_silence(rig, silent.id)
        decided = await rig.decide(Answer.REJECT, other.id, a.actor())
        assert decided.containment is not None
        done = await rig.until_rest(decided.containment.id)
        assert {step.name for step in done.steps} == set(other.terms.lockdown.steps)


async def isolated_on_silence(rig: Rig, approval_id: str) -> None:
    """As if the policy had said ``isolate`` when this one opened."""
    approval = await rig.store.approval(approval_id)
    terms = approval.terms.changed(on_silence=OnSilence.ISOLATE, expire_after=timedelta(minutes=20))
    await rig.store.commit(
        Commit(partition=int(approval_id[1], 16), documents=(approval.changed(terms=terms),))
    )
    rig.clock.advance(timedelta(minutes=21))
    await rig.look(approval_id)
    containment_id = (await rig.store.approval(approval_id)).containment_id
    assert containment_id is not None
    await rig.until_rest(containment_id)


class TestCrashes:
    @pytest.mark.parametrize("crashes", [1, 2])
    async def test_a_rejection_whose_nudges_were_lost_is_carried_out(self, rig: Rig, crashes: int) -> None:
        approval = await rig.asked()
        await rig.store.commit(
            Commit(partition=int(approval.id[1], 16), shown=((approval.id, approval.version),))
        )
        rig.nudger.crashes = crashes
        with pytest.raises(CrashError):
            await rig.decide(Answer.REJECT, approval.id, a.actor())
        rig.nudger.crashes = 0
        rig.clock.advance(60)
        resynced = await rig.resync()
        assert (resynced.overdue, resynced.unshown) == (1, 2)
        (nudge,) = rig.worked(Subject.CONTAINMENT)
        done = await rig.until_rest(nudge.id)
        assert done.state is ContainmentState.CONTAINED
        assert approval.id in {n.id for n in rig.nudger.to_notices}

    async def test_whoever_clicks_again_after_a_crash_is_told_their_own_answer_stands(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.decide(Answer.REJECT, approval.id, a.actor())
        with pytest.raises(AlreadyDecided, match="Rejected by Alice Example"):
            await rig.decide(Answer.REJECT, approval.id, a.actor())
