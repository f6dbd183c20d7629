"""What is settled, in which order, and that no settlement is waited for without end."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from deploy.sandbox.client import PATIENCE_S
from workers.bus import settling
from workers.bus.settling import Settler
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete, DeadLetter, Later, Split

RAW: Any = SimpleNamespace(
    message_id="m-1", sequence_number=7, body=b"x", content_type=None, subject=None, application_properties={}
)


class Bus:
    """A link and a sender: notes what is asked of them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    async def complete_message(self, _: Any) -> None:
        self.asked.append("complete")

    async def dead_letter_message(self, _: Any, **__: str) -> None:
        await asyncio.Event().wait()

    async def send(self, messages: list[Any]) -> None:
        if self.away:
            raise DependencyAway("servicebus", "away")
        self.asked.extend(f"send {message.message_id}" for message in messages)


def settler(bus: Any) -> Settler:
    return Settler(bus, bus, "starts")


async def test_what_is_for_later_is_completed_only_after_its_copy_was_sent() -> None:
    bus = Bus()
    await settler(bus).settle(RAW, Later(after_s=1))
    assert bus.asked == ["send m-1~7", "complete"]


async def test_parts_are_sent_as_messages_of_their_own_before_the_whole_is_completed() -> None:
    bus = Bus()
    for _ in range(2):  # delivered twice, the parts have the same ids, so that detection finds them
        await settler(bus).settle(RAW, Split(bodies=(b"1", b"2")))
    assert bus.asked == ["send m-1~7-1", "send m-1~7-2", "complete"] * 2


async def test_what_could_not_be_sent_again_is_not_completed() -> None:
    bus = Bus()
    bus.away = True
    with capture_logs() as logs:
        await settler(bus).settle(RAW, Later(after_s=1))
    assert bus.asked == []
    assert [line["event"] for line in logs] == ["a message could not be settled; it will come again"]


async def test_what_is_never_answered_is_given_up_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SETTLE_S", 0.05)
    bus = Bus()
    with capture_logs() as logs:
        await asyncio.wait_for(
            settler(bus).settle(RAW, DeadLetter(reason="NotJson", description="x")), PATIENCE_S
        )
        await settler(bus).settle(RAW, Complete())
    assert [(line["message"], line["error"]) for line in logs] == [("m-1", "TimeoutError: ")]
    assert bus.asked == ["complete"]
