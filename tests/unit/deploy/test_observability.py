"""Dashboard and rules name metrics that the code has, with labels that they carry, and leave none out."""

import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.observability.dashboard import NOT_SHOWN, dashboard_text
from tests.unit.deploy.templates import ROOT
from workers.telemetry.instruments import DECLARED

HERE = ROOT / "deploy" / "observability"
RUNBOOK = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((HERE / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
OF_THE_SCRAPE = {"job", "instance", "le"}
"""Labels that no instrument has: Prometheus adds them, ``le`` to the buckets of a histogram."""


@functools.cache
def series() -> dict[str, set[str]]:
    """Name → its labels, as Prometheus gets them from the exporter."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.unit.deploy.series"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(run.stdout):
        for sample in family.samples:
            if sample.name.startswith("startgate_"):
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in json.loads(dashboard_text())["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"]
    for rule in RULES:
        yield rule["alert"], rule["expr"]


def parsed(expression: str) -> promql.Expr:
    for variable in ("$__rate_interval", "$__range"):
        expression = expression.replace(variable, "5m")
    return promql.parse(expression)


def inside(expression: Any) -> Iterator[Any]:
    """The expression and all that it is made of."""
    yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (part := getattr(expression, name, None)) is not None:
            yield from inside(part)
    for part in getattr(expression, "args", None) or ():
        yield from inside(part)


def selectors(expression: str) -> list[Any]:
    return [one for one in inside(parsed(expression)) if isinstance(one, promql.VectorSelector)]


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda text: text[:40])
def test_an_expression_reads_metrics_that_exist_by_labels_that_they_carry(
    where: str, expression: str
) -> None:
    found = selectors(expression)
    assert found, where
    labels = OF_THE_SCRAPE.union(*(series()[one.name] for one in found))
    for one in found:
        assert {matcher.name for matcher in one.matchers.matchers} <= series()[one.name] | OF_THE_SCRAPE
    for one in inside(parsed(expression)):
        if isinstance(one, promql.AggregateExpr) and one.modifier is not None:
            assert set(one.modifier.labels) <= labels, where


def test_every_instrument_is_on_the_dashboard_or_named_as_not_shown() -> None:
    shown = {
        one.name
        for where, expression in expressions()
        if where.startswith("panel ")
        for one in selectors(expression)
    }
    families = {re.sub(r"_(total|bucket|count|sum|created)$", "", name) for name in shown}
    declared = {
        name: name.replace(".", "_") + ("_seconds" if one.unit == "s" else "")
        for name, one in DECLARED.items()
    }
    assert {name for name, family in declared.items() if family not in families} == set(NOT_SHOWN)


def test_values_of_labels_in_rules_are_ones_that_the_code_writes() -> None:
    """Those that no type holds: a kind of the audit's that is renamed would silence its alert."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("workers/use_cases", "workers/store")
        for path in (ROOT / folder).rglob("*.py")
    )
    named = {
        matcher.value
        for rule in RULES
        for one in selectors(rule["expr"])
        for matcher in one.matchers.matchers
        if matcher.name in ("event", "result")
    }
    assert named == {"undelivered", "(containment|restore).incomplete", "containment.drifted", "silent"}
    for kind in (
        "containment.incomplete",
        "restore.incomplete",
        "containment.drifted",
        "undelivered",
        "silent",
    ):
        assert f'"{kind}"' in code


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_is_wrong_how_bad_and_where_the_runbook_has_it(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    name = rule["alert"]
    assert f"\n### {name}\n" in RUNBOOK
    assert rule["annotations"]["runbook"] == f"deploy/README.md#{name.lower()}"


def test_the_runbook_has_no_heading_of_an_alert_that_is_gone() -> None:
    section = RUNBOOK.partition("## When a rule of Prometheus fires")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^### (\w+)$", section) == [rule["alert"] for rule in RULES]


def test_names_of_panels_differ() -> None:
    titles = [panel["title"] for panel in json.loads(dashboard_text())["panels"]]
    assert len(set(titles)) == len(titles)
