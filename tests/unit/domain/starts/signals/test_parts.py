"""What signals are made of: hours, values from outside in sentences, and their ids."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.starts.risk_settings import Hours
from workers.domain.starts.signals.signal import said
from workers.domain.starts.signals.table import unknown_signal

OFFICE = Hours(begin="07:00", end="19:00", zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("hours", "at", "inside"),
    [
        (OFFICE, datetime(2026, 7, 6, 5, 0, tzinfo=UTC), True),  # 07:00 in summer
        (OFFICE, datetime(2026, 7, 6, 4, 59, tzinfo=UTC), False),
        (OFFICE, datetime(2026, 7, 6, 17, 0, tzinfo=UTC), False),  # the end is outside
        (OFFICE, datetime(2026, 7, 5, 10, 0, tzinfo=UTC), False),  # a Sunday
        (Hours(begin="22:00", end="06:00"), datetime(2026, 7, 4, 5, 59, tzinfo=UTC), True),  # since Friday
        (Hours(begin="22:00", end="06:00"), datetime(2026, 7, 4, 22, 0, tzinfo=UTC), False),
        (Hours(begin="22:00", end="06:00"), datetime(2026, 7, 6, 5, 59, tzinfo=UTC), False),  # since Sunday
    ],
)
def test_hours_are_those_of_their_zone_and_may_go_past_midnight(
    hours: Hours, at: datetime, *, inside: bool
) -> None:
    assert hours.hold(at) is inside


@given(st.text(max_size=200))
def test_a_value_in_a_sentence_is_short_and_cannot_end_its_quotation_marks(value: str) -> None:
    shown = said(value)
    assert shown[0] == "\u201c"
    assert shown[-1] == "\u201d"
    assert not set(shown[1:-1]) & set("\u201c\u201d\n\r")
    assert len(shown) <= 62


def test_a_misspelt_signal_is_told_what_was_meant() -> None:
    assert unknown_signal("no_mfa") == "Did you mean no-mfa?"
    assert unknown_signal("no-mfa") == ""
    assert unknown_signal("zzz").startswith("There are: ")
