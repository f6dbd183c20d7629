"""Rows with a ratio each, as a table for people and one line of JSON for machines."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

GUARD = 0.75
"""Below this share of what a row must reach, the run fails: the regression guard."""


class Mark(StrEnum):
    """How a row stands: as it must, in the guard's tolerance, or beyond."""

    REACHED = "reached"
    NEAR = "near"
    BELOW = "BELOW"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measurement beside what it is held against.

    Attributes:
        name: what was measured.
        measured: the value, in ``unit``.
        against: the limit, floor or budget that it is divided by, in ``unit``; more than 0.
        unit: of both.
        must: what ``measured / against`` must reach.
        sense: whether the ratio must be at least or at most that.
        timed: a time or a rate: whatever else runs on the machine makes it worse, never better.
        note: for people: what the other side is, how many samples, what stood in the way.
    """

    name: str
    measured: float
    against: float
    unit: str
    must: float
    sense: Literal["at least", "at most"] = "at most"
    timed: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if self.against <= 0:
            raise ValueError(f"{self.name}: nothing can be held against {self.against}")

    @property
    def ratio(self) -> float:
        """Measured over what it is held against."""
        return self.measured / self.against

    @property
    def mark(self) -> Mark:
        """How it stands; a row that must be 0 has no tolerance."""
        if self._reaches(self.must):
            return Mark.REACHED
        guarded = self.must * GUARD if self.sense == "at least" else self.must / GUARD
        return Mark.NEAR if self._reaches(guarded) else Mark.BELOW

    def _reaches(self, bound: float) -> bool:
        return self.ratio >= bound if self.sense == "at least" else self.ratio <= bound

    def as_json(self) -> dict[str, Any]:
        """The row for machines."""
        return {
            "row": self.name,
            "measured": round(self.measured, 3),
            "against": round(self.against, 3),
            "unit": self.unit,
            "ratio": round(self.ratio, 4),
            "must": self.must,
            "sense": self.sense,
            "mark": str(self.mark),
            "note": self.note,
        }


def best_of_two(first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    """The rows of a part that was measured twice.

    Noise only makes things slower: of what is timed, each side of the ratio counts as fast as it was seen, so
    that a slow moment of what a row is held against flatters nobody. Of what is counted, the worse stands.
    """
    again = {row.name: row for row in second}
    return [_of_two(row, again[row.name]) if row.name in again else row for row in first]


def _of_two(first: Row, second: Row) -> Row:
    at_least = first.sense == "at least"
    better, worse = sorted((first, second), key=lambda row: row.ratio, reverse=at_least)
    if not first.timed:
        return worse
    best = max if at_least else min
    return replace(
        better,
        measured=best(first.measured, second.measured),
        against=best(first.against, second.against),
        note=f"best of 2{better.note and '; '}{better.note}",
    )


def exit_status(rows: Sequence[Row], failed: Sequence[str]) -> int:
    """0, or 1 when a row is beyond the guard or could not be measured at all."""
    return int(bool(failed) or not rows or any(row.mark is Mark.BELOW for row in rows))


def table(rows: Sequence[Row]) -> str:
    """All rows under one head, the notes below their rows."""
    head = ("row", "measured", "against", "ratio", "must be", "")
    cells = [
        (
            row.name,
            f"{_number(row.measured)} {row.unit}",
            f"{_number(row.against)} {row.unit}",
            f"{row.ratio:.2f}",
            f"{'≥' if row.sense == 'at least' else '≤'} {row.must:g}",
            str(row.mark),
        )
        for row in rows
    ]
    widths = [max(len(line[at]) for line in (head, *cells)) for at in range(len(head))]

    def line(texts: tuple[str, ...]) -> str:
        first, *rest = (text.ljust(width) for text, width in zip(texts[:1], widths[:1], strict=True))
        rest += [text.rjust(width) for text, width in zip(texts[1:5], widths[1:5], strict=True)]
        return "  ".join((first, *rest, texts[5])).rstrip()

    lines = [line(head), "-" * (sum(widths) + 2 * len(widths) - 2)]
    for row, texts in zip(rows, cells, strict=True):
        lines.append(line(texts))
        if row.note:
            lines.append(f"    {row.note}")
    return "\n".join(lines)


def json_line(rows: Sequence[Row], failed: Sequence[str], *, quick: bool, cores: int, took_s: float) -> str:
    """Everything in one line of JSON; ``failed`` names what could not be measured, and why."""
    return json.dumps(
        {
            "bench": "startgate",
            "quick": quick,
            "cores": cores,
            "took_s": round(took_s, 1),
            "ok": exit_status(rows, failed) == 0,
            "rows": [row.as_json() for row in rows],
            "failed": list(failed),
        },
        ensure_ascii=False,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest measured value that this share (0 … 1) of them does not exceed.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
