"""The Service Bus stand-in on raw sockets: broken frames, tokens, and silence."""

import asyncio
import contextlib
import random
from typing import cast

import pytest

from deploy.sandbox.servicebus.amqp.codec import DecodeError, Described, decode
from deploy.sandbox.servicebus.amqp.frames import (
    HEAD,
    SASL_HEADER,
    Attach,
    Detach,
    Flow,
    Open,
    Transfer,
    frame,
)
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.server import BusServer
from tests.contract.servicebus.peer import Peer
from tests.contract.servicebus.rig import MARKS, Bus

pytestmark = MARKS


@pytest.mark.parametrize(
    ("broken", "condition"),
    [
        (b"\x00\x00\x00\x07\x02\x00\x00\x00", "amqp:connection:framing-error"),
        (b"\x7f\xff\xff\xff\x02\x00\x00\x00", "amqp:connection:framing-error"),
        (b"\x00\x00\x00\x0c\x02\x00\x00\x00\xde\xad\xbe\xef", "amqp:decode-error"),
        (b"\x00\x00\x00\x10\x02\x00\x00\x00\x00\x53\x14\xd0\x00\x00\x00\x00", "amqp:decode-error"),
        (b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x14\x45", "amqp:decode-error"),
        (frame(0, Flow(0, 9, 0, 9, handle=9)), "amqp:session:unattached-handle"),
        (frame(0, Transfer(9, delivery_tag=cast("bytes", "text"))), "amqp:decode-error"),
        (frame(7, Detach(9)), "amqp:not-allowed"),
        (frame(0, Open("twice")), "amqp:not-allowed"),
    ],
)
async def test_a_broken_frame_costs_its_connection_and_names_the_rule(
    bus: Bus, broken: bytes, condition: str
) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        await peer.opened()
        peer.writer.write(broken)
        assert await peer.error() == condition
    await bus.send("plain", "the others do not notice")


async def test_another_protocol_is_answered_with_ours_and_the_end(bus: Bus) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        peer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await peer.reader.read() == SASL_HEADER


async def test_a_link_without_a_token_is_unauthorised(bus: Bus) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        await peer.opened()
        source, target = Described(0x28, ["plain"]), Described(0x29, ["here"])
        peer.writer.write(frame(0, Attach("link", 0, role=True, source=source, target=target)))
        attach, detach = await peer.read(), await peer.read()
        assert isinstance(attach, Attach)
        assert attach.source is None
        assert isinstance(detach, Detach)
        assert detach.error.value[0] == "amqp:unauthorized-access"


async def test_an_idle_client_hears_something_before_it_would_give_up(bus: Bus) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        await peer.opened(idle_time_out=4_000)
        async with asyncio.timeout(4.0):
            assert await peer.read() is None


async def test_a_silent_client_is_told_to_go() -> None:
    server = BusServer(limits=Limits(connection_idle_s=0.3))
    await server.start()
    async with Peer.connect(server.amqp_port) as peer:
        await peer.opened()
        assert await peer.error() == "amqp:resource-limit-exceeded"
    await server.stop()


async def test_random_bytes_never_stop_the_server(bus: Bus) -> None:
    for seed in range(20):
        data = noise(seed)
        async with Peer.connect(bus.server.amqp_port) as peer:
            await peer.opened()
            peer.writer.write(HEAD.pack(8 + len(data), 2, 0, 0) + data)
            assert await peer.error() == "amqp:decode-error"
    await bus.send("plain", "still here")


def noise(seed: int) -> bytes:
    """Bytes that start like a performative and go wrong from there."""
    chance = random.Random(seed)
    data = b"\x00\x53" + bytes((chance.choice((0x12, 0x13, 0x14, 0x15)),)) + chance.randbytes(40)
    with contextlib.suppress(DecodeError):
        decode(data)
        return data[:5]
    return data
