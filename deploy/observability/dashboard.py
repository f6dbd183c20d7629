"""Grafana's dashboard, made from a list of panels: ``python -m deploy.docs`` writes ``dashboard.json``.

The format is Grafana's classic one, which every version since 9 imports.
Source: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

import json
from typing import Any, NamedTuple

NOT_SHOWN: dict[str, str] = {}
"""Instruments that are on no panel, each with the reason."""

_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3
_SECONDS, _COUNT, _RATE = "s", "short", "ops"
_SOURCE = {"type": "prometheus", "uid": "${source}"}


class Panel(NamedTuple):
    """One panel. ``lines`` maps a legend, in Grafana's ``{{label}}`` notation, to what it shows."""

    title: str
    unit: str
    lines: dict[str, str]
    kind: str = "timeseries"


def _quantiles(metric: str, by: str = "") -> dict[str, str]:
    labels = f"le, {by}" if by else "le"
    name = f"{{{{{by}}}}} " if by else ""
    return {
        f"{name}p{round(share * 100)}": (
            f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"
        )
        for share in (0.5, 0.95)
    }


def _rate(metric: str, by: str, where: str = "") -> dict[str, str]:
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return {legend: f"sum by ({by}) (rate({metric}{where}[$__rate_interval]))"}


def _many(metric: str, by: str) -> dict[str, str]:
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return {legend: f"sum by ({by}) (increase({metric}[$__range]))"}


ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Open questions", _COUNT, {"open": "max(startgate_approvals_open)"}, "stat"),
        Panel("VMs that are contained", _COUNT, {"standing": "max(startgate_containments_standing)"}, "stat"),
        Panel(
            "What needs somebody",
            _COUNT,
            {
                "overdue": "max(startgate_documents_overdue)",
                "on no card": "max(startgate_documents_unshown)",
                "dead letters in {{queue}}": "max by (queue) (startgate_dead_letters)",
            },
            "stat",
        ),
        Panel("Processes that take work", _COUNT, {"{{job}}": "sum by (job) (startgate_ready)"}, "stat"),
        Panel(
            "What they need answers",
            _COUNT,
            {"{{dependency}}": "min by (dependency) (startgate_dependency_up)"},
        ),
        Panel("Policy in force", _COUNT, {"{{sha256}}": "count by (sha256) (startgate_policy)"}, "table"),
    ),
    "Starts and questions": (
        Panel("Starts by what they led to", _RATE, _rate("startgate_starts_total", "outcome")),
        Panel("Time to ask", _SECONDS, _quantiles("startgate_ask_duration_seconds")),
        Panel("Time to answer", _SECONDS, _quantiles("startgate_answer_duration_seconds", "answer")),
        Panel("What happened to questions", _COUNT, _many("startgate_approvals_total", "event"), "bargauge"),
        Panel(
            "Decisions on no replica in time",
            _COUNT,
            {"decisions": "sum(increase(startgate_decisions_unreplicated_total[$__range]))"},
            "stat",
        ),
        Panel("Canaries", _COUNT, _many("startgate_canaries_total", "result"), "bargauge"),
        Panel(
            "Canary: time to each stage", _SECONDS, _quantiles("startgate_canary_duration_seconds", "stage")
        ),
        Panel("Refusals", _COUNT, _many("startgate_refusals_total", "kind"), "bargauge"),
    ),
    "Containments": (
        Panel("Time to first write", _SECONDS, _quantiles("startgate_first_write_duration_seconds", "cause")),
        Panel("Time to the end", _SECONDS, _quantiles("startgate_contain_duration_seconds", "outcome")),
        Panel("Time to restore", _SECONDS, _quantiles("startgate_restore_duration_seconds", "outcome")),
        Panel("What happened", _COUNT, _many("startgate_containments_total", "event"), "bargauge"),
        Panel("Steps", _COUNT, _many("startgate_steps_total", "step, event"), "table"),
    ),
    "Azure and Slack": (
        Panel(
            "Azure: requests",
            _RATE,
            _rate("startgate_arm_request_duration_seconds_count", "operation, status"),
        ),
        Panel("Azure: time", _SECONDS, _quantiles("startgate_arm_request_duration_seconds", "operation")),
        Panel(
            "Azure: throttled",
            _RATE,
            _rate("startgate_arm_request_duration_seconds_count", "operation", '{status="429"}'),
        ),
        Panel(
            "Slack: calls", _RATE, _rate("startgate_slack_request_duration_seconds_count", "method, status")
        ),
        Panel("Slack: time", _SECONDS, _quantiles("startgate_slack_request_duration_seconds", "method")),
        Panel(
            "Slack: throttled",
            _RATE,
            _rate("startgate_slack_request_duration_seconds_count", "method", '{status="429"}'),
        ),
    ),
    "Queues and sweeps": (
        Panel("Age of messages when taken", _SECONDS, _quantiles("startgate_message_age_seconds", "queue")),
        Panel("Messages taken", _RATE, _rate("startgate_message_age_seconds_count", "queue")),
        Panel(
            "Put off, dead-lettered, failed", _RATE, _rate("startgate_messages_settled_total", "queue, how")
        ),
        Panel("Sweeps: time", _SECONDS, _quantiles("startgate_sweep_duration_seconds", "sweep")),
        Panel(
            "Sweeps: since the last success",
            _SECONDS,
            {"{{sweep}}": "min by (sweep) (startgate_sweep_age_seconds)"},
        ),
        Panel("Sweeps that are overdue", _COUNT, {"{{sweep}}": "min by (sweep) (startgate_sweep_overdue)"}),
    ),
}


def dashboard_text() -> str:
    """The dashboard as JSON, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "gridPos": _place(top, 0, 24, 1), "panels": []})
        top += 1
        for number, panel in enumerate(row):
            across, down = number % _COLUMNS, number // _COLUMNS
            place = _place(top + down * _HEIGHT, across * _WIDTH, _WIDTH, _HEIGHT)
            panels.append(_panel(panel, place))
        top += -(-len(row) // _COLUMNS) * _HEIGHT
    for number, one in enumerate(panels, 1):
        one["id"] = number
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    dashboard = {
        "uid": "startgate",
        "title": "Startgate",
        "tags": ["startgate"],
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "timezone": "browser",
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=1) + "\n"


def _place(y: int, x: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    at_once = panel.kind in ("table", "bargauge")
    targets = [
        {
            "refId": chr(ord("A") + number),
            "datasource": _SOURCE,
            "expr": expression,
            "legendFormat": legend,
            "instant": at_once,
            "range": not at_once,
            **({"format": "table"} if panel.kind == "table" else {}),
        }
        for number, (legend, expression) in enumerate(panel.lines.items())
    ]
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }
