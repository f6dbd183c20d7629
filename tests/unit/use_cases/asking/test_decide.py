"""One answer wins, every other is told so, and nobody answers who may not."""

import asyncio

import pytest

from tests import acting
from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.domain.errors import AlreadyDecided, NewerDocument, NotAllowed, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor, Owner

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
    async def test_a_rejection_withdraws_the_other_questions_and_says_why(self, rig: Rig) -> None:
        one = await rig.asked()
        two = await rig.asked_beside(one, "another")
        first = await rig.decide(Answer.REJECT, one.id, a.actor())
        assert first.containment is not None
        with pytest.raises(AlreadyDecided, match="another start of this VM was rejected by Alice Example"):
            await rig.decide(Answer.CONFIRM, two.id, a.actor())
        withdrawn = await rig.store.approval(two.id)
        assert (withdrawn.state, withdrawn.containment_id) == (ApprovalState.WITHDRAWN, first.containment.id)
        stored = await rig.store.containment(first.containment.id)
        assert stored.cards == (one.id, two.id)
        assert stored.cause.by == a.actor()
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()
        assert {nudge.id for nudge in rig.nudger.to_notices} == {one.id, two.id}
        (record,) = [r for r in await rig.audit() if r.kind == "approval.withdrawn"]
        assert (record.about, record.by) == (two.id, a.actor().label)
        assert record.details == {
            "because": "another start of this VM was rejected by Alice Example",
            "containment": stored.id,
        }

    async def test_rejections_at_the_same_moment_make_one(self, rig: Rig) -> None:
        first = await rig.asked()
        approvals = [first, *[await rig.asked_beside(first, f"start-{n}") for n in range(3)]]
        decided = await asyncio.gather(
            *(rig.decide(Answer.REJECT, x.id, a.actor()) for x in approvals), return_exceptions=True
        )
        assert [type(one) for one in decided].count(AlreadyDecided) == 3
        states = [(await rig.store.approval(x.id)).state for x in approvals]
        assert sorted(states) == [ApprovalState.REJECTED, *[ApprovalState.WITHDRAWN] * 3]

    async def test_a_rejection_goes_ahead_where_a_newer_version_wrote_another_question(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = await rig.asked()
        two = await rig.asked_beside(one, "another")
        read = rig.store.approval

        async def approval(approval_id: str) -> Approval:
            if approval_id == two.id:
                raise NewerDocument("from a newer version")
            return await read(approval_id)

        monkeypatch.setattr(rig.store, "approval", approval)
        decided = await rig.decide(Answer.REJECT, one.id, a.actor())
        assert decided.containment is not None
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == (two.id,)


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


class TestGroups:
    """A user group owns the VM: who is in it is asked of Slack, and judged again by the workers."""

    TEAM = a.owner(emails=(), usergroups=("S0WEBTEAM1",), source="tag owner")

    class Members:
        """Knows one of the group."""

        def __init__(self) -> None:
            self.asked: list[bool] = []

        async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
            await asyncio.sleep(0)
            self.asked.append(now)
            named = [group for owner in owners for group in owner.groups]
            return actor.changed(groups=tuple(named)) if actor.slack_user == MALLORY.slack_user else actor

    async def test_a_member_may_answer_and_nobody_else(self, rig: Rig) -> None:
        approval = await rig.asked()
        await rig.store.commit(
            Commit(partition=partition_of_id(approval.id), documents=(approval.changed(owner=self.TEAM),))
        )
        members = self.Members()
        decide = acting.decide(store=rig.store, nudger=rig.nudger, clock=rig.clock, groups=members)
        with pytest.raises(NotAllowed):
            await decide(Answer.CONFIRM, approval.id, a.actor())
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.CONFIRM, approval.id, MALLORY)

        decided = await decide(Answer.REJECT, approval.id, MALLORY)

        assert members.asked == [True, False], "what Slack says now counts for what is dangerous"
        assert decided.approval.decision is not None
        assert decided.approval.decision.by.owns(self.TEAM)

    async def test_where_no_group_owns_it_nobody_is_asked_about_groups(self, rig: Rig) -> None:
        members = self.Members()
        decide = acting.decide(store=rig.store, nudger=rig.nudger, clock=rig.clock, groups=members)
        await decide(Answer.CONFIRM, (await rig.asked()).id, a.actor())
        assert members.asked == []
