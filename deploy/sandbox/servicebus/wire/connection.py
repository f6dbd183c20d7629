"""One client's connection: protocol headers, SASL, frames in, frames out. Time is the matter of ``watch``.

A peer that breaks the protocol is told which rule and loses this connection; the server goes on.
"""

import asyncio
import logging
import socket
from collections import deque
from typing import cast

from deploy.sandbox.servicebus.amqp.codec import DecodeError
from deploy.sandbox.servicebus.amqp.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    HEAD,
    SASL_HEADER,
    SASL_TYPE,
    AmqpError,
    Begin,
    Close,
    End,
    Open,
    SaslInit,
    SaslOutcome,
    frame,
    mechanisms,
    parse,
)
from deploy.sandbox.servicebus.auth.claims import Claims
from deploy.sandbox.servicebus.wire.roles import ConnectionOwner, LinkView
from deploy.sandbox.servicebus.wire.session import Session
from deploy.sandbox.servicebus.wire.watch import Watch

MAX_FRAME = 65_536
"""Bytes in one frame from the client; the service's Standard tier says the same."""
MAX_CHANNEL = 4999

_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Reads what one client sends, and gathers what it is to be sent until the broker's turn."""

    def __init__(self, broker: ConnectionOwner) -> None:
        self.broker = broker
        self.claims = Claims()
        self.max_frame = 512
        self.paused = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._rest = b""
        self._stage = "sasl header"
        self._sessions: dict[int, Session] = {}
        self._out: list[bytes] = []
        self._late: deque[tuple[float, bytes]] = deque()
        self._late_timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._silent = False
        self._spoke_at = self._loop.time()
        self._watch = Watch(self, self._loop)

    # -- asyncio's side ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch.start()
        self.broker.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._stage = "closed"
        for timer in (self._late_timer, self._beat):
            if timer is not None:
                timer.cancel()
        self._watch.stop()
        self.drop_sessions()
        self.broker.closed(self)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.broker.wake()

    def data_received(self, data: bytes) -> None:
        if self._silent:
            return
        self._watch.heard()
        data = self._rest + data if self._rest else data
        self._rest = b""
        try:
            self._rest = data[self._read(data) :]
        except AmqpError as error:
            self.close(error)
        except DecodeError as error:
            self.close(AmqpError("amqp:decode-error", str(error)))
        except Exception:
            _log.exception("a frame was not understood")
            self.close(AmqpError("amqp:internal-error", "this frame made the stand-in fail; see its log"))

    def _read(self, data: bytes) -> int:
        """Take every whole header and frame; returns where the rest starts."""
        pos = 0
        while self._stage not in ("closing", "closed") and len(data) - pos >= HEAD.size:
            if self._stage.endswith("header"):
                self._header(data[pos : pos + 8])
                pos += 8
                continue
            size, offset, kind, channel = HEAD.unpack_from(data, pos)
            if not 8 <= 4 * offset <= size <= MAX_FRAME:
                raise AmqpError("amqp:connection:framing-error", f"no frame has size {size}, offset {offset}")
            if len(data) - pos < size:
                break
            self._frame(kind, channel, data[pos + 4 * offset : pos + size])
            pos += size
        return pos

    # -- sending -----------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send at the end of this turn."""
        self._out.append(data)
        self.broker.wake(self)

    def send_late(self, data: bytes) -> None:
        """Send an answer or a delivery: later, while the faults say so, but always in order."""
        delay_ms = self.broker.faults.delay_ms
        if not delay_ms and not self._late:
            self._out.append(data)
            self.broker.wake(self)
            return
        self._late.append((self._loop.time() + delay_ms / 1000, data))
        if self._late_timer is None:
            self._late_timer = self._loop.call_at(self._late[0][0], self._send_due)

    def _send_due(self) -> None:
        self._late_timer = None
        now = self._loop.time()
        while self._late and self._late[0][0] <= now + 0.001:
            self.send(self._late.popleft()[1])
        if self._late:
            self._late_timer = self._loop.call_at(self._late[0][0], self._send_due)

    def write_out(self) -> None:
        """Write what was gathered, in one go. Only the broker's turn calls this."""
        if self._out and not self._silent and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
            self._spoke_at = self._loop.time()
        self._out.clear()
        if self._stage == "closing":
            self._stage = "closed"
            self._transport.close()

    def cut(self) -> None:
        """Drop the connection without a word."""
        self._stage = "closed"
        self._out.clear()
        self._transport.abort()

    def fall_silent(self) -> None:
        """Hear nothing and say nothing from now on, but keep TCP open."""
        self._silent = True

    def drop_sessions(self) -> None:
        """End all sessions here, without a word to the client."""
        for session in self._sessions.values():
            session.drop()
        self._sessions.clear()

    def close(self, error: AmqpError) -> None:
        """Close it, and say why."""
        if self._silent:
            self.drop_sessions()
            return
        _log.info("connection closed: %s", error)
        if self._stage in ("open", "amqp"):
            if self._stage == "amqp":
                self.send(frame(0, Open("standin")))
            self.send(frame(0, Close(error.wire())))
        self._stage = "closing"
        self.broker.wake(self)

    # -- receiving ---------------------------------------------------------------------------------

    def _header(self, header: bytes) -> None:
        wanted = SASL_HEADER if self._stage == "sasl header" else AMQP_HEADER
        self.send(wanted)
        if header != wanted:
            # The specification's way to say which protocol is spoken here: its header, then the end.
            raise AmqpError("amqp:connection:framing-error", f"the header {header!r} is not {wanted!r}")
        if wanted == SASL_HEADER:
            self.send(mechanisms())
            self._stage = "sasl"
        else:
            self._stage = "amqp"

    def _frame(self, kind: int, channel: int, body: bytes) -> None:
        if (kind == SASL_TYPE) != (self._stage == "sasl") or kind > SASL_TYPE:
            raise AmqpError("amqp:connection:framing-error", f"a frame of type {kind} out of place")
        if not body:
            return
        performative, end = parse(body)
        if self._stage == "open":
            if isinstance(performative, Begin):
                self._begin(channel, performative)
            elif isinstance(performative, Close):
                self.send(frame(0, Close()))
                self._stage = "closing"
            elif isinstance(performative, End):
                self.changed()
                self._session(channel).drop()
                del self._sessions[channel]
                self.send(frame(channel, End()))
            else:
                self._session(channel).on_frame(performative, body, end)
        elif isinstance(performative, Open) and self._stage == "amqp":
            self._open(performative)
        elif isinstance(performative, SaslInit) and self._stage == "sasl":
            self._sasl(performative)
        else:
            name = type(performative).__name__.lower()
            raise AmqpError("amqp:illegal-state", f"{name} cannot come now")

    def _sasl(self, init: SaslInit) -> None:
        anonymous = init.mechanism == "ANONYMOUS"
        self.send(frame(0, SaslOutcome(0 if anonymous else 1), kind=SASL_TYPE))
        self._stage = "amqp header" if anonymous else "closing"

    def _open(self, client: Open) -> None:
        self.max_frame = max(512, min(client.max_frame_size or MAX_FRAME, 1_048_576))
        self._stage = "open"
        reply = Open(
            container_id="startgate-standin",
            max_frame_size=MAX_FRAME,
            channel_max=MAX_CHANNEL,
            idle_time_out=int(self.broker.limits.connection_idle_s * 1000),
        )
        self.send(frame(0, reply))
        if client.idle_time_out:
            self._keep_alive(client.idle_time_out / 2000)

    def _begin(self, channel: int, begin: Begin) -> None:
        if channel in self._sessions or channel > MAX_CHANNEL:
            raise AmqpError("amqp:not-allowed", f"channel {channel} is in use, or too high")
        session = Session(self, channel, begin)
        self._sessions[channel] = session
        self.send(frame(channel, session.reply()))

    def _session(self, channel: int) -> Session:
        session = self._sessions.get(channel)
        if session is None:
            raise AmqpError("amqp:not-allowed", f"no session began on channel {channel}")
        return session

    # -- time --------------------------------------------------------------------------------------

    def changed(self) -> None:
        """A link was attached or is about to go, or a token was put: the watch has other times to keep."""
        self._watch.set()

    def watch(self) -> None:
        """Do what is due by the limits and the claims of now."""
        self._watch.look()

    def links(self) -> list[LinkView]:
        """All links to an entity, over all sessions."""
        return [link for session in self._sessions.values() for link in session.links()]

    def ask_for_echo(self) -> None:
        """Send each session a flow that asks for one in return."""
        for session in self._sessions.values():
            session.ask_for_echo()

    def _keep_alive(self, every_s: float) -> None:
        """Half the time after which the client would give us up: say something, if only nothing."""
        if self._loop.time() - self._spoke_at >= every_s / 2:
            self.send(EMPTY_FRAME)
        self._beat = self._loop.call_later(every_s, self._keep_alive, every_s)
