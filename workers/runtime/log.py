"""Logs: one event a line, JSON or text, and no secret in any of them."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog
from opentelemetry import trace

from workers.runtime.secrets import redacted


def _name_trace(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The id of the trace that this line belongs to, as traces spell it."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event


def _redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not isinstance(value, (int, float, type(None))):
            event[key] = redacted(str(value))
    return event


class _Standard(logging.Handler):
    """Hands the SDKs' own log records to structlog, so that they are redacted too."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        fields: dict[str, Any] = {}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        logger.log(record.levelno, record.getMessage(), **fields)


def configure_logging(form: Literal["json", "text"], *, process: str, level: int = logging.INFO) -> None:
    """Set up structlog and route the standard library's logging through it. Call it once, at start.

    Args:
        form: a JSON object or text for each line.
        process: which one this is, in every line.
        level: what is less is left out: a command's answer stands alone, without what services would log.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _name_trace,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Tracebacks become text before redaction: an exception's text may quote a secret.
            structlog.processors.format_exc_info,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    root = logging.getLogger()
    root.handlers[:] = [_Standard()]
    root.setLevel(logging.WARNING)
    # The SDKs log whole requests at INFO.
    logging.getLogger("azure").setLevel(logging.WARNING)
