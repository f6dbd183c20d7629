"""What is not simply done is settled in the link's turn, too, and never waited for without end."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.bus.settling_rig import Turn
from workers.bus import settling
from workers.bus.settling import Settler
from workers.domain.messages import DeadLetter

RAW: Any = SimpleNamespace(message_id="m-1")
LETTER = DeadLetter(reason="NotJson", description="x")


class Link:
    """Dead-letters when it is let; by default it never answers."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = asyncio.Event()

    async def dead_letter_message(self, _: Any, **__: str) -> None:
        self.asked += 1
        await self.answers.wait()


def settler(link: Any, turn: Any) -> Settler:
    sender: Any = None
    return Settler(link, turn, sender, "starts")


async def test_it_waits_for_the_links_turn_and_gives_it_back() -> None:
    link, turn = Link(), Turn()
    link.answers.set()
    task = asyncio.create_task(settler(link, turn).settle(RAW, LETTER))
    await asyncio.sleep(0.01)
    assert (link.asked, turn.given_back) == (0, 0)
    turn.ours.set()
    await asyncio.wait_for(task, 3)
    assert (link.asked, turn.given_back) == (1, 1)


async def test_what_is_never_answered_is_given_up_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SETTLE_S", 0.05)
    link, turn = Link(), Turn()
    turn.ours.set()
    with capture_logs() as logs:
        await asyncio.wait_for(settler(link, turn).settle(RAW, LETTER), 3)
    assert turn.given_back == 1
    assert [(line["message"], line["error"]) for line in logs] == [("m-1", "TimeoutError: ")]
