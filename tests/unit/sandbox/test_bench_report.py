import json

import pytest

from deploy.sandbox.bench.report import Mark, Row, best_of_two, exit_status, json_line, percentile, table
from deploy.sandbox.bench.rows.ask import FLOOR, total_ms
from deploy.sandbox.bench.rows.contain import FIRST_WRITE, ISOLATED


def row(
    measured: float,
    *,
    against: float = 1000.0,
    must: float = 0.5,
    at_least: bool = True,
    timed: bool = False,
    name: str = "intake",
) -> Row:
    return Row(
        name=name,
        measured=measured,
        against=against,
        unit="starts/s",
        must=must,
        sense="at least" if at_least else "at most",
        timed=timed,
        note="against the bare client",
    )


def test_a_ratio_is_measured_over_what_it_is_held_against() -> None:
    assert row(250.0).ratio == 0.25


@pytest.mark.parametrize(
    ("measured", "mark"),
    [(500.0, Mark.REACHED), (499.0, Mark.NEAR), (375.0, Mark.NEAR), (374.0, Mark.BELOW)],
)
def test_a_ratio_that_must_be_high_is_guarded_at_three_quarters(measured: float, mark: Mark) -> None:
    assert row(measured).mark is mark


@pytest.mark.parametrize(
    ("measured", "mark"),
    [(1300.0, Mark.REACHED), (1301.0, Mark.NEAR), (1733.0, Mark.NEAR), (1734.0, Mark.BELOW)],
)
def test_a_ratio_that_must_be_low_is_guarded_at_four_thirds(measured: float, mark: Mark) -> None:
    assert row(measured, must=1.3, at_least=False).mark is mark


def test_what_must_be_nothing_has_no_tolerance() -> None:
    assert row(0.0, must=0.0, at_least=False).mark is Mark.REACHED
    assert row(1.0, must=0.0, at_least=False).mark is Mark.BELOW


def test_nothing_can_be_held_against_nothing() -> None:
    with pytest.raises(ValueError, match="intake"):
        Row(name="intake", measured=1.0, against=0.0, unit="starts/s", must=1.0)


def test_a_run_within_the_guard_ends_well() -> None:
    assert exit_status([row(500.0), row(400.0)], []) == 0


def test_a_row_beyond_the_guard_fails_the_run() -> None:
    assert exit_status([row(500.0), row(300.0)], []) == 1


def test_what_could_not_be_measured_fails_the_run() -> None:
    assert exit_status([row(500.0)], ["burst: TimeoutError: no card"]) == 1


def test_a_run_without_rows_fails() -> None:
    assert exit_status([], []) == 1


def test_the_json_is_one_line_with_every_row() -> None:
    text = json_line([row(250.0)], ["held: no bus"], quick=True, cores=2, took_s=51.23)
    assert "\n" not in text
    told = json.loads(text)
    assert told["ok"] is False
    assert told["quick"] is True
    assert told["took_s"] == 51.2
    assert told["failed"] == ["held: no bus"]
    assert told["rows"] == [
        {
            "row": "intake",
            "measured": 250.0,
            "against": 1000.0,
            "unit": "starts/s",
            "ratio": 0.25,
            "must": 0.5,
            "sense": "at least",
            "mark": "BELOW",
            "note": "against the bare client",
        }
    ]


def test_the_table_has_a_ratio_in_every_row_and_its_note_below() -> None:
    lines = table([row(250.0), row(1200.0, must=1.3, at_least=False)]).splitlines()
    assert [line for line in lines if line.startswith("intake")] == [lines[2], lines[4]]
    assert "0.25" in lines[2]
    assert "≥ 0.5" in lines[2]
    assert lines[2].endswith("BELOW")
    assert "≤ 1.3" in lines[4]
    assert lines[4].endswith("reached")
    assert lines[3] == "    against the bare client"


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.95) == 95.0
    assert percentile(values, 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0


def test_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.5)


def test_the_floors_are_the_sums_of_their_round_trips() -> None:
    assert total_ms(FLOOR) == 3 * 120 + 150 + 2 * 10 + 4 * 1
    assert total_ms(FIRST_WRITE) == 120 + 10 + 5 * 1
    assert total_ms(ISOLATED) == 4 * 120 + 10 + 6 * 1


def test_of_two_rates_the_faster_counts() -> None:
    (best,) = best_of_two([row(300.0, timed=True)], [row(500.0, timed=True)])
    assert (best.measured, best.against, best.mark) == (500.0, 1000.0, Mark.REACHED)
    assert best.note == "best of 2; against the bare client"


def test_of_two_times_the_shorter_counts() -> None:
    slow, fast = (row(ms, must=1.3, at_least=False, timed=True) for ms in (2000.0, 1200.0))
    for first, second in ((slow, fast), (fast, slow)):
        (best,) = best_of_two([first], [second])
        assert (best.measured, best.mark) == (1200.0, Mark.REACHED)


def test_a_slow_moment_of_the_other_side_flatters_nobody() -> None:
    slow_bare = row(400.0, against=500.0, timed=True)
    (best,) = best_of_two([row(300.0, timed=True)], [slow_bare])
    assert (best.measured, best.against) == (400.0, 1000.0)
    assert best.mark is Mark.NEAR


def test_a_slow_import_does_not_excuse_a_slow_start() -> None:
    first = row(3.0, against=1.0, must=1.5, at_least=False, timed=True)
    second = row(3.0, against=2.0, must=1.5, at_least=False, timed=True)
    (best,) = best_of_two([first], [second])
    assert (best.measured, best.against) == (3.0, 1.0)


def test_what_is_counted_gets_no_better_by_a_second_look() -> None:
    lost, none_lost = (row(n, must=0.0, at_least=False) for n in (1.0, 0.0))
    for first, second in ((lost, none_lost), (none_lost, lost)):
        (worse,) = best_of_two([first], [second])
        assert worse.mark is Mark.BELOW


def test_a_row_that_came_only_once_stands_as_it_was() -> None:
    first = [row(300.0, timed=True), row(1.0, name="lost")]
    assert best_of_two(first, [row(500.0, timed=True)])[1] is first[1]
