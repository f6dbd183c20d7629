"""Spans of time as people write them ahead: ``2h`` from now, ``22:00-02:00``, or an interval of ISO 8601."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from workers.domain.durations import duration

FURTHEST = timedelta(days=7)
"""A window begins at most so far ahead."""
HOW_TO = "write 2h from now on, 22:00-02:00, or 2026-12-01T22:00/4h"

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-\u2013]\s*([01]?\d|2[0-3]):([0-5]\d)")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Window(NamedTuple):
    """From ``begin`` on; ``end`` does not count. Both in UTC."""

    begin: datetime
    end: datetime


def window(text: str, now: datetime, zone: tzinfo = UTC) -> Window:
    """The window that somebody wrote.

    Args:
        text: a duration from now on; times of day, of which the next ones count, past midnight, too; or an
            interval of ISO 8601: two times with a slash between them, or a time and a duration.
        now: the present time.
        zone: of times without one.

    Raises:
        ValueError: it is none, is over, or begins more than ``FURTHEST`` ahead; with the remedy.
    """
    found = _window(text.strip(), now, zone)
    if found.end <= max(found.begin, now):
        raise ValueError(f"the window {text[:60]!r} is over before it begins, or has ended; {HOW_TO}")
    if found.begin - now > FURTHEST:
        raise ValueError(f"a window begins at most {FURTHEST.days} days ahead; say it again nearer the time")
    return found


def moment(text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """When something ends: ``2d`` from now on, ``18:00``, ``2026-12-01`` (its end), or ``2026-12-01T18:00``.

    Raises:
        ValueError: it is none of these; with how to write one.
    """
    text = text.strip()
    try:
        if clock := _CLOCK.fullmatch(text):
            local = now.astimezone(zone)
            at = local.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            return (at if at > local else at + timedelta(days=1)).astimezone(UTC)
        if _DATE.fullmatch(text):
            return _time(text, zone) + timedelta(days=1)
        return _time(text, zone) if "-" in text else now + _span(text.lower())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:60]!r} is no time; write 2d, 18:00, 2026-12-01 or 2026-12-01T18:00"
        ) from None


def _window(text: str, now: datetime, zone: tzinfo) -> Window:
    if hours := _HOURS.fullmatch(text):
        return _hours(*map(int, hours.groups()), now=now, zone=zone)
    first, slash, last = text.partition("/")
    try:
        if not slash:
            return Window(now, now + _span(text.lower()))
        begin = _time(first, zone)
        return Window(begin, _time(last, zone) if "-" in last else begin + _span(last.lower()))
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:60]!r} is no window of time; {HOW_TO}") from None


def _hours(h: int, m: int, until_h: int, until_m: int, *, now: datetime, zone: tzinfo) -> Window:
    """The window of these times that is on now, or the next one."""
    today = now.astimezone(zone).date()

    def on(day: date) -> Window:
        begin = datetime(day.year, day.month, day.day, h, m, tzinfo=zone)
        last = day if (until_h, until_m) > (h, m) else day + timedelta(days=1)
        end = datetime(last.year, last.month, last.day, until_h, until_m, tzinfo=zone)
        return Window(begin.astimezone(UTC), end.astimezone(UTC))

    windows = [on(today + timedelta(days=days)) for days in (-1, 0, 1)]
    return next((one for one in windows if one.end > now), windows[-1])


def _time(text: str, zone: tzinfo) -> datetime:
    at = datetime.fromisoformat(text.strip())
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _span(text: str) -> timedelta:
    span = duration(text.strip())
    if not isinstance(span, timedelta):
        raise TypeError(text)  # never: a text gives a span, or an error
    return span
