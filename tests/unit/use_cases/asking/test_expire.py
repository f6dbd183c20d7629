"""Silence: reminded, escalated, ended, and never anybody's rejection."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.domain.policy.model import Defaults, OnSilence, OnUndelivered
from workers.domain.ports.store import Commit
from workers.use_cases.asking.expire import SILENCE_WORDS

HOUR = timedelta(minutes=60)


def rig_with(on_silence: OnSilence) -> Rig:
    return Rig(a.policy(defaults=Defaults(on_silence=on_silence)))


async def silent(rig: Rig) -> Approval:
    """An approval that nobody answered, looked at once at its end."""
    approval = await rig.asked()
    rig.clock.advance(HOUR)
    await rig.look(approval.id)
    return await rig.store.approval(approval.id)


class TestAsking:
    async def test_the_clock_starts_when_the_card_reached_slack(self, rig: Rig) -> None:
        opened = await rig.open(a.start_event())
        rig.clock.advance(90)
        await rig.note_asked(opened.document_id, (a.ALICE,), notice="only in the channel")
        approval = await rig.store.approval(opened.document_id)
        assert approval.asked_at == a.NOW + timedelta(seconds=90)
        assert (approval.asked_whom, approval.notice) == ((a.ALICE,), "only in the channel")
        (nudge,) = rig.nudger.to_work
        assert (nudge.id, nudge.version, nudge.due) == (approval.id, approval.version, approval.remind_at)

    async def test_noting_it_again_changes_nothing(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.clock.advance(60)
        await rig.note_asked(approval.id, (a.ALICE,))
        assert await rig.store.approval(approval.id) == approval
        assert rig.nudger.to_work == []

    async def test_noting_it_after_the_answer_changes_nothing(self, rig: Rig) -> None:
        approval = await rig.asked()
        await rig.decide(a.Answer.CONFIRM, approval.id, a.actor())
        before = await rig.store.approval(approval.id)
        await rig.note_asked(approval.id, (a.OLGA,))
        assert await rig.store.approval(approval.id) == before

    async def test_the_time_of_sending_counts_not_that_of_writing(self, rig: Rig) -> None:
        opened = await rig.open(a.start_event())
        rig.clock.advance(300)
        await rig.note_asked(opened.document_id, (), at=a.NOW + timedelta(seconds=1))
        assert (await rig.store.approval(opened.document_id)).asked_at == a.NOW + timedelta(seconds=1)

    async def test_a_crash_before_the_nudge_is_made_up_for(self, rig: Rig) -> None:
        opened = await rig.open(a.start_event())
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.note_asked(opened.document_id, (a.ALICE,))
        rig.clock.advance(timedelta(minutes=11))
        await rig.resync()
        assert [n.id for n in rig.worked(Subject.APPROVAL)] == [opened.document_id]


class TestDeadlines:
    async def test_nothing_happens_before_its_time_but_the_next_look_is_arranged(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.clock.to(approval.remind_at - timedelta(milliseconds=1))
        await rig.look(approval.id)
        assert await rig.store.approval(approval.id) == approval
        assert [(n.due, n.version) for n in rig.nudger.to_work] == [(approval.remind_at, approval.version)]
        assert rig.nudger.to_notices == []

    async def test_reminder_escalation_and_end_come_in_order(self, rig: Rig) -> None:
        approval = await rig.asked()
        for moment in (approval.remind_at, approval.escalate_at, approval.expire_at):
            rig.clock.to(moment)
            await rig.look(approval.id)
        ended = await rig.store.approval(approval.id)
        assert (ended.reminded_at, ended.escalated_at) == (approval.remind_at, approval.escalate_at)
        assert ended.state is ApprovalState.EXPIRED
        kinds = await rig.kinds()
        assert kinds[-3:] == ["approval.reminded", "approval.escalated", "approval.expired"]
        versions = [n.version for n in rig.nudger.to_notices]
        assert versions == [approval.version + 1, approval.version + 2, approval.version + 3]

    async def test_doubled_looks_do_each_thing_once(self, rig: Rig) -> None:
        approval = await rig.asked()
        for moment in (approval.remind_at, approval.escalate_at, approval.expire_at):
            rig.clock.to(moment)
            await asyncio.gather(*(rig.look(approval.id) for _ in range(5)))
        kinds = await rig.kinds()
        for kind in ("approval.reminded", "approval.escalated", "approval.expired"):
            assert kinds.count(kind) == 1

    async def test_a_worker_that_comes_late_goes_straight_to_the_end(self, rig: Rig) -> None:
        approval = await silent(rig)
        assert approval.state is ApprovalState.EXPIRED
        assert approval.reminded_at is None

    async def test_an_answer_ends_the_waiting(self, rig: Rig) -> None:
        approval = await rig.asked()
        await rig.decide(a.Answer.CONFIRM, approval.id, a.actor())
        decided = await rig.store.approval(approval.id)
        rig.clock.advance(HOUR * 2)
        rig.nudger.clear()
        await rig.look(approval.id)
        assert await rig.store.approval(approval.id) == decided
        assert (rig.nudger.to_work, rig.nudger.to_notices) == ([], [])

    async def test_a_card_that_is_not_in_slack_yet_is_the_bots_to_send(self, rig: Rig) -> None:
        opened = await rig.open(a.start_event())
        rig.nudger.clear()
        rig.clock.advance(timedelta(minutes=50))
        await rig.look(opened.document_id)
        approval = await rig.store.approval(opened.document_id)
        assert approval.open
        assert approval.escalated_at is None
        assert [n.id for n in rig.nudger.to_notices] == [opened.document_id]

    async def test_a_reminder_that_is_due_after_the_escalation_is_not_sent(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.clock.to(approval.escalate_at)  # no worker ran meanwhile
        for _ in range(3):
            await rig.look(approval.id)
        kinds = await rig.kinds()
        assert (kinds.count("approval.escalated"), kinds.count("approval.reminded")) == (1, 0)
        assert (await rig.store.approval(approval.id)).reminded_at is None

    async def test_what_is_not_there_is_not_found(self, rig: Rig) -> None:
        with pytest.raises(NotFound):
            await rig.look("a" + "0" * 25)


class TestNobodyCouldBeAsked:
    async def _undelivered(self, rig: Rig) -> Approval:
        """Looked at three times at its deadline, at which its card has reached nobody."""
        opened = await rig.open(a.start_event())
        rig.clock.advance(HOUR)
        rig.nudger.clear()
        for _ in range(3):
            await rig.look(opened.document_id)
        return await rig.store.approval(opened.document_id)

    @pytest.mark.parametrize("on_silence", OnSilence)
    async def test_on_call_is_told_once_and_nothing_is_contained(self, on_silence: OnSilence) -> None:
        rig = rig_with(on_silence)
        approval = await self._undelivered(rig)
        assert (approval.open, approval.escalated_at) == (True, rig.clock.now())
        assert (await rig.kinds()).count("approval.escalated") == 1
        assert rig.worked(Subject.CONTAINMENT) == []
        assert [n.id for n in rig.nudger.to_notices] == [approval.id] * 3, "the bot is to try each time"

    async def test_it_is_not_scheduled_for_a_time_that_is_past(self, rig: Rig) -> None:
        await self._undelivered(rig)
        assert rig.nudger.to_work == []

    async def test_once_somebody_is_asked_their_whole_time_counts(self) -> None:
        rig = rig_with(OnSilence.CONTAIN)
        approval = await self._undelivered(rig)
        await rig.note_asked(approval.id, (a.ALICE,))
        rig.clock.advance(HOUR - timedelta(seconds=1))
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).open
        rig.clock.advance(1)
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).containment_id is not None

    async def test_the_policy_can_have_the_vm_contained(self) -> None:
        rig = Rig(a.policy(defaults=Defaults(on_undelivered=OnUndelivered.CONTAIN)))
        approval = await self._undelivered(rig)
        assert approval.state is ApprovalState.EXPIRED
        assert approval.closed_because == "nobody could be asked; the policy contains the VM"
        assert approval.containment_id is not None
        contained = await rig.until_rest(approval.containment_id)
        assert contained.state is ContainmentState.CONTAINED, "it is justified by what is on record"


class TestWhatSilenceDoes:
    @pytest.mark.parametrize("on_silence", [OnSilence.LEAVE, OnSilence.ESCALATE])
    async def test_left_alone_the_vm_is_not_touched(self, on_silence: OnSilence) -> None:
        rig = rig_with(on_silence)
        approval = await silent(rig)
        assert approval.closed_because == SILENCE_WORDS[on_silence]
        assert approval.containment_id is None
        assert (approval.escalated_at is not None) is (on_silence is OnSilence.ESCALATE)
        record = await rig.store.vm_record(a.vm_ref())
        assert (record.containment_id, record.open_approvals) == (None, ())
        assert rig.worked(Subject.CONTAINMENT) == []

    @pytest.mark.parametrize(
        ("on_silence", "steps"),
        [(OnSilence.ISOLATE, {StepName.ISOLATE}), (OnSilence.CONTAIN, set(LockdownProfile().steps))],
    )
    async def test_the_policys_word_contains_and_is_carried_out(
        self, on_silence: OnSilence, steps: set[StepName]
    ) -> None:
        rig = rig_with(on_silence)
        approval = await silent(rig)
        (nudge,) = rig.worked(Subject.CONTAINMENT)
        assert approval.containment_id == nudge.id
        done = await rig.until_rest(nudge.id)
        assert done.state is ContainmentState.CONTAINED
        assert {s.name for s in done.steps} == steps
        assert {name for name, runner in rig.runners.items() if runner.begun} == steps

    @pytest.mark.parametrize("on_silence", OnSilence)
    async def test_silence_is_never_anybodys_rejection(self, on_silence: OnSilence) -> None:
        rig = rig_with(on_silence)
        approval = await silent(rig)
        assert approval.state is ApprovalState.EXPIRED
        assert approval.decision is None
        assert "reject" not in approval.outcome().lower() + approval.closed_because.lower()
        assert "approval.rejected" not in await rig.kinds()
        record = next(r for r in await rig.audit() if r.kind == "approval.expired")
        assert (record.by, record.details["on_silence"]) == ("startgate", on_silence)
        if approval.containment_id:
            cause = (await rig.store.containment(approval.containment_id)).cause
            assert (cause.kind, cause.by) == (CauseKind.SILENCE, None)

    async def test_silence_joins_the_containment_that_stands(self) -> None:
        rig = rig_with(OnSilence.CONTAIN)
        asked = await rig.asked()
        other = await rig.asked_beside(asked, "another")
        containment = await rig.rejected()
        await rig.until_rest(containment.id)
        # Earlier versions left a VM's other questions open.
        withdrawn = await rig.store.approval(other.id)
        await rig.store.commit(
            Commit(partition=partition_of_id(other.id), documents=(other.changed(version=withdrawn.version),))
        )
        rig.clock.to(other.expire_at)
        await rig.look(other.id)
        assert (await rig.store.approval(other.id)).containment_id == containment.id
        standing = await rig.store.containment(containment.id)
        assert standing.cause.kind is CauseKind.REJECTION
        assert other.id in standing.cards

    @pytest.mark.parametrize(
        ("on_silence", "because"),
        [
            (OnSilence.ISOLATE, "the policy isolates the VM"),
            (OnSilence.CONTAIN, "the policy contains the VM"),
        ],
    )
    async def test_silence_that_contains_withdraws_the_other_questions(
        self, on_silence: OnSilence, because: str
    ) -> None:
        rig = rig_with(on_silence)
        first = await rig.asked()
        rig.clock.advance(HOUR / 2)
        other = await rig.asked_beside(first, "another", rig.clock.now())
        rig.clock.to(first.expire_at)
        rig.nudger.clear()
        await rig.look(first.id)
        expired, withdrawn = await rig.store.approval(first.id), await rig.store.approval(other.id)
        assert (expired.state, withdrawn.state) == (ApprovalState.EXPIRED, ApprovalState.WITHDRAWN)
        assert withdrawn.closed_because == f"nobody answered about another start of this VM; {because}"
        assert expired.containment_id is not None
        assert withdrawn.containment_id == expired.containment_id
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()
        assert {nudge.id for nudge in rig.nudger.to_notices} == {first.id, other.id}

    @pytest.mark.parametrize("crashes", [1, 2])
    async def test_a_crash_after_the_end_was_written_is_made_up_for(self, crashes: int) -> None:
        rig = rig_with(OnSilence.CONTAIN)
        approval = await rig.asked()
        rig.clock.to(approval.expire_at)
        rig.nudger.crashes = crashes
        with pytest.raises(CrashError):
            await rig.look(approval.id)
        rig.nudger.crashes = 0
        rig.nudger.clear()
        rig.clock.advance(60)
        await rig.resync()
        (nudge,) = rig.worked(Subject.CONTAINMENT)
        assert (await rig.until_rest(nudge.id)).state is ContainmentState.CONTAINED
        assert approval.id in {n.id for n in rig.nudger.to_notices}

    async def test_a_click_at_the_very_end_and_the_end_do_not_both_happen(self) -> None:
        rig = rig_with(OnSilence.CONTAIN)
        approval = await rig.asked()
        rig.clock.to(approval.expire_at)
        await asyncio.gather(
            rig.look(approval.id),
            rig.decide(a.Answer.CONFIRM, approval.id, a.actor()),
            return_exceptions=True,
        )
        closed = await rig.store.approval(approval.id)
        record = await rig.store.vm_record(a.vm_ref())
        assert (closed.state is ApprovalState.EXPIRED) is (record.containment_id is not None)
        assert (closed.decision is None) is (closed.state is ApprovalState.EXPIRED)
