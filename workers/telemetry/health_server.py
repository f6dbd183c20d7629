"""``/healthz``, ``/readyz`` and ``/metrics``, for container platforms, people with curl, and Prometheus."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

_NOT_READY = 503


@contextlib.asynccontextmanager
async def serving(health: Health, *, host: str, port: int) -> AsyncIterator[None]:
    """Serve while inside; does nothing for port 0.

    ``/healthz`` answers 200 as long as the event loop turns: restart the process when it does not. It says
    nothing about dependencies, because a restart heals none of them. ``/readyz`` answers 200 when the process
    runs and every dependency answers, else 503; both times with JSON that names each dependency and each
    sweep. ``/metrics`` answers in Prometheus' text format.

    Raises:
        OSError: the port is taken.
    """
    if port == 0:
        yield
        return
    app = web.Application()
    app.add_routes(
        [web.get("/healthz", _alive), web.get("/readyz", _readiness(health)), web.get("/metrics", _metrics)]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        log.info("health is served", host=host, port=port)
        yield
    finally:
        health.stopping()
        await runner.cleanup()


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _alive(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True}, headers={"Cache-Control": "no-store"})


def _readiness(health: Health) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def readyz(_request: web.Request) -> web.Response:
        return web.json_response(
            health.as_json(),
            status=200 if health.is_ready else _NOT_READY,
            headers={"Cache-Control": "no-store"},
        )

    return readyz
