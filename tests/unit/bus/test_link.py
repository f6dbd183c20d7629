"""A link's batches, with a receiver and a renewer in the test's hand."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.sandbox.client import PATIENCE_S
from workers.bus.gate import Gate
from workers.bus.link import Link

SLOW_S = 0.15
"""Longer than a batch is waited for."""


class Raw(SimpleNamespace):
    """As much of a message as a link needs; as the SDK's, it has no lock once it is settled."""

    __hash__ = object.__hash__


class Bus:
    """A receiver of one message, and a renewer that, as the SDK's, takes none without a lock."""

    def __init__(self) -> None:
        self.raw: Any = Raw(locked_until_utc=datetime.now(UTC))
        self.leaving = asyncio.Event()
        self.renewed: list[Any] = []
        self.ended = False
        self._left = [self.raw]

    async def receive_messages(self, _: int, *, max_wait_time: float) -> list[Any]:
        if self._left:
            return [self._left.pop()]
        if self.ended:
            return []
        await asyncio.sleep(max_wait_time)
        return []

    def register(self, _: Any, raw: Any) -> None:
        if raw.locked_until_utc is None:
            raise ValueError("only messages that have a lock")
        self.renewed.append(raw)


def link(bus: Any, take: Any) -> Link:
    gate = Gate("q")
    return Link(
        bus, take, renewer=bus, concurrency=4, quiet_s=60, gate=gate, leaving=bus.leaving, works=lambda: None
    )


async def test_what_is_slow_has_its_lock_renewed_once() -> None:
    bus = Bus()

    async def take(_: Any) -> None:
        await asyncio.sleep(SLOW_S)
        bus.leaving.set()

    await asyncio.wait_for(link(bus, take).run(), PATIENCE_S)
    assert bus.renewed == [bus.raw]


async def test_what_is_settled_but_not_yet_ended_breaks_no_link() -> None:
    bus = Bus()

    async def take(raw: Any) -> None:
        raw.locked_until_utc = None
        await asyncio.sleep(SLOW_S)
        bus.leaving.set()

    await asyncio.wait_for(link(bus, take).run(), PATIENCE_S)
    assert bus.renewed == []


async def test_a_receiver_that_has_ended_is_left_and_not_asked_without_end() -> None:
    """The SDK's answers at once, with nothing."""
    bus = Bus()
    done = []

    async def take(raw: Any) -> None:
        bus.ended = True
        await asyncio.sleep(SLOW_S)
        done.append(raw)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(link(bus, take).run(), PATIENCE_S)
    assert done == [bus.raw]
