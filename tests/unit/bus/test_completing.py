"""Completions of a link go in groups, one at a time and in the link's turns."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from azure.servicebus._pyamqp.error import MessageException, MessageSettlementUnconfirmed
from structlog.testing import capture_logs

from tests.unit.bus.settling_rig import Turn
from workers.bus import completing
from workers.bus.completing import Completions


class Link:
    """Notes what is completed, as groups of delivery ids; answers when it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[list[int]] = []
        self.answers = asyncio.Event()
        self.error: Exception | None = None
        monkeypatch.setattr(completing, "complete_range", self._range)

    async def _range(self, _: object, messages: list[Any]) -> None:
        self.asked.append([message._delivery_id for message in messages])
        await self.answers.wait()
        if self.error is not None:
            raise self.error

    async def complete_message(self, message: Any) -> None:
        self.asked.append([message._delivery_id])
        await self.answers.wait()


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.turn, self.link = Turn(), Link(monkeypatch)
        link: Any = self.link
        turns: Any = self.turn
        self.completions = Completions(link, turns, "starts")

    def begin(self, *ids: int) -> list[asyncio.Task[None]]:
        messages: list[Any] = [_Message(number) for number in ids]
        return [asyncio.create_task(self.completions.complete(message)) for message in messages]


class _Message(SimpleNamespace):
    __hash__ = object.__hash__

    def __init__(self, number: int) -> None:
        super().__init__(_delivery_id=number, message_id=f"m{number}")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


async def settle_down() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_sent_before_it_is_the_links_turn_which_is_given_back_once(bench: Bench) -> None:
    done = bench.begin(1, 2)
    await settle_down()
    assert bench.link.asked == []
    done += bench.begin(3)
    await settle_down()
    bench.turn.ours.set()
    await settle_down()
    assert bench.link.asked == [[1, 2, 3]]
    assert bench.turn.given_back == 0
    bench.link.answers.set()
    await asyncio.wait_for(asyncio.gather(*done), 3)
    await settle_down()
    assert bench.turn.given_back == 1


async def test_what_comes_while_a_group_is_under_way_is_the_next_group(bench: Bench) -> None:
    bench.turn.ours.set()
    done = bench.begin(1, 2)
    await settle_down()
    done += [*bench.begin(3), *bench.begin(7), *bench.begin(4)]
    await settle_down()
    assert bench.link.asked == [[1, 2]]
    bench.link.answers.set()
    await asyncio.wait_for(asyncio.gather(*done), 3)
    assert bench.link.asked == [[1, 2], [3, 4], [7]]


async def test_after_all_are_done_another_one_is_completed_too(bench: Bench) -> None:
    bench.turn.ours.set()
    bench.link.answers.set()
    for number in (1, 2):
        await asyncio.wait_for(asyncio.gather(*bench.begin(number)), 3)
        await settle_down()
    assert bench.link.asked == [[1], [2]]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (MessageSettlementUnconfirmed(condition=b"amqp:link:detach-forced"), [[1], [2], [3]]),
        (MessageException(condition=b"com.microsoft:message-lock-lost"), []),
    ],
)
async def test_what_is_not_confirmed_is_tried_one_by_one_and_what_is_refused_is_not(
    bench: Bench, error: Exception, again: list[list[int]]
) -> None:
    bench.turn.ours.set()
    bench.link.answers.set()
    bench.link.error = error
    with capture_logs() as logs:
        await asyncio.wait_for(asyncio.gather(*bench.begin(1, 2, 3)), 3)
    assert bench.link.asked == [[1, 2, 3], *again]
    assert [line["messages"] for line in logs] == ([] if again else [["m1", "m2", "m3"]])


async def test_a_long_range_is_named_by_its_first_messages(bench: Bench) -> None:
    bench.turn.ours.set()
    bench.link.answers.set()
    bench.link.error = MessageException(condition=b"com.microsoft:message-lock-lost")
    with capture_logs() as logs:
        await asyncio.wait_for(asyncio.gather(*bench.begin(*range(20))), 3)
    assert [(line["count"], line["messages"]) for line in logs] == [(20, ["m0", "m1", "m2", "m3", "m4"])]
