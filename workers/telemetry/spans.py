"""One trace from an event to the proof that its VM is contained, across processes, queues and hours.

W3C's ``traceparent`` travels in the application properties of each message, and is kept with the approval
and the containment. Whatever is done about a document is a span of its trace, however it was reached: by a
message of the same trace, by a click, by a sweep. The same trace and not a new one with a link: who asks *why
was this VM stopped?* wants one list from the start to the stop, and the sampling that was decided at its
beginning holds for all of it. Where work begins in another trace, such as a sweep's, a link names that one.
Source: https://www.w3.org/TR/trace-context/

Lines of the log carry the ids of the approval and the containment that they are about, and of the trace.

Without an exporter none of this does anything but bind those ids.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Self
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"
"""Name of the application property, of the CloudEvents extension, and of the header."""

Property = int | float | bytes | bool | str | UUID
"""What the bus's client takes as the value of one."""

_REFUSED = 400
_tracer = trace.get_tracer("startgate")
_w3c = TraceContextTextMapPropagator()


def here() -> str:
    """The current span as a ``traceparent``; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get(TRACEPARENT, "")


def properties() -> dict[str | bytes, Property] | None:
    """Application properties of a message that is sent now; ``None`` where nothing is traced."""
    traceparent = here()
    return {TRACEPARENT: traceparent} if traceparent else None


def traced() -> bool:
    """Whether this process traces at all; what only serves that is left out elsewhere."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextlib.contextmanager
def taken(queue: str, sent_with: Mapping[str, object]) -> Iterator[None]:
    """A message of this queue is worked on, as a part of the trace that sent it."""
    if not traced():
        yield
        return
    parent = _parent(str(sent_with.get(TRACEPARENT, "")))
    with _span(f"{queue} process", kind=SpanKind.CONSUMER, context=parent):
        yield


@contextlib.contextmanager
def following(name: str, kept: str, **about: str) -> Iterator[None]:
    """A span of the trace that was kept, and the ids of what it is about on each line of the log.

    Args:
        name: what is done; never a VM's name.
        kept: the ``traceparent`` of the document; empty makes a span of the current trace, or a new one.
        about: such as ``approval="a…"``.
    """
    with structlog.contextvars.bound_contextvars(**about):
        if not traced():
            yield
            return
        now = trace.get_current_span().get_span_context()
        parent = _parent(kept)
        theirs = trace.get_current_span(parent).get_span_context() if parent is not None else now
        if parent is None or theirs.trace_id == now.trace_id:
            parent = None
        elsewhere = (Link(now),) if parent is not None and now.is_valid else ()
        with _span(name, context=parent, links=elsewhere) as span:
            for key, value in about.items():
                span.set_attribute(f"startgate.{key}", value)
            yield


class Requesting:
    """A request under way to somebody else; entered, it is a span, where something is traced."""

    def __init__(self, name: str) -> None:
        self._span = _tracer.start_span(name, kind=SpanKind.CLIENT) if traced() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._span is not None:
            self._span.end()

    def answered(self, status: int) -> None:
        """The answer's status; 0 for none."""
        if self._span is None:
            return
        self._span.set_attribute("http.response.status_code", status)
        if status == 0 or status >= _REFUSED:
            self._span.set_status(Status(StatusCode.ERROR))


@contextlib.contextmanager
def _span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    context: Context | None = None,
    links: tuple[Link, ...] = (),
) -> Iterator[Span]:
    """A span that is current inside. What is raised names its kind alone: its text may quote a secret."""
    with _tracer.start_as_current_span(
        name, context, kind, links=links, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", type(error).__name__)
            raise


def _parent(traceparent: str) -> Context | None:
    """The context of a ``traceparent``; ``None`` for one that is empty, or none at all."""
    if not traceparent:
        return None
    context = _w3c.extract({TRACEPARENT: traceparent}, Context())
    return context if trace.get_current_span(context).get_span_context().is_valid else None
