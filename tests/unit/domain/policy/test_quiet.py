"""Quiet hours: for whom, on which days, past midnight, and where clocks are changed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.policy.reading import ONCALL, loaded, only
from workers.domain.policy.model import Policy
from workers.domain.policy.quiet import QuietHours, quiet_until

BERLIN = "Europe/Berlin"


def hours(begin: str = "22:00", end: str = "07:00", zone: str = BERLIN, **more: object) -> QuietHours:
    return QuietHours.model_validate({"begin": begin, "end": end, "zone": zone, **more})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24T20:59:59", None),
        ("2026-11-24T21:00:00", "2026-11-25T06:00:00"),
        ("2026-11-25T03:00:00", "2026-11-25T06:00:00"),
        ("2026-11-25T05:59:59", "2026-11-25T06:00:00"),
        ("2026-11-25T06:00:00", None),
        # On 29 March 2026 clocks go forward at 1:00 UTC: the night is an hour shorter.
        ("2026-03-28T21:00:00", "2026-03-29T05:00:00"),
        ("2026-10-24T20:00:00", "2026-10-25T06:00:00"),
    ],
)
def test_they_go_past_midnight_in_their_own_zone(now: str, until: str | None) -> None:
    assert hours().until(utc(now)) == (utc(until) if until else None)


def test_a_day_is_the_one_on_which_they_begin() -> None:
    friday = hours(days=["fri"])
    assert friday.until(utc("2026-11-28T02:00:00")) == utc("2026-11-28T06:00:00"), "Saturday morning"
    assert friday.until(utc("2026-11-27T02:00:00")) is None, "Friday morning belongs to Thursday"


def test_within_a_day_they_end_on_it() -> None:
    assert hours("12:00", "13:30").until(utc("2026-11-24T11:30:00")) == utc("2026-11-24T12:30:00")


@given(st.integers(0, 2 * 365 * 24 * 60))
def test_their_end_lies_ahead_and_within_a_day(minutes: int) -> None:
    now = utc("2026-01-01T00:00:00") + timedelta(minutes=minutes)
    until = hours().until(now)
    assert until is None or now < until <= now + timedelta(hours=10)


def test_they_are_of_whom_they_name_and_without_names_of_everybody() -> None:
    now, morning = utc("2026-11-25T03:00:00"), utc("2026-11-25T06:00:00")
    some = [hours(who=["Alice@contoso.com", "S0WEBTEAM1"]), hours(end="08:00", who=["U0BOB00001"])]
    assert quiet_until(some, {"alice@contoso.com"}, now) == morning
    assert quiet_until(some, {"S0WEBTEAM1", "U0BOB00001"}, now) == morning + timedelta(hours=1)
    assert quiet_until(some, {"U0EVE00001"}, now) is None
    assert quiet_until([hours()], {"U0EVE00001"}, now) == morning
    assert quiet_until([], {"U0EVE00001"}, now) is None


class TestFile:
    def test_one_or_several_are_read(self) -> None:
        one = "{begin: '22:00', end: '07:00', zone: Europe/Berlin}"
        for text, count in ((one, 1), (f"[{one}, {one}]", 2)):
            policy = loaded(ONCALL + f"quiet_hours: {text}\npeople: {{do_not_disturb: false}}\n")
            assert isinstance(policy, Policy), policy
            assert len(policy.quiet_hours) == count
            assert not policy.people.do_not_disturb

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{begin: '22:00', end: '22:00'}", "begin and end are the same"),
            ("{begin: '22:00', end: '07:00', zone: Berlin}", "is no time zone"),
            ("{begin: '22:00', end: '24:00'}", "write a time of day"),
            ("{begin: '22:00', end: '07:00', who: [Bob]}", "write an e-mail address"),
        ],
    )
    def test_what_is_wrong_is_said_in_words(self, text: str, why: str) -> None:
        assert why in only(ONCALL + f"quiet_hours: {text}\n").problem
