"""When an approval is looked at: reminder, escalation, end; and when their clock starts."""

from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.asking.approvals import FILL_IN_AFTER, ApprovalState
from workers.domain.starts.facts import MissingFact

ASKED = a.NOW + timedelta(minutes=4)


class TestTheClock:
    def test_deadlines_count_from_the_moment_the_card_reached_slack(self) -> None:
        approval = a.approval(asked_at=ASKED)
        assert approval.remind_at == ASKED + timedelta(minutes=10)
        assert approval.escalate_at == ASKED + timedelta(minutes=20)
        assert approval.expire_at == ASKED + timedelta(minutes=60)

    def test_silence_counts_only_from_when_somebody_was_asked_however_late(self) -> None:
        late = a.NOW + timedelta(hours=9)
        assert a.approval(asked_at=late).expire_at == late + timedelta(minutes=60)

    def test_nobody_asked_by_the_deadline_is_no_silence(self) -> None:
        approval, hour = a.approval(asked_at=None, asked_whom=()), timedelta(minutes=60)
        assert not approval.undelivered(a.NOW + hour - timedelta(seconds=1))
        assert approval.undelivered(a.NOW + hour)
        assert not a.approval(asked_at=ASKED).undelivered(a.NOW + 9 * hour)

    def test_an_ask_that_has_not_reached_slack_is_due_at_once(self) -> None:
        assert a.approval(asked_at=None, asked_whom=()).due_at() == a.NOW

    def test_a_second_copy_does_not_start_the_clock_again(self) -> None:
        approval = a.approval(asked_at=None, asked_whom=()).asked(ASKED, (a.ALICE,))
        again = approval.asked(ASKED + timedelta(minutes=5), (a.OLGA, a.ALICE))
        assert again.asked_at == ASKED
        assert again.asked_whom == (a.ALICE, a.OLGA)

    def test_the_notice_is_that_of_the_last_time(self) -> None:
        approval = a.approval().asked(ASKED, (), "nobody in Slack has that address")
        assert approval.asked(ASKED, (a.ALICE,)).notice == ""


class TestMissingFacts:
    MISSING = a.facts(network=None, missing=(MissingFact(name="network", reason="timeout"),))

    def test_they_are_read_again_a_few_times_with_growing_pauses(self) -> None:
        approval, waits = a.approval(facts=self.MISSING), []
        for _ in range(20):
            approval = approval.filling_in(a.NOW)
            if approval.fill_in_at is None:
                break
            assert approval.due_at() == approval.fill_in_at
            waits.append(approval.fill_in_at - a.NOW)
        assert tuple(waits) == FILL_IN_AFTER
        assert approval.due_at() == approval.remind_at

    def test_nothing_is_read_again_when_nothing_is_missing(self) -> None:
        assert a.approval().filling_in(a.NOW).fill_in_at is None


class TestWhatIsDueNext:
    def test_the_reminder_comes_first_then_on_call_then_the_end(self) -> None:
        approval = a.approval(asked_at=ASKED)
        assert approval.due_at() == approval.remind_at
        approval = approval.reminded(approval.remind_at)
        assert approval.due_at() == approval.escalate_at
        approval = approval.escalated(approval.escalate_at)
        assert approval.due_at() == approval.expire_at

    def test_no_reminder_is_due_after_the_escalation(self) -> None:
        approval = a.approval(asked_at=ASKED).escalated(ASKED + timedelta(minutes=1))
        assert approval.due_at() == approval.expire_at

    def test_a_deadline_at_the_very_end_is_left_out(self) -> None:
        hour = timedelta(minutes=60)
        approval = a.approval(terms=a.terms(remind_after=hour, escalate_after=hour, expire_after=hour))
        assert approval.due_at() == approval.expire_at

    @pytest.mark.parametrize("state", [s for s in ApprovalState if not a.approval(state=s).open])
    def test_nothing_is_due_once_it_is_closed(self, state: ApprovalState) -> None:
        assert a.approval(state=state).due_at() is None
