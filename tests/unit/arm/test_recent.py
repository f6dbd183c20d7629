"""What a list told a moment ago serves starts before it, and nobody else."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workers.arm.read import recent
from workers.arm.read.recent import APART_S, KEPT_S, Recent

LINE, OTHER = ("machines", "/groups/a"), ("machines", "/groups/b")
NOW = 1_800_000_000.0


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [NOW]
    monkeypatch.setattr(recent.time, "time", lambda: now[0])
    return now


def page(*names: str, mark: int = 0) -> dict[str, Any]:
    return {name: {"id": name, "mark": mark} for name in names}


@pytest.mark.parametrize(
    ("started", "found"), [(-60, True), (-APART_S, True), (-APART_S + 0.01, False), (0, False), (5, False)]
)
def test_it_serves_who_was_started_before_it_was_asked_for(started: float, *, found: bool) -> None:
    kept = Recent()
    kept.keep(LINE, page("x"), begun_at=NOW)
    assert (kept.find(LINE, "X", at(started)) is not None) is found


@pytest.mark.parametrize(("later", "found"), [(0, True), (KEPT_S, True), (KEPT_S + 0.01, False), (-1, False)])
def test_it_serves_for_a_moment_only(clock: list[float], later: float, *, found: bool) -> None:
    kept = Recent()
    kept.keep(LINE, page("x"), begun_at=NOW)
    clock[0] += later
    assert (kept.find(LINE, "x", at(-60)) is not None) is found


def test_groups_are_not_mixed_up_and_what_is_not_there_is_not_told() -> None:
    kept = Recent()
    kept.keep(LINE, page("x"), begun_at=NOW)
    assert kept.find(OTHER, "x", at(-60)) is None
    assert kept.find(LINE, "y", at(-60)) is None


def test_pages_of_one_list_add_up_and_a_later_list_takes_its_place(clock: list[float]) -> None:
    kept = Recent()
    kept.keep(LINE, page("x"), begun_at=NOW)
    kept.keep(LINE, page("y"), begun_at=NOW)
    assert kept.find(LINE, "x", at(-60)) == {"id": "x", "mark": 0}
    assert kept.find(LINE, "y", at(-60)) is not None
    clock[0] += 0.5
    kept.keep(LINE, page("x", mark=1), begun_at=NOW + 0.5)
    assert kept.find(LINE, "x", at(-60)) == {"id": "x", "mark": 1}
    assert kept.find(LINE, "y", at(-60)) is None


def test_it_keeps_no_more_than_it_may_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "_MOST", 10)
    kept = Recent()
    for n in range(5):
        kept.keep(("machines", str(n)), page(*(f"{n}-{m}" for m in range(4))), begun_at=NOW)
    there = [n for n in range(5) if kept.find(("machines", str(n)), f"{n}-0", at(-60)) is not None]
    assert there == [3, 4]
    for n in itertools.chain([4] * 5, [3] * 5):
        kept.keep(("machines", str(n)), page(*(f"{n}-{m}" for m in range(4))), begun_at=NOW)
    assert kept.find(("machines", "3"), "3-0", at(-60)) is not None, "the same page again counts once"
    assert kept.find(("machines", "4"), "4-0", at(-60)) is not None
    kept.keep(LINE, page(*map(str, range(11))), begun_at=NOW)
    assert kept.find(LINE, "0", at(-60)) is None, "larger than all that may be kept"


def test_what_is_old_is_let_go_by_the_next_list(clock: list[float]) -> None:
    kept = Recent()
    kept.keep(LINE, page("x"), begun_at=NOW)
    clock[0] += KEPT_S + 1
    kept.keep(OTHER, page("y"), begun_at=clock[0])
    assert list(kept._lists) == [OTHER]
    assert kept._count == 1


def test_a_list_that_takes_anothers_place_counts_once_and_is_the_youngest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "_MOST", 6)
    kept = Recent()
    kept.keep(OTHER, page("y", "z"), begun_at=NOW)
    for n in range(5):
        kept.keep(LINE, page("x", "w"), begun_at=NOW - n / 10)
    assert kept.find(OTHER, "y", at(-60)) is not None
    kept.keep(OTHER, page("y", "z"), begun_at=NOW)
    kept.keep(("machines", "c"), page(*"abcd"), begun_at=NOW)
    assert kept.find(LINE, "x", at(-60)) is None
    assert kept.find(OTHER, "y", at(-60)) is not None
