"""One trace from the event to contained, and metrics of the same way, by OTLP and for Prometheus."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from deploy.sandbox.processes import free_port
from deploy.sandbox.stage import Started, eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import Scene, grid_event, leaks
from workers.telemetry.instruments import DECLARED

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Span(NamedTuple):
    """What a collector is told of one."""

    trace: str
    service: str
    name: str
    attributes: dict[str, str]


class Collector:
    """Takes spans as OTLP's binary protobuf over HTTP.

    Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.spans: list[Span] = []

    async def traces(self, request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            about = {a.key: a.value.string_value for a in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                attributes = {a.key: a.value.string_value for a in span.attributes}
                self.spans.append(Span(span.trace_id.hex(), about["service.name"], span.name, attributes))
        return web.Response(content_type="application/x-protobuf")


class Traced(System):
    """A system whose processes send spans, and serve metrics."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.health_ports = {"bot": free_port(), "workers": free_port()}

    async def _spawn(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> dict[str, object]:
        if name in self.health_ports and environment is not None:
            environment = environment | {"STARTGATE_HEALTH_PORT": str(self.health_ports[name])}
        return await super()._spawn(name, *command, environment=environment)


class Way(NamedTuple):
    """A start that was told with a ``traceparent``, rejected by its owner and contained."""

    scene: Scene
    collector: Collector
    approval: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def way(own: Start, tmp_path_factory: object) -> AsyncIterator[Way]:
    collector = Collector()
    app = web.Application()
    app.add_routes([web.post("/v1/traces", collector.traces)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", collector.port).start()
    variables = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{collector.port}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    policy = write_policy(tmp_path_factory.mktemp("traced"))  # type: ignore[attr-defined]
    scene = await own(Traced(policy=policy, speed=0, extra=QUICK | variables))
    vm = await scene.new_vm(power="running")
    start = Started(
        vm=vm["name"],
        vm_id=vm["id"],
        correlation_id="",
        seq=await scene.slack.last_seq(),
        bus_seq=await scene.bus.last_seq(),
    )
    await scene.send(as_cloud_event(grid_event(vm["id"])))
    copies = await scene.copies(start, 2)
    card = next(copy for copy in copies if copy.channel.startswith("D"))
    await scene.reject("olivia", card, "not mine")
    await scene.until_contained(card)
    (opened,) = await scene.audited("approval.opened", vm["id"])
    yield Way(scene, collector, opened["about"])
    await runner.cleanup()


def as_cloud_event(event: dict[str, Any]) -> dict[str, Any]:
    """With the attribute of the distributed tracing extension.

    Source: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
    """
    names = {"id": "id", "type": "eventType", "time": "eventTime", "subject": "subject", "data": "data"}
    around = {"specversion": "1.0", "source": "/subscriptions/s1", "traceparent": TRACEPARENT}
    return around | {name: event[old] for name, old in names.items()}


async def test_one_trace_goes_from_the_event_to_the_writes_in_azure_and_back_to_the_card(way: Way) -> None:
    def named(*words: str) -> bool:
        return any(span.trace == TRACE and all(w in span.name for w in words) for span in way.collector.spans)

    wanted = [
        ("start",),  # taken in
        ("show",),
        ("chat.postMessage",),
        ("answer",),
        ("contain",),
        ("PUT", "networkinterfaces"),  # the first write
        ("POST", "virtualmachines/deallocate"),
    ]

    async def whole() -> bool:
        return all(named(*words) for words in wanted)

    try:
        await eventually("all spans of the trace", whole)
    except TimeoutError:
        missing = [words for words in wanted if not named(*words)]
        raise AssertionError(f"not in the trace: {missing}") from None
    ours = [span for span in way.collector.spans if span.trace == TRACE]
    assert {span.service for span in ours} == {"startgate-workers", "startgate-bot"}
    assert any(span.attributes.get("startgate.approval") == way.approval for span in ours)


async def test_no_span_is_called_after_a_vm_or_quotes_a_secret(way: Way) -> None:
    (opened,) = [one for one in await way.scene.audit("approval.opened") if one["about"] == way.approval]
    vm = opened["vm"].rpartition("/")[2]
    assert not [span for span in way.collector.spans if vm in span.name]
    assert not leaks(repr(way.collector.spans))


@pytest.mark.parametrize("process", ["bot", "workers"])
async def test_lines_of_the_log_name_the_trace_and_what_they_are_about(way: Way, process: str) -> None:
    text = way.scene.system.processes[process].log_path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    about = [line for line in lines if line.get("trace_id") == TRACE]
    assert any(line.get("approval") == way.approval for line in about), about


async def metrics(scene: Scene, process: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    assert isinstance(scene.system, Traced)
    url = f"http://127.0.0.1:{scene.system.health_ports[process]}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        text = await answer.text()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(found: dict[str, list[tuple[dict[str, str], float]]], name: str, **labels: str) -> float:
    return sum(v for had, v in found.get(name, []) if labels.items() <= had.items())


async def test_both_processes_tell_prometheus_of_the_way(way: Way) -> None:
    workers, bot = await metrics(way.scene, "workers"), await metrics(way.scene, "bot")
    assert total(workers, "startgate_starts_total", outcome="asked") == 1
    assert total(bot, "startgate_ask_duration_seconds_count") == 1
    assert total(bot, "startgate_answer_duration_seconds_count", answer="rejected") == 1
    assert total(workers, "startgate_first_write_duration_seconds_count", cause="rejection") == 1
    assert total(workers, "startgate_contain_duration_seconds_count", outcome="contained") == 1
    assert total(
        workers,
        "startgate_arm_request_duration_seconds_count",
        operation="POST microsoft.compute/virtualmachines/deallocate",
        status="202",
    )
    assert total(
        bot, "startgate_slack_request_duration_seconds_count", method="chat.postMessage", status="200"
    )
    assert total(workers, "startgate_message_age_seconds_count", queue="starts") >= 1
    assert total(workers, "startgate_sweep_duration_seconds_count", sweep="resync", result="ok") >= 1
    assert total(workers, "startgate_dependency_up", dependency="redis") == 1
    for found in (workers, bot):
        assert total(found, "startgate_policy") == 1
        assert total(found, "startgate_ready") == 1


async def test_every_series_is_declared_with_these_labels_and_no_more(way: Way) -> None:
    for process in ("workers", "bot"):
        for name, samples in (await metrics(way.scene, process)).items():
            if not name.startswith("startgate_"):
                continue
            family = re.sub(r"_(total|bucket|count|sum|created)$", "", name)
            declared = {prometheus_name(one): one for one in DECLARED}
            labels = DECLARED[declared[family]].labels
            assert all(set(had) - {"le"} == set(labels) for had, _ in samples), name


def prometheus_name(name: str) -> str:
    suffix = "_seconds" if DECLARED[name].unit == "s" else ""
    return name.replace(".", "_") + suffix
