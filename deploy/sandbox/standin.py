"""What every stand-in has in common: an HTTP side on loopback, a record, and a life as a process."""

import asyncio
import json
import signal
from typing import Any

from aiohttp import web

from deploy.sandbox.record import Record

LOOPBACK = "127.0.0.1"


class StandIn:
    """Base of the stand-ins. Subclasses add routes to ``self.app`` in their constructor.

    Args:
        name: its word in logs and in the ready line.
        port: the HTTP port; 0 takes a free one, to be read from ``url`` after ``start``.
    """

    def __init__(self, name: str, *, port: int = 0, middlewares: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.port = port
        self.record = Record()
        self.app = web.Application(middlewares=middlewares, client_max_size=16 * 1024 * 1024)
        self.app.add_routes(self.record.routes())
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Listen; returns when connections are taken."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def ready(self) -> dict[str, Any]:
        """The line printed once it listens, for whoever started the process."""
        return {"ready": self.name, "url": self.url}


async def serve(standin: StandIn) -> None:
    """Run until SIGTERM or SIGINT, having printed the ready line as one JSON object."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await standin.start()
    print(json.dumps(standin.ready()), flush=True)
    await stop.wait()
    await standin.stop()
