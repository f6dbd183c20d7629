"""Windows as people write them ahead."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.starts.ahead.windows import FURTHEST, moment, window

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "begin", "end"),
    [
        ("2h", "UTC", NOON, at(24, 14)),
        (" 1H30M ", "UTC", NOON, at(24, 13, 30)),
        ("22:00-02:00", "UTC", at(24, 22), at(25, 2)),
        ("9:00-13:00", "UTC", at(24, 9), at(24, 13)),  # it is on
        ("09:00 - 11:00", "UTC", at(25, 9), at(25, 11)),  # today's is over
        ("22:00\u201302:00", "Europe/Berlin", at(24, 21), at(25, 1)),
        ("2026-11-25T22:00/4h", "Europe/Berlin", at(25, 21), at(26, 1)),
        ("2026-11-25T22:00Z/2026-11-25T23:00+00:00", "Europe/Berlin", at(25, 22), at(25, 23)),
    ],
)
def test_a_window_is_read(text: str, zone: str, begin: datetime, end: datetime) -> None:
    assert window(text, NOON, ZoneInfo(zone)) == (begin, end)


def test_a_window_past_midnight_that_is_on_is_the_one_that_began_yesterday() -> None:
    assert window("22:00-02:00", at(24, 1)) == (at(23, 22), at(24, 2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "0s",
        "25:00-26:00",
        "2026-11-24T12:00",
        "2026-11-24T12:00/",
        "/",
        "8d",
        "2026-99-99T00:00/1h",
    ],
)
def test_what_is_no_window_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write 2h from now on"):
        window(text, NOON)


def test_a_window_that_is_over_or_far_away_is_refused() -> None:
    with pytest.raises(ValueError, match="over before it begins, or has ended"):
        window("2026-11-23T22:00/1h", NOON)
    with pytest.raises(ValueError, match="over before it begins"):
        window("2026-11-25T22:00/2026-11-25T21:00", NOON)
    with pytest.raises(ValueError, match="at most 7 days ahead"):
        window("2026-12-01T12:01/1h", NOON)


@given(
    st.text(max_size=30) | st.from_regex(r"\d{1,2}:\d\d-\d{1,2}:\d\d", fullmatch=True),
    st.timedeltas(timedelta(0), timedelta(days=365)),
)
def test_any_text_is_a_window_that_has_not_ended_or_is_refused(text: str, later: timedelta) -> None:
    now = NOON + later
    try:
        begin, end = window(text, now, ZoneInfo("Europe/Berlin"))
    except ValueError:
        return
    assert begin < end
    assert end > now
    assert begin - now <= FURTHEST
    assert end - begin <= timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2d", NOON + timedelta(days=2)),
        ("18:00", at(24, 17)),
        ("9:00", at(25, 8)),  # today's is over
        ("2026-11-25", at(25, 23)),  # until it ends, in Berlin
        ("2026-11-25T18:00", at(25, 17)),
        ("2026-11-25T18:00Z", at(25, 18)),
    ],
)
def test_an_end_is_read(text: str, end: datetime) -> None:
    assert moment(text, NOON, ZoneInfo("Europe/Berlin")) == end


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-99-99", "8d"])
def test_what_is_no_end_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write 2d, 18:00"):
        moment(text, NOON)
