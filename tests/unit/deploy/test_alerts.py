"""Every alert stands on a signal that there is: a line that the code logs, or a documented metric."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog.testing

from tests.unit.deploy.templates import ROOT, resource, variable
from workers.domain.audit import AuditRecord
from workers.store.log_lines import tell

ALERTS = "modules/alerts.bicep"

METRICS = {
    "Microsoft.ServiceBus/namespaces": {"ActiveMessages", "DeadletteredMessages", "ThrottledRequests"},
    "Microsoft.Cache/redisEnterprise": {"usedmemorypercentage"},
    "Microsoft.App/containerApps": {"Replicas", "RestartCount"},
    "Microsoft.EventGrid/systemTopics": {"DeadLetteredCount"},
}
"""Source: https://learn.microsoft.com/azure/azure-monitor/reference/metrics-index"""


def logged(folder: Path) -> Iterator[str]:
    """The event of every line that this half of the product logs."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)


def told_of_the_audit() -> Iterator[str]:
    """The audit's records that are logged as lines, as far as the workers write them."""
    kinds = {
        node.value
        for path in (ROOT / "workers" / "use_cases").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value
    }
    for kind in sorted(kinds):
        with structlog.testing.capture_logs() as lines:
            tell([AuditRecord(kind=kind, at=datetime.now(UTC))])
        yield from (line["event"] for line in lines)


LINES = variable(ALERTS, "lines")
OF_THE_WORKERS = {*logged(ROOT / "workers"), *told_of_the_audit()}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["name"])
def test_an_alert_looks_for_a_line_that_this_process_logs(line: dict[str, str]) -> None:
    # The bot runs the store and the bus of the workers' package as well.
    by_process = {"workersName": OF_THE_WORKERS, "botName": OF_THE_WORKERS | set(logged(ROOT / "bot"))}
    assert line["event"].replace("\\'", "'") in by_process[line["app"]]


def test_an_hour_without_starts_is_told_by_the_line_that_takes_a_start_in() -> None:
    query = resource(ALERTS, "noStarts")["properties"]["criteria"]["allOf"][0]["query"]
    for line in ("start event", "start.passed"):
        assert f'"{line}"' in str(query)
        assert line in OF_THE_WORKERS


def test_a_canary_that_was_not_seen_is_told_by_the_line_that_is_missing() -> None:
    query = resource(ALERTS, "canarySilent")["properties"]["criteria"]["allOf"][0]["query"]
    assert '== "canary seen"' in str(query)
    assert "canary seen" in OF_THE_WORKERS


def test_every_metric_is_one_of_its_service() -> None:
    metrics = [(one["namespace"], one["metric"]) for one in variable(ALERTS, "metrics")]
    lost = resource("modules/events.bicep", "lost")["properties"]["criteria"]["allOf"][0]
    for namespace, metric in [*metrics, (lost["metricNamespace"], lost["metricName"])]:
        assert metric in METRICS[namespace]


def test_every_alert_says_what_to_do_and_has_a_name_of_its_own() -> None:
    alerts = [*variable(ALERTS, "metrics"), *LINES]
    names = [one["name"] for one in alerts]
    assert len(set(names)) == len(names)
    assert all(one["description"].count(".") >= 1 or ":" in one["description"] for one in alerts)
