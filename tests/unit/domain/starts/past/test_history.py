"""What is remembered, summed up as it was just before one start."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests import builders as a
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.past.entries import (
    Past,
    PastStart,
    What,
    caller_key,
    of_answer,
    of_event,
    past_start,
)
from workers.domain.starts.past.history import History, Seen, history
from workers.domain.starts.risk_settings import RiskSettings

NOW = a.start_event()
DAY = timedelta(days=1)


def earlier(by: timedelta, n: int = 0, **changes: object) -> StartEvent:
    return a.start_event(at=NOW.at - by, correlation_id=f"earlier-{by}-{n}", **changes)


def summed(*entries: PastStart, of_vm: tuple[PastStart, ...] | None = None, now: StartEvent = NOW) -> History:
    return history(Past(entries if of_vm is None else of_vm, entries), now, RiskSettings())


def test_nothing_is_known_at_first() -> None:
    assert history(Past(), NOW, RiskSettings()) == History(caller_known=True)


def test_starts_are_counted_by_day_hour_and_caller() -> None:
    robot = a.caller(object_id="robot")
    past = summed(
        of_event(earlier(3 * DAY, caller=robot), passed=True),
        of_event(earlier(2 * DAY)),
        of_event(earlier(2 * DAY, 2)),
        of_event(earlier(timedelta(hours=2))),
    )
    assert (past.vm_starts, past.vm_days, past.by_caller, past.callers) == (4, 3, 3, 2)
    assert past.passed == 1
    assert past.vm_last_at == NOW.at - timedelta(hours=2)
    assert (past.vm_hours[3], past.vm_hours[1]) == (3, 1)


def test_neither_its_own_telling_nor_what_came_later_counts() -> None:
    told = of_event(NOW.changed(phase=Phase.SUCCEEDED, at=NOW.at - timedelta(seconds=5)))
    later = of_event(earlier(-timedelta(minutes=1)))
    assert summed(told, later) == history(Past(), NOW, RiskSettings())


def test_a_start_that_is_told_twice_is_one() -> None:
    first = earlier(DAY)
    assert summed(of_event(first), of_event(first.changed(phase=Phase.SUCCEEDED))).vm_starts == 1


def test_a_failed_start_is_an_attempt_and_no_start() -> None:
    begun = [earlier(timedelta(minutes=m), n) for n, m in enumerate((5, 59, 61))]
    entries = [of_event(one) for one in begun]
    failed = [of_event(one.changed(phase=Phase.FAILED)) for one in begun]
    past = summed(*entries, *failed)
    assert (past.vm_starts, past.failed_before) == (0, 2), "the third is longer ago than an hour"


def test_answers_say_who_usually_answers_and_when_somebody_rejected() -> None:
    at = NOW.at - DAY
    past = summed(
        of_answer(What.CONFIRMED, at, "a1", NOW, "Alice"),
        of_answer(What.CONFIRMED, at, "a2", NOW, "Alice"),
        of_answer(What.REJECTED, at, "a3", NOW, "Olga"),
        of_answer(What.SILENT, at, "a4", NOW),
    )
    assert (past.confirmed, past.rejected, past.silent) == (2, 1, 1)
    assert (past.usual_answerer, past.usual_answers) == ("Alice", 2)
    assert past.rejected_at == at
    assert past.vm_starts == 0


def test_networks_and_clients_are_counted_by_days() -> None:
    home, trip = a.caller(ip="198.51.100.9"), a.caller(ip="192.0.2.1", app_id="other")
    past = summed(
        *(of_event(earlier(n * DAY, caller=home)) for n in (1, 2, 3)),
        of_event(earlier(2 * DAY, 1, caller=trip)),
    )
    assert past.networks == (Seen(what="198.51.100.0/24", days=3), Seen(what="192.0.2.0/24", days=1))
    assert (past.networks_count, past.network_days, past.caller_days) == (2, 0, 3)
    assert past.clients[0] == Seen(what=a.AZURE_CLI, days=3)
    assert past.client_days == 3


def test_vms_within_minutes_are_counted_and_days_on_which_it_was_so_before() -> None:
    def burst(by: timedelta, count: int) -> list[PastStart]:
        return [
            of_event(earlier(by + timedelta(seconds=n), n, vm=a.vm_ref(name=f"vm-{n}"))) for n in range(count)
        ]

    before = (*burst(2 * DAY, 5), *burst(DAY, 4))
    past = summed(*before, *burst(timedelta(seconds=5), 4), of_vm=())
    assert (past.recent_vms, past.busy_days) == (5, 1), "with this one, and without the day of four"
    assert summed(*before, *burst(timedelta(seconds=5), 3), of_vm=()).busy_days == 0, "nobody needs it"
    twice = [of_event(earlier(timedelta(minutes=1), n)) for n in range(7)]
    assert summed(*twice).recent_vms == 1, "one VM that is started often is one"


def test_callers_whom_azure_does_not_name_have_no_history() -> None:
    nobody = a.caller(object_id="", email="", app_id="")
    assert caller_key(nobody) == ""
    past = summed(of_event(earlier(DAY, caller=nobody)), now=NOW.changed(caller=nobody))
    assert (past.caller_known, past.by_caller) == (False, 0)


@given(st.text(), st.text(), st.text(max_size=20), st.sampled_from(What))
def test_an_entry_reads_back_whatever_is_in_it(who: str, client: str, by: str, what: What) -> None:
    entry = PastStart(NOW.at, what, "id", who=who, client=client, by=by)
    assert past_start(entry.text, NOW.at) == entry


@given(st.text() | st.binary())
def test_an_entry_that_cannot_be_read_is_none(text: str | bytes) -> None:
    entry = past_start(text, NOW.at)
    assert entry is None or isinstance(entry, PastStart)


def test_an_entry_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    assert past_start('["started","id","who","vm","net","app","by","new"]', NOW.at) == PastStart(
        NOW.at, What.STARTED, "id", "who", "vm", "net", "app", "by"
    )
    assert past_start('["teleported","id"]', NOW.at) is None
