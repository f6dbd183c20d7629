"""The stand-in as a whole: the broker, and an HTTP side to look into it and to disturb it."""

import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.sandbox.servicebus.auth.certificate import server_context
from deploy.sandbox.servicebus.auth.keys import ROOT, Keys, Policy
from deploy.sandbox.servicebus.broker import Broker
from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.journal import Journal, NoJournal
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.messages import MAX_MESSAGE_ID, Settings
from deploy.sandbox.servicebus.namespace import DEFAULT_QUEUES, Namespace
from deploy.sandbox.servicebus.queues import Queue
from deploy.sandbox.servicebus.sections import build, read
from deploy.sandbox.servicebus.state import describe
from deploy.sandbox.standin import LOOPBACK, StandIn


def unix_ms() -> int:
    """The wall clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class PutMessage(BaseModel):
    """A message without AMQP. A body that is not text is sent as its JSON."""

    model_config = ConfigDict(extra="forbid")

    body: Any
    message_id: str | None = Field(default=None, max_length=MAX_MESSAGE_ID)
    application_properties: dict[str, str | int | float | bool | None] = {}
    schedule_at_ms: int | None = None


class BusServer(StandIn):
    """A Service Bus namespace on loopback.

    Args:
        port: the HTTP port; 0 takes a free one.
        amqp_port: the AMQP port; the same.
        queues: which queues there are; ``starts``, ``work`` and ``notices`` when none is given.
        data: a directory for the journal; without one, nothing outlives the process.
        tls_port: another AMQP port, with TLS: ``AMQPS_PORT``, if clients are to find it; none without one.
        policies: whose tokens are good; the root policy of ``connection`` when none is given.
        limits: the times after which what nobody uses is ended.

    Attributes:
        certificate: the file that a client of the port with TLS has to trust; set by ``start``.

    Raises:
        JournalError: the directory holds messages of other queues, or a file that cannot be read.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        amqp_port: int = 0,
        queues: Iterable[Settings] = (),
        data: Path | None = None,
        tls_port: int | None = None,
        policies: Iterable[Policy] = (ROOT,),
        limits: Limits | None = None,
    ) -> None:
        super().__init__("servicebus", port=port)
        self.amqp_port = amqp_port
        journal = NoJournal() if data is None else Journal(data / "namespace.jsonl")
        self.namespace = Namespace(
            tuple(queues) or DEFAULT_QUEUES, clock=unix_ms, store=journal, witness=self.record.add
        )
        if isinstance(journal, Journal):
            self.namespace.restore(journal.replay())
            journal.open(self.namespace.queues.values())
        self.broker = Broker(self.namespace, journal, Keys(policies), limits or Limits())
        self.tls_port = tls_port
        self.certificate: Path | None = None
        self._certificates: tempfile.TemporaryDirectory[str] | None = None
        self.app.add_routes(
            [
                web.get("/_state", self._state),
                web.post("/_queues/{queue}/messages", self._put),
                web.delete("/_queues/{queue}/messages", self._purge),
                web.get("/_faults", self._get_faults),
                web.put("/_faults", self._put_faults),
                web.get("/_limits", self._get_limits),
                web.put("/_limits", self._put_limits),
            ]
        )

    @property
    def connection(self) -> str:
        """The connection string for the client."""
        return (
            f"Endpoint=sb://{LOOPBACK}:{self.amqp_port};SharedAccessKeyName={ROOT.name};"
            f"SharedAccessKey={ROOT.key};UseDevelopmentEmulator=true;"
        )

    @property
    def tls_connection(self) -> str:
        """The connection string for a client that uses TLS and trusts ``certificate``."""
        return f"Endpoint=sb://{LOOPBACK};SharedAccessKeyName={ROOT.name};SharedAccessKey={ROOT.key};"

    def ready(self) -> dict[str, Any]:
        """The ready line; it tells the connection strings too, and which certificate to trust."""
        told = {**super().ready(), "connection": self.connection}
        if self.certificate is not None:
            told |= {"tls_connection": self.tls_connection, "certificate": str(self.certificate)}
        return told

    async def start(self) -> None:
        """Listen on all ports."""
        self.amqp_port = await self.broker.start(LOOPBACK, self.amqp_port)
        if self.tls_port is not None:
            self._certificates = tempfile.TemporaryDirectory(prefix="servicebus-")
            context, self.certificate = server_context(Path(self._certificates.name), LOOPBACK)
            self.tls_port = await self.broker.start(LOOPBACK, self.tls_port, tls=context)
        await super().start()

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        await super().stop()
        await self.broker.stop()
        if self._certificates is not None:
            self._certificates.cleanup()
            self._certificates = None

    def _queue(self, request: web.Request) -> Queue:
        name = request.match_info["queue"].lower()
        if name not in self.namespace.queues:
            raise web.HTTPNotFound(text=f"no queue {name!r}; there are {', '.join(self.namespace.queues)}")
        return self.namespace.queues[name]

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(describe(self.namespace))

    async def _put(self, request: web.Request) -> web.Response:
        queue = self._queue(request)
        try:
            message = PutMessage.model_validate_json(await request.read())
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        text = message.body if isinstance(message.body, str) else json.dumps(message.body, ensure_ascii=False)
        data = build(
            text.encode(), message.message_id, message.application_properties, message.schedule_at_ms
        )
        (sequence,) = queue.send([read(data)])
        await self.broker.settled()
        return web.json_response({"sequence_number": sequence}, status=201)

    async def _purge(self, request: web.Request) -> web.Response:
        """Empty a queue, its dead letters included; ids stay in the history of duplicates."""
        queue = self._queue(request)
        removed = queue.purge() + (queue.dead_letters.purge() if queue.dead_letters else 0)
        await self.broker.settled()
        return web.json_response({"removed": removed})

    async def _get_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self.broker.faults.model_dump())

    async def _put_faults(self, request: web.Request) -> web.Response:
        try:
            faults = BusFaults.model_validate_json(await request.read())
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        self.broker.apply(faults)
        return web.json_response(faults.model_dump())

    async def _get_limits(self, _request: web.Request) -> web.Response:
        return web.json_response(self.broker.limits.model_dump())

    async def _put_limits(self, request: web.Request) -> web.Response:
        try:
            limits = Limits.model_validate_json(await request.read())
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        self.broker.limit(limits)
        return web.json_response(limits.model_dump())
