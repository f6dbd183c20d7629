"""A client on a raw socket, for what the real one never says or never shows."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any, TypeVar
from urllib.parse import quote_plus
from uuid import UUID, uuid4

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.amqp.codec import Described, Ulong
from deploy.sandbox.servicebus.amqp.encoding import encode
from deploy.sandbox.servicebus.amqp.frames import (
    AMQP_HEADER,
    HEAD,
    SASL_HEADER,
    Attach,
    Begin,
    Close,
    Detach,
    Flow,
    Open,
    Performative,
    SaslInit,
    Transfer,
    frame,
    parse,
)
from deploy.sandbox.servicebus.auth.keys import ROOT
from deploy.sandbox.servicebus.sections import APPLICATION_PROPERTIES, PROPERTIES, VALUE, whole

Kind = TypeVar("Kind")


def signature(resource: str, *, policy: str = ROOT.name, key: str = ROOT.key, lives_s: float = 60) -> str:
    """A token as the documentation of shared access signatures makes it."""
    until = int(time.time() + lives_s)
    encoded = quote_plus(resource)
    signed = hmac.new(key.encode(), f"{encoded}\n{until}".encode(), hashlib.sha256).digest()
    sent = quote_plus(base64.b64encode(signed))
    return f"SharedAccessSignature sr={encoded}&sig={sent}&se={until}&skn={policy}"


class Peer:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.payload = b""
        """What came with the last frame."""
        self.asked: dict[tuple[int, int], int] = {}
        self.sent = -1

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, port: int) -> AsyncIterator["Peer"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def opened(self, **options: Any) -> None:
        init = frame(0, SaslInit("ANONYMOUS"), kind=1)
        begun = frame(0, Begin(None, 0, 100, 100))
        self.writer.write(SASL_HEADER + init + AMQP_HEADER + frame(0, Open("peer", **options)) + begun)
        assert await self.reader.readexactly(8) == SASL_HEADER
        for _ in range(2):
            await self.read()
        assert await self.reader.readexactly(8) == AMQP_HEADER
        assert isinstance(await self.read(), Open)
        assert isinstance(await self.read(), Begin)

    async def read(self) -> Performative | None:
        size, _, _, _ = HEAD.unpack(await self.reader.readexactly(8))
        body = await self.reader.readexactly(size - 8)
        if not body:
            return None
        performative, end = parse(body)
        self.payload = body[end:]
        return performative

    async def error(self) -> str:
        """The condition of the close it is sent, after which the connection must end."""
        while not isinstance(got := await self.read(), Close):
            pass
        assert isinstance(got.error, Described)
        assert await self.reader.read() == b""
        return str(got.error.value[0])

    # -- links -------------------------------------------------------------------------------------

    async def expect(self, kind: type[Kind], within_s: float = 3) -> Kind:
        """The next frame of a kind; others are passed over."""
        async with asyncio.timeout(within_s):
            while not isinstance(got := await self.read(), kind):
                pass
            return got

    async def quiet(self, for_s: float) -> bool:
        """Whether nothing is heard, not even the end, for so long."""
        try:
            async with asyncio.timeout(for_s):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False

    def say(self, performative: Performative, payload: bytes = b"") -> None:
        self.writer.write(frame(0, performative, payload))

    async def attach(self, handle: int, address: str, *, receives: bool) -> Attach:
        """A link that receives from an address, or sends to it; a receiver gives ten of credit."""
        source = Described(0x28, [address if receives else "here"])
        target = Described(0x29, ["here" if receives else address])
        self.say(Attach(f"link{handle}", handle, receives, source=source, target=target))
        answer = await self.expect(Attach)
        if receives:
            self.say(Flow(0, 5000, 0, 5000, handle, 0, 10))
        return answer

    async def ask(self, handles: tuple[int, int], address: str, body: Any, **about: Any) -> dict[str, Any]:
        """Ask a node and return its application properties; the pair of links is attached at first use."""
        sends, receives = handles
        if handles not in self.asked:
            await self.attach(receives, address, receives=True)
            await self.attach(sends, address, receives=False)
            self.asked[handles] = 0
        number = self.asked[handles]
        self.asked[handles] += 1
        request = b"".join(
            encode(Described(Ulong(code), value))
            for code, value in ((PROPERTIES, [uuid4()]), (APPLICATION_PROPERTIES, about), (VALUE, body))
        )
        self.sent += 1
        self.say(Transfer(sends, self.sent, number.to_bytes(4, "big"), 0, settled=True), request)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                got = await self.read()
                if isinstance(got, Transfer) and got.handle == receives:
                    properties: dict[str, Any] = whole(self.payload)[APPLICATION_PROPERTIES]
                    return properties

    async def put_token(self, entity: str, token: str | None = None) -> int:
        """Put a token for an entity, a good one unless it is given; returns the status."""
        uri = f"sb://localhost/{entity}"
        told = await self.ask(
            (100, 101), "$cbs", token or signature(uri), operation="put-token", name=uri, type="jwt"
        )
        return int(told["status-code"])

    async def settle_by_management(self, queue: str, tag: bytes) -> int:
        """Complete a delivery through the management node; returns the status."""
        body = {"disposition-status": "completed", "lock-tokens": [UUID(bytes_le=tag)]}
        address = f"{queue}/$management"
        told = await self.ask((102, 103), address, body, operation="com.microsoft:update-disposition")
        return int(told["statusCode"])


def condition(ended: Detach | Close) -> tuple[str, str]:
    """The condition and the description of the error that a link or connection was ended with."""
    assert isinstance(ended.error, Described)
    return str(ended.error.value[0]), str(ended.error.value[1])
