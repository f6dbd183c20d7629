"""A doctor's lines: side by side, in order, with remedies, without secrets; and text safe for a terminal."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doctoring import make
from workers.operator.times import when
from workers.runtime.checks import CannotTell, Check, Failed
from workers.runtime.terminal import pretty, safe, safe_json, safe_line


def check(name: str, look: Callable[[], Awaitable[str]]) -> Check:
    return Check(name=name, look=look, remedy="do this")


def raising(error: Exception) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        raise error

    return look


async def fine() -> str:
    return "all well"


async def slow() -> str:
    await asyncio.sleep(0.2)
    return "slow but well"


async def test_each_outcome_has_its_mark_and_its_remedy() -> None:
    told: list[str] = []
    assert not await make(
        [
            check("a", slow),
            check("b", fine),
            check("c", raising(Failed("broken"))),
            check("d", raising(Failed("broken", remedy="do that"))),
            check("e", raising(CannotTell("look there"))),
            check("f", raising(RuntimeError("odd"))),
        ],
        told.append,
    )
    assert told == [
        "✓ a: slow but well",
        "✓ b: all well",
        "✗ c: broken → do this",
        "✗ d: broken → do that",
        "? e: look there",
        "✗ f: RuntimeError: odd → do this",
    ]


async def test_what_can_not_be_told_does_not_count_as_wrong() -> None:
    assert await make([check("a", fine), check("b", raising(CannotTell("?")))], lambda _line: None)


async def test_checks_run_side_by_side_and_end_in_time() -> None:
    async def hangs() -> str:
        await asyncio.Event().wait()
        return ""

    told: list[str] = []
    begun = time.monotonic()
    assert not await make([check(str(n), hangs) for n in range(20)], told.append, timeout_s=0.5)
    assert time.monotonic() - begun < 5, "one after the other would take ten seconds"
    assert told[0] == "✗ 0: no answer within 0.5 s → do this"


async def test_no_line_holds_a_secret_or_a_line_break() -> None:
    told: list[str] = []
    error = RuntimeError("rediss://user:hunter22@cache\nSharedAccessKey=abcdefgh= xoxb-123456-abcdef\x1b[2J")
    await make([check("a", raising(error))], told.append)
    (line,) = told
    assert not {"\n", "\x1b"} & set(line)
    for secret in ("hunter22", "abcdefgh", "xoxb-123456"):
        assert secret not in line


@given(st.text())
def test_safe_text_moves_no_cursor_and_reverses_nothing(text: str) -> None:
    assert not {"\x1b", "\x9b", "\x07", "\r", "\x7f", "\u202e", "\u2066", "\u2028"} & set(safe(text))
    assert "\n" not in safe_line(text)


@given(st.dictionaries(st.text(), st.text()))
def test_safe_json_is_still_the_same_json(value: dict[str, str]) -> None:
    assert json.loads(safe_json(value)) == value


@given(st.binary())
def test_any_body_can_be_shown(body: bytes) -> None:
    assert "\x1b" not in pretty(body, most=1000)


def test_a_long_body_says_how_much_is_missing() -> None:
    assert pretty(b"x" * 100, most=10) == "x" * 10 + "\n… 90 more characters"


@pytest.mark.parametrize("text", ["90m", "12h", "7d", "2w", "2026-01-31", "2026-01-31T08:00+01:00"])
def test_times_are_read_as_operators_type_them(text: str) -> None:
    assert when(text).utcoffset() is not None


@pytest.mark.parametrize("text", ["", "soon", "99999999999d", "2026-13-01"])
def test_other_times_are_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(Exception, match="how long ago"):
        when(text)
