"""Whatever is done about a document is a span of its trace, however it was reached."""

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.tracing import recorded
from workers.telemetry.spans import following, here, properties, taken

KEPT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = KEPT[3:35]


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = recorded()
    exporter.clear()
    return exporter


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    (found,) = [span for span in spans.get_finished_spans() if span.name == name]
    return found


def trace_of(traceparent: str) -> str:
    return traceparent[3:35]


def test_where_nothing_is_traced_nothing_is_sent_along() -> None:
    assert (here(), properties()) == ("", None)


def test_work_reached_by_a_message_of_the_same_trace_is_a_child_of_it(spans: InMemorySpanExporter) -> None:
    with taken("work", {"traceparent": KEPT}), following("contain", KEPT):
        inside = here()
    assert trace_of(inside) == TRACE
    child, parent = named(spans, "contain"), named(spans, "work process")
    assert child.parent is not None
    assert child.parent.span_id == parent.context.span_id
    assert not child.links


def test_work_reached_from_another_trace_joins_its_own_and_links_it(
    spans: InMemorySpanExporter,
) -> None:
    with following("sweep", ""):
        sweep = here()
        with following("contain", KEPT):
            inside = here()
        assert here() == sweep
    assert trace_of(inside) == TRACE != trace_of(sweep)
    (link,) = named(spans, "contain").links
    assert f"{link.context.trace_id:032x}" == trace_of(sweep)


def test_a_click_hours_later_joins_the_trace_that_was_kept(spans: InMemorySpanExporter) -> None:
    with following("answer", KEPT, approval="a1"):
        assert properties() == {"traceparent": here()}
        assert trace_of(here()) == TRACE
    answer = named(spans, "answer")
    assert not answer.links
    assert dict(answer.attributes or {}) == {"startgate.approval": "a1"}


@pytest.mark.parametrize("forged", ["", "x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", KEPT[:-1], "é" * 55])
def test_what_is_no_traceparent_begins_a_new_trace(spans: InMemorySpanExporter, forged: str) -> None:
    with taken("starts", {"traceparent": forged}):
        assert trace_of(here()) not in ("", TRACE, "0" * 32)
    assert named(spans, "starts process").parent is None


def test_a_failure_names_its_kind_and_never_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ConnectionError), following("contain", KEPT):
        raise ConnectionError("rediss://user:hunter22@cache:6380 refused")
    failed = named(spans, "contain")
    assert not failed.status.is_ok
    assert "hunter22" not in failed.to_json()
    assert '"error.type": "ConnectionError"' in failed.to_json()


def test_lines_of_the_log_carry_what_they_are_about_and_only_inside() -> None:
    with following("answer", "", approval="a1"):
        with following("contain", "", containment="c1"):
            assert structlog.contextvars.get_contextvars() == {"approval": "a1", "containment": "c1"}
        assert structlog.contextvars.get_contextvars() == {"approval": "a1"}
    assert "approval" not in structlog.contextvars.get_contextvars()
