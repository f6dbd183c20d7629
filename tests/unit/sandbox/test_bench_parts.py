"""The parts of the bench that are arithmetic, or decide what is measured again."""

from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest

from deploy.sandbox.bench.__main__ import measured
from deploy.sandbox.bench.crowd import CALLERS, PASSED_CALLERS, Crowd, resent
from deploy.sandbox.bench.report import Mark, Row
from deploy.sandbox.bench.rig import POLICY, Rig
from deploy.sandbox.bench.rows.burst import at_most_s, exponent
from deploy.sandbox.bench.sizes import FULL, QUICK, Sizes
from workers.use_cases.read_policy import read_policy


class CountingRig:
    """Nothing is launched."""

    def __init__(self) -> None:
        self.renewed = 0

    async def renew(self) -> None:
        self.renewed += 1


def part(*ratios: float, timed: bool = True) -> "Part":
    return Part(ratios, timed=timed)


class Part:
    """Measures these ratios, one a call; the row must reach 1."""

    def __init__(self, ratios: tuple[float, ...], *, timed: bool) -> None:
        self._ratios: Iterator[float] = iter(ratios)
        self._timed = timed
        self.calls = 0

    async def __call__(self, rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
        del rig, sizes
        self.calls += 1
        yield Row(name="part", measured=next(self._ratios), against=1.0, unit="starts/s", must=1.0,
                  sense="at least", timed=self._timed)  # fmt: skip


async def measure(each: Part, sizes: Sizes = QUICK) -> tuple[Row, CountingRig]:
    rig = CountingRig()
    (row,) = await measured(each, cast("Rig", rig), sizes)
    return row, rig


async def test_a_rate_beyond_the_guard_is_measured_once_more_in_a_fresh_system() -> None:
    each = part(0.5, 1.2)
    row, rig = await measure(each)
    assert (each.calls, rig.renewed) == (2, 1)
    assert row.mark is Mark.REACHED
    assert row.note == "best of 2"


async def test_a_rate_that_misses_twice_is_beyond_the_guard() -> None:
    row, _ = await measure(part(0.5, 0.6))
    assert (row.ratio, row.mark) == (0.6, Mark.BELOW)


@pytest.mark.parametrize("ratio", [1.0, 0.8])
async def test_what_is_within_the_guard_is_measured_once(ratio: float) -> None:
    each = part(ratio)
    await measure(each)
    assert each.calls == 1


async def test_a_count_is_never_measured_again() -> None:
    each = part(0.5, timed=False)
    row, _ = await measure(each)
    assert (each.calls, row.mark) == (1, Mark.BELOW)


async def test_the_long_run_measures_everything_once() -> None:
    each = part(0.5)
    await measure(each, FULL)
    assert each.calls == 1


def test_a_burst_may_take_what_its_number_to_the_power_of_1_1_gives() -> None:
    assert at_most_s(2.0, 1000, 10000) == pytest.approx(2.0 * 10**1.1)
    assert exponent(2.0, at_most_s(2.0, 1000, 10000), 1000, 10000) == pytest.approx(1.1)


def test_the_policy_passes_whom_the_bench_says_and_nobody_else() -> None:
    crowd, (rule,) = Crowd(1), read_policy(POLICY).rules
    (passed,) = (crowd.world.principal(key).app_id for key in PASSED_CALLERS)
    assert rule.when == f'caller.app_id == "{passed}"'
    assert passed not in {crowd.world.principal(key).app_id for key in CALLERS}


def test_what_is_sent_again_has_the_same_body_under_another_id() -> None:
    crowd = Crowd(2)
    told = crowd.told(crowd.starts(crowd.names))
    again = resent(told, 3)
    bodies = [b"".join(message.body) for message in (*told, *again)]
    assert bodies[2:] == [bodies[0], bodies[1], bodies[0]]
    assert len({message.message_id for message in (*told, *again)}) == 5
