"""HTTP requests of a client session, counted and timed, each in a span of its own.

By aiohttp's own hooks, so every client that uses the session is seen, whoever made it.
Source: https://docs.aiohttp.org/en/stable/tracing_reference.html
"""

import time
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp
from opentelemetry.metrics import Histogram
from yarl import URL

from workers.telemetry.spans import Requesting

NameOf = Callable[[str, URL], str]
"""HTTP method and address → what the request is called: a kind of request, never one resource's name."""

_NO_ANSWER = "0"


def measured(instrument: Histogram, label: str, name_of: NameOf) -> aiohttp.TraceConfig:
    """For ``ClientSession(trace_configs=[…])``.

    Args:
        instrument: takes seconds until the head of the answer, by ``label`` and ``status``.
        label: which kind of request it was.
        name_of: tells the kind.
    """

    async def begin(
        _session: aiohttp.ClientSession, context: SimpleNamespace, sent: aiohttp.TraceRequestStartParams
    ) -> None:
        context.name = name_of(sent.method, sent.url)
        context.requesting = Requesting(context.name)
        context.begun = time.perf_counter()

    def end(context: SimpleNamespace, status: str) -> None:
        instrument.record(time.perf_counter() - context.begun, {label: context.name, "status": status})
        with context.requesting:
            context.requesting.answered(int(status))

    async def answered(
        _session: aiohttp.ClientSession, context: SimpleNamespace, got: aiohttp.TraceRequestEndParams
    ) -> None:
        end(context, str(got.response.status))

    async def failed(
        _session: aiohttp.ClientSession, context: SimpleNamespace, _got: aiohttp.TraceRequestExceptionParams
    ) -> None:
        end(context, _NO_ANSWER)

    config = aiohttp.TraceConfig()
    config.on_request_start.append(begin)
    config.on_request_end.append(answered)
    config.on_request_exception.append(failed)
    return config
