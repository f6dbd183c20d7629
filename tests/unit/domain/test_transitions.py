"""Every pair of states: what the tables allow works, everything else is refused and changes nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.asking.announced import asked_after_all
from workers.domain.asking.approvals import FIRST, TRANSITIONS, Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import (
    STEP_TRANSITIONS,
    Containment,
    ContainmentState,
    StepState,
    retry_delay,
)
from workers.domain.containment.containment import TRANSITIONS as CONTAINMENT_TRANSITIONS
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import AlreadyDecided, Conflict

AT = a.NOW + timedelta(minutes=3)


def _asking(approval: Approval) -> Approval:
    told = approval.state is ApprovalState.TOLD
    return asked_after_all(approval, a.terms(), AT) if told else approval.undone(a.actor(), AT)


GO: dict[ApprovalState, Callable[[Approval], Approval]] = {
    ApprovalState.PENDING: _asking,
    ApprovalState.CONFIRMED: lambda approval: approval.decided(a.decision(answer=Answer.CONFIRM, at=AT)),
    ApprovalState.REJECTED: lambda approval: approval.decided(a.decision(at=AT), containment_id="c" * 26),
    ApprovalState.EXPIRED: lambda approval: approval.expired(AT, "nobody answered"),
    ApprovalState.WITHDRAWN: lambda approval: approval.withdrawn(AT, "the VM was stopped"),
    ApprovalState.JOINED: lambda approval: approval.joins("a" * 26, AT),
}


class TestApprovals:
    def test_the_table_is_what_the_design_says(self) -> None:
        first = {ApprovalState.PENDING, ApprovalState.TOLD, ApprovalState.RULED}
        ends = frozenset(set(ApprovalState) - first - {ApprovalState.OBSERVED})
        assert {
            **{s: frozenset() for s in ApprovalState},
            ApprovalState.PENDING: ends,
            ApprovalState.TOLD: (ends - {ApprovalState.CONFIRMED}) | {ApprovalState.PENDING},
            ApprovalState.CONFIRMED: frozenset({ApprovalState.PENDING}),
        } == TRANSITIONS
        assert set(FIRST.values()) == first

    @pytest.mark.parametrize("target", GO)
    @pytest.mark.parametrize("state", ApprovalState)
    def test_only_what_the_table_allows_happens(self, state: ApprovalState, target: ApprovalState) -> None:
        approval = a.approval(state=state, undo_until=AT + timedelta(seconds=1))
        before = approval.model_dump_json()
        if target in TRANSITIONS[state]:
            moved = GO[target](approval)
            assert moved.state is target
            assert moved.closed_at == (None if moved.open else AT)
        else:
            with pytest.raises(AlreadyDecided) as raised:
                GO[target](approval)
            assert raised.value.outcome == approval.outcome()
        assert approval.model_dump_json() == before

    @pytest.mark.parametrize("state", [s for s in ApprovalState if s is not ApprovalState.TOLD])
    def test_only_an_announcement_becomes_a_question(self, state: ApprovalState) -> None:
        with pytest.raises(Conflict):
            asked_after_all(a.approval(state=state), a.terms(), AT)

    @pytest.mark.parametrize("state", [s for s in ApprovalState if s is not ApprovalState.PENDING])
    def test_a_closed_approval_is_neither_reminded_nor_escalated(self, state: ApprovalState) -> None:
        approval = a.approval(state=state)
        with pytest.raises(Conflict):
            approval.reminded(AT)
        with pytest.raises(Conflict):
            approval.escalated(AT)

    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            (ApprovalState.PENDING, "Still open"),
            (ApprovalState.CONFIRMED, "Confirmed by Alice Example"),
            (ApprovalState.REJECTED, "Rejected by Alice Example"),
            (ApprovalState.EXPIRED, "Expired: nobody answered in time"),
            (ApprovalState.WITHDRAWN, "Withdrawn: the VM was stopped before anybody answered"),
            (ApprovalState.TOLD, "Announced only: there is nothing to confirm"),
            (ApprovalState.RULED, "Not asked about: the rule nightly contains this VM without asking"),
            (ApprovalState.OBSERVED, "Only observed: nobody was asked"),
            (ApprovalState.JOINED, "Asked about together with an earlier start"),
        ],
    )
    def test_the_outcome_says_who_or_why(self, state: ApprovalState, outcome: str) -> None:
        assert a.approval(state=state).outcome() == outcome


class TestContainments:
    @pytest.mark.parametrize("target", ContainmentState)
    @pytest.mark.parametrize("state", ContainmentState)
    def test_only_what_the_table_allows_happens(
        self, state: ContainmentState, target: ContainmentState
    ) -> None:
        containment = a.containment(state=state)
        before = containment.model_dump_json()
        if target in CONTAINMENT_TRANSITIONS[state]:
            assert containment.to(target).state is target
        else:
            with pytest.raises(Conflict):
                containment.to(target)
        assert containment.model_dump_json() == before

    def test_contained_is_reached_from_running_alone(self) -> None:
        sources = {
            s for s, targets in CONTAINMENT_TRANSITIONS.items() if ContainmentState.CONTAINED in targets
        }
        assert sources == {ContainmentState.RUNNING}

    def test_only_restored_lets_the_vm_go(self) -> None:
        let_go = {s for s in ContainmentState if not a.containment(state=s).active}
        assert let_go == {ContainmentState.RESTORED}
        assert CONTAINMENT_TRANSITIONS[ContainmentState.RESTORED] == frozenset()

    def test_an_end_has_nothing_due(self) -> None:
        due = {s for s in ContainmentState if a.containment(state=s).due_at() is not None}
        assert due == {ContainmentState.PLANNED, ContainmentState.RUNNING, ContainmentState.RESTORING}


class TestSteps:
    @pytest.mark.parametrize("target", StepState)
    @pytest.mark.parametrize("state", StepState)
    def test_only_what_the_table_allows_happens(self, state: StepState, target: StepState) -> None:
        step = a.step(state=state)
        before = step.model_dump_json()
        if target in STEP_TRANSITIONS[state]:
            assert step.to(target).state is target
        else:
            with pytest.raises(Conflict):
                step.to(target)
        assert step.model_dump_json() == before

    def test_done_is_reached_from_started_alone(self) -> None:
        assert {s for s, targets in STEP_TRANSITIONS.items() if StepState.DONE in targets} == {
            StepState.STARTED
        }


def _with(states: dict[StepName, StepState]) -> Containment:
    steps = tuple(a.step(name=name, state=state) for name, state in states.items())
    return a.containment(state=ContainmentState.RUNNING, steps=steps)


class TestWhatIsReady:
    def test_isolate_and_stop_begin_together_and_backup_waits_for_the_stop(self) -> None:
        fresh = _with(dict.fromkeys(LockdownProfile().steps, StepState.TODO))
        assert {step.name for step in fresh.ready(a.NOW)} == {StepName.ISOLATE, StepName.STOP}

    @pytest.mark.parametrize("ended", [StepState.DONE, StepState.FAILED, StepState.SKIPPED])
    def test_a_need_that_ended_badly_is_met_too(self, ended: StepState) -> None:
        containment = _with(
            {StepName.ISOLATE: StepState.TODO, StepName.STOP: ended, StepName.BACKUP: StepState.TODO}
        )
        assert StepName.BACKUP in {step.name for step in containment.ready(a.NOW)}

    def test_a_need_that_the_profile_leaves_out_holds_nothing_up(self) -> None:
        alone = _with({StepName.BACKUP: StepState.TODO})
        assert [step.name for step in alone.ready(a.NOW)] == [StepName.BACKUP]

    def test_a_retry_waits_for_its_time(self) -> None:
        later = a.NOW + timedelta(seconds=8)
        containment = a.containment(steps=(a.step(look_at=later),))
        assert not containment.ready(later - timedelta(milliseconds=1))
        assert containment.ready(later)
        assert containment.due_at() == later

    def test_a_poll_waits_for_its_time(self) -> None:
        later = a.NOW + timedelta(seconds=8)
        containment = a.containment(
            state=ContainmentState.RUNNING, steps=(a.step(state=StepState.STARTED, look_at=later),)
        )
        assert not containment.under_way(later - timedelta(milliseconds=1))
        assert containment.under_way(later)

    def test_an_unknown_step_is_a_key_error(self) -> None:
        with pytest.raises(KeyError):
            _with({StepName.STOP: StepState.TODO}).step(StepName.BACKUP)

    def test_retries_back_off_and_never_wait_longer_than_two_minutes(self) -> None:
        waits = [retry_delay(n).total_seconds() for n in range(1, 12)]
        assert waits[:4] == [2, 4, 8, 16]
        assert waits == sorted(waits)
        assert max(waits) == 120
