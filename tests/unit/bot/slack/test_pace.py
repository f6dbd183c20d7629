"""The bot keeps Slack's pace: in the order asked, never before Slack's word, and no channel for another."""

import asyncio
import contextlib
import itertools

import pytest

from bot.slack.errors import Throttled
from bot.slack.pace import ASKS, EDITING, HIGH_RISK, QUIET_S, WAITS_S, Limit, Pace, posting
from tests.doubles import FakeClock
from workers.domain.errors import DependencyAway

CHANNEL, OTHER = posting("C1"), posting("D1")
EVERY_S = CHANNEL.every_s


class Bench:
    """A pace, and what went to Slack when, in seconds."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pace = Pace(self.clock, self._sleep)
        self.began = self.clock.now()
        self.went: list[tuple[str, float]] = []

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def now_s(self) -> float:
        return (self.clock.now() - self.began).total_seconds()

    def turn_s(self, key: str, limit: Limit = CHANNEL, *, first: int = 0) -> float:
        """In how many seconds its turn is; 0 when it may go now, or soon."""
        at = self.pace.turn(limit, key, first=first)
        return 0.0 if at is None else (at - self.clock.now()).total_seconds()

    async def send(self, key: str, limit: Limit = CHANNEL, *, first: int = 0) -> None:
        async with self.pace.in_turn(limit, key, first=first):
            self.went.append((key, self.now_s()))

    async def refused(self, key: str, wait_s: float, limit: Limit = CHANNEL) -> None:
        with contextlib.suppress(Throttled):
            async with self.pace.in_turn(limit, key):
                raise Throttled("ratelimited", wait_s=wait_s)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_where_slack_refuses_nothing_everything_goes_at_once(bench: Bench) -> None:
    for n in range(50):
        assert not bench.turn_s(f"{n}")
        await bench.send(f"{n}")
    assert bench.now_s() == 0


async def test_after_a_refusal_they_go_in_the_order_asked_and_the_refused_one_first(bench: Bench) -> None:
    await bench.refused("refused", 5)
    assert bench.turn_s("refused") == pytest.approx(5)
    turns = [bench.turn_s(f"{n}") for n in range(3)]
    assert turns == pytest.approx([5 + EVERY_S, 5 + 2 * EVERY_S, 5 + 3 * EVERY_S])


async def test_a_turn_is_kept_whoever_asks_meanwhile(bench: Bench) -> None:
    await bench.refused("refused", 5)
    first, second = bench.turn_s("first"), bench.turn_s("second")
    bench.clock.advance(3)
    assert bench.turn_s("first") == pytest.approx(first - 3)
    assert bench.turn_s("second") == pytest.approx(second - 3)


async def test_before_its_turn_nothing_is_sent(bench: Bench) -> None:
    await bench.refused("refused", 5)
    with pytest.raises(Throttled) as no:
        await bench.send("early")
    assert no.value.wait_s == pytest.approx(5 + EVERY_S)
    assert not bench.went


async def test_a_turn_that_is_near_is_waited_for(bench: Bench) -> None:
    await bench.refused("refused", 5)
    bench.clock.advance(5 - WAITS_S / 2)
    assert not bench.turn_s("refused")
    await bench.send("refused")
    assert dict(bench.went) == pytest.approx({"refused": 5})


async def test_who_goes_first_comes_in_before_the_others_in_the_order_asked(bench: Bench) -> None:
    await bench.refused("refused", 5)
    told = [bench.turn_s(f"reply {n}") for n in range(3)]
    cards = [bench.turn_s(f"card {n}", first=True) for n in range(2)]
    assert cards == pytest.approx([5 + EVERY_S, 5 + 2 * EVERY_S])
    later = [bench.turn_s(f"reply {n}") for n in range(3)]
    assert later == pytest.approx([at + 2 * EVERY_S for at in told]), "the others keep their order"
    assert bench.turn_s("reply 3") == pytest.approx(later[-1] + EVERY_S)
    assert [bench.turn_s(f"card {n}", first=True) for n in range(2)] == pytest.approx(cards), "and theirs"


async def test_others_keep_their_pace_and_order_whoever_comes_in(bench: Bench) -> None:
    await bench.refused("refused", 2)
    replies, cards = [f"reply {n}" for n in range(12)], [f"card {n}" for n in range(6)]
    for key in replies:
        bench.turn_s(key)
    while len(bench.went) < 19 and bench.now_s() < 60:
        for key in ("refused", *cards[: int(bench.now_s())], *replies):  # a card a second
            if key not in dict(bench.went) and not bench.turn_s(key, first=key in cards):
                with contextlib.suppress(Throttled):
                    await bench.send(key, first=key in cards)
        bench.clock.advance(0.1)
    went = [key for key, _ in bench.went]
    assert [key for key in went if key in replies] == replies
    assert [key for key in went if key in cards] == cards
    times = [at for _, at in bench.went]
    assert min(b - a for a, b in itertools.pairwise(times)) >= EVERY_S - 1e-6
    assert times[-1] < 2 + (len(went) + 1) * (EVERY_S + 0.1), "no turn is wasted"
    assert went.index("card 5") < went.index("reply 3"), "cards did not wait for the replies before them"


async def test_with_nobody_waiting_who_goes_first_goes_as_anybody(bench: Bench) -> None:
    await bench.send("card", first=True)
    await bench.refused("refused", 5)
    assert bench.turn_s("card 2", first=True) == pytest.approx(5 + EVERY_S)
    assert bench.turn_s("reply") == pytest.approx(5 + 2 * EVERY_S)


async def test_other_channels_and_methods_go_on(bench: Bench) -> None:
    await bench.refused("refused", 60)
    await bench.send("a direct message", OTHER)
    await bench.send("an edit", EDITING)
    assert [key for key, _ in bench.went] == ["a direct message", "an edit"]


async def test_a_method_refused_is_refused_everywhere(bench: Bench) -> None:
    await bench.refused("an edit", 60, EDITING)
    assert bench.turn_s("another edit", EDITING) == pytest.approx(60 + EDITING.every_s)


async def test_latecomers_do_not_all_go_at_once(bench: Bench) -> None:
    await bench.refused("refused", 1)
    keys = [f"{n}" for n in range(20)]
    for key in keys:
        bench.turn_s(key)
    bench.clock.advance(25)  # the queue stood still
    waiting = keys
    while waiting:
        for key in waiting:
            with contextlib.suppress(Throttled):
                await bench.send(key)
        waiting = [key for key in keys if key not in dict(bench.went)]
        bench.clock.advance(0.2)
    times = [at for _, at in bench.went]
    assert min(b - a for a, b in itertools.pairwise(times)) == pytest.approx(EVERY_S)
    assert times[-1] < 25 + 21 * (EVERY_S + 0.2), "and the line moves on"


async def test_another_refusal_moves_the_line_and_keeps_the_refused_ones_place(bench: Bench) -> None:
    await bench.refused("refused", 1)
    turns = [bench.turn_s(f"{n}") for n in range(10)]
    bench.clock.advance(turns[0])
    await bench.refused("0", 5)
    assert bench.turn_s("0") == pytest.approx(5)
    assert bench.turn_s("1") > turns[-1] - turns[0], "its turn came in the forbidden time"
    assert bench.turn_s("9") == pytest.approx(turns[-1] - turns[0]), "its turn did not"


async def test_a_line_that_nobody_uses_is_free_again(bench: Bench) -> None:
    await bench.refused("refused", 1)
    assert bench.turn_s("next") > 0
    bench.clock.advance(1 + 2 * EVERY_S + QUIET_S + 0.1)
    assert not bench.turn_s("another")
    for n in range(5):
        await bench.send(f"{n}")
    assert {at for _, at in bench.went} == {bench.now_s()}


async def test_many_at_once_find_out_at_the_cost_of_few_refusals() -> None:
    pace, taken, refused, not_yet = Pace(FakeClock()), 0, 0, 0

    async def post(key: str) -> None:
        nonlocal not_yet
        try:
            async with pace.in_turn(CHANNEL, key):
                await slack()
        except Throttled:
            not_yet += 1

    async def slack() -> None:
        nonlocal taken, refused
        await asyncio.sleep(0)
        if taken == 3:  # as many as it takes in a burst
            refused += 1
            raise Throttled("ratelimited", wait_s=30)
        taken += 1

    await asyncio.gather(*(post(f"{n}") for n in range(100)))
    assert (taken, not_yet) == (3, 97)
    assert refused <= CHANNEL.at_once


async def test_slack_is_heard_when_it_has_answered_and_only_then() -> None:
    heard = []
    pace = Pace(FakeClock(), heard=lambda: heard.append(1))
    for error in (Throttled("ratelimited", wait_s=0.1), DependencyAway("slack", "503")):
        with contextlib.suppress(DependencyAway):
            async with pace.in_turn(CHANNEL, "a"):
                raise error
    assert heard == []
    async with pace.in_turn(OTHER, "b"):
        assert heard == []
    assert heard == [1]


async def test_where_answers_are_slow_whoever_got_no_place_comes_in_turn() -> None:
    pace, answered, waits = Pace(FakeClock()), asyncio.Event(), list[float]()

    async def post(key: str) -> None:
        try:
            async with pace.in_turn(CHANNEL, key):
                await answered.wait()
        except Throttled as no:
            assert pace.turn(CHANNEL, key) is not None
            waits.append(no.wait_s)
            if len(waits) == 3:
                answered.set()

    async with asyncio.timeout(WAITS_S + 2):
        await asyncio.gather(*(post(f"{n}") for n in range(CHANNEL.at_once + 3)))
    assert waits == pytest.approx([EVERY_S, 2 * EVERY_S, 3 * EVERY_S])


async def test_a_slack_that_does_not_answer_is_away_and_no_refusal(bench: Bench) -> None:
    with pytest.raises(DependencyAway) as away:
        async with bench.pace.in_turn(CHANNEL, "lost"):
            raise TimeoutError
    assert not isinstance(away.value, Throttled)
    assert not bench.turn_s("next")


async def test_what_is_over_is_forgotten(bench: Bench) -> None:
    for n in range(2000):
        await bench.send("a", posting(f"D{n}"))
    assert not bench.pace._turns
    for n in range(1500):
        await bench.refused("a", 1, posting(f"D{n}"))
        bench.clock.advance(1)
    assert len(bench.pace._turns) <= 1000


async def test_turns_for_which_nobody_comes_are_forgotten(bench: Bench) -> None:
    await bench.refused("refused", 1)
    for n in range(1000):
        bench.turn_s(f"{n}")
        bench.clock.advance(EVERY_S)
    assert len(bench.pace._turns[CHANNEL]._kept) < 100


async def test_edits_that_tell_progress_leave_some_of_a_minutes_edits_to_the_others(bench: Bench) -> None:
    for n in range(40):
        assert bench.pace.progress_turn(detail=False) is None
        assert (bench.pace.progress_turn(detail=True) is None) is (n < 25), "a thread's detail waits first"
        await bench.send(f"{n}", EDITING)
        bench.clock.advance(0.5)
    at = bench.pace.progress_turn(detail=False)
    assert at is not None
    assert (at - bench.began).total_seconds() == pytest.approx(60)
    assert not bench.turn_s("an end", EDITING), "what ends something goes at once"
    bench.clock.advance(60.1 - bench.now_s())
    assert bench.pace.progress_turn(detail=False) is None


async def test_what_asks_at_high_risk_waits_behind_nothing_else(bench: Bench) -> None:
    await bench.refused("limit found", 5)
    reports = [bench.turn_s(f"report-{n}") for n in range(3)]
    asks = [bench.turn_s(f"ask-{n}", first=ASKS) for n in range(3)]
    urgent = [bench.turn_s(f"high-{n}", first=HIGH_RISK) for n in range(2)]
    assert max(urgent) < min(bench.turn_s(f"ask-{n}", first=ASKS) for n in range(3))
    assert max(bench.turn_s(f"ask-{n}", first=ASKS) for n in range(3)) < bench.turn_s("report-0")
    assert urgent == sorted(urgent)
    assert asks == sorted(asks)
    assert reports == sorted(reports)
