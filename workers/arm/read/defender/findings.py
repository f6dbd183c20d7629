"""Open alerts and recommendations of Defender for Cloud for a VM, and what is beside it, by Resource Graph.

One query answers for many VMs: whoever asks while a few queries are under way is answered by the next one,
together with all others who wait. So a lone start costs one call, and a burst a few.

The names of the subscriptions come along, and what ``beside`` lists, which saves calls of their own.

In the table ``securityresources`` an assessment has its metadata with it, and the properties of an alert
begin with a capital. Only a subscription's own plan is taken from there, and whether it holds for all its
VMs: whether the plan of a single VM shows is documented nowhere.
Sources: https://learn.microsoft.com/azure/defender-for-cloud/resource-graph-samples and, for the coverage,
the query in "Check the status of your free trial" of the same documentation.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple

from workers.arm.read.around.beside import SUBSCRIPTION, Beside, beside, tables, time_of
from workers.arm.read.around.kusto import text
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking, clean
from workers.domain.starts.defender import DefenderFacts, Recommendation, SecurityAlert, Severity
from workers.domain.starts.vm import VmRef

AT_ONCE = 3
"""Queries under way. Azure allows fifteen in five seconds.

Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
"""
MOST_VMS = 50
"""In one query."""
PAGE, MOST_PAGES = 1000, 5
"""Rows, and pages of them, that are read at most: fifty VMs rarely have more."""
MOST_KEPT = 5
"""Of a VM's alerts, and of its recommendations: the most severe ones. They are stored with each question."""

_ASSESSMENT = "microsoft.security/assessments"
_ALERT = "microsoft.security/locations/alerts"
_PRICING = "microsoft.security/pricings"
LONGEST_REMEDY = 200
_LONGEST_NAME = 150

_Row = Mapping[str, Any]


class Told(NamedTuple):
    """What one query says of a VM.

    ``same_plan``: every VM of its subscription has the plan that the subscription has.
    """

    defender: DefenderFacts
    beside: Beside
    same_plan: bool = False


class Findings:
    """Reads findings for many who want them at once. One for a process.

    Attributes:
        names: of subscriptions, by their ids in lower case: the same queries tell them.
    """

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._waiting: dict[str, tuple[VmRef, list[asyncio.Future[Told]]]] = {}
        self._under_way = 0
        self.names: dict[str, str] = {}

    async def of(self, vm: VmRef) -> Told:
        """What is open for a VM now, and what is beside it.

        Raises:
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: we may not ask.
        """
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(vm.key, (vm, []))[1].append(answer)
        self._go_on()
        return await answer

    def _go_on(self) -> None:
        while self._waiting and self._under_way < AT_ONCE:
            chosen = [self._waiting.pop(key) for key in list(self._waiting)[:MOST_VMS]]
            self._under_way += 1
            self._azure.run(self._answer(chosen))

    async def _answer(self, chosen: Sequence[tuple[VmRef, list[asyncio.Future[Told]]]]) -> None:
        answers = [answer for _, waiting in chosen for answer in waiting]
        try:
            vms = [vm for vm, _ in chosen]
            rows = [row async for row in _rows(self._azure, vms)]
            self.names.update(_names(rows))
            found, near = _found(rows, vms, MOST_KEPT, LONGEST_REMEDY), beside(rows, vms)
            plans = _plans(rows)
            for vm, waiting in chosen:
                for answer in waiting:
                    if not answer.done():
                        plan = plans.get(vm.subscription_id.lower())
                        answer.set_result(Told(found[vm.key], near[vm.key], bool(plan and plan.same)))
        except Exception as error:
            for answer in answers:
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # seen: whoever asked may have given up waiting
        finally:
            for answer in answers:  # cancelled: this closes
                answer.cancel()
            self._under_way -= 1
            self._go_on()


async def read_findings(
    azure: Azure, vms: Sequence[VmRef], *, most: int = MOST_KEPT, longest_remedy: int = LONGEST_REMEDY
) -> dict[str, DefenderFacts]:
    """What is open for each of these VMs, by their keys.

    Args:
        azure: asked.
        vms: at most ``MOST_VMS``.
        most: alerts and recommendations that are kept of each VM; all are counted.
        longest_remedy: characters of a remedy.

    Raises:
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not ask.
    """
    return _found([row async for row in _rows(azure, vms)], vms, most, longest_remedy)


def _found(
    rows: Sequence[_Row], vms: Sequence[VmRef], most: int, longest_remedy: int
) -> dict[str, DefenderFacts]:
    now = datetime.now(UTC)
    plans = {key: plan.sub_plan for key, plan in _plans(rows).items()}
    alerts: dict[str, list[SecurityAlert]] = {}
    recommendations: dict[str, list[Recommendation]] = {}
    for row in rows:
        properties = row.get("properties") or {}
        if str(row.get("type")).lower() == _ALERT:
            for key in _touched(properties):
                alerts.setdefault(key, []).append(_alert(properties))
        elif str(row.get("type")).lower() == _ASSESSMENT:
            recommendations.setdefault(_assessed(row), []).append(_recommendation(properties, longest_remedy))
    return {
        vm.key: DefenderFacts(
            read_at=now,
            subscription_plan=plans.get(vm.subscription_id.lower()),
            alerts=_worst(alerts.get(vm.key, []), most),
            alert_count=len(alerts.get(vm.key, [])),
            recommendations=_worst(recommendations.get(vm.key, []), most),
            recommendation_count=len(recommendations.get(vm.key, [])),
        )
        for vm in vms
    }


async def _rows(azure: Azure, vms: Sequence[VmRef]) -> Any:
    """Every row, page by page."""
    token: str | None = None
    body: dict[str, Any] = {
        "subscriptions": sorted({vm.subscription_id for vm in vms}),
        "query": query(vms),
        "options": {"resultFormat": "objectArray", "$top": PAGE},
    }
    for _ in range(MOST_PAGES):
        if token:
            body["options"]["$skipToken"] = token
        async with asking("ask Resource Graph for alerts and recommendations"):
            page = await azure.resource_graph().resources(BytesIO(json.dumps(body).encode()))
        for row in page.data or []:
            yield row
        token = page.skip_token
        if not token:
            return


def query(vms: Sequence[VmRef]) -> str:
    """The query, in the Kusto query language."""
    ids = [text(vm.resource_id) for vm in vms]
    assessed = " or ".join(f"id startswith {text(f'{vm.resource_id}/')}" for vm in vms)
    touched = " or ".join(f"tostring(properties.ResourceIdentifiers) contains {one}" for one in ids)
    return (
        "securityresources"
        f" | where (type =~ '{_ASSESSMENT}' and tostring(properties.status.code) =~ 'Unhealthy'"
        f" and ({assessed}))"
        f" or (type =~ '{_ALERT}' and tostring(properties.Status) in~ ('Active', 'InProgress')"
        f" and ({touched}))"
        f" or (type =~ '{_PRICING}' and name =~ 'VirtualMachines')"
        f" | project id, type, name, properties{tables(vms)}"
    )


def _names(rows: Iterable[_Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if str(row.get("type")).lower() == SUBSCRIPTION and row.get("name"):
            yield str(row.get("id")).rpartition("/")[2].lower(), str(row["name"])


class _Plan(NamedTuple):
    """A subscription's: ``P1``, ``P2``, or empty for none; and whether each of its VMs has the same."""

    sub_plan: str
    same: bool


def _plans(rows: Iterable[_Row]) -> dict[str, _Plan]:
    """By the subscription's id in lower case."""
    found: dict[str, _Plan] = {}
    for row in rows:
        parts = str(row.get("id")).strip("/").split("/")
        if str(row.get("type")).lower() == _PRICING and len(parts) == _PARTS_OF_SUBSCRIPTIONS:
            properties = row.get("properties") or {}
            on = str(properties.get("pricingTier")) == "Standard"
            plan = str(properties.get("subPlan") or "P2") if on else ""
            found[parts[1].lower()] = _Plan(plan, _same_for_all(plan, properties))
    return found


def _same_for_all(plan: str, properties: Mapping[str, Any]) -> bool:
    """Whether a VM can't have another plan than its subscription, or none of them does.

    By itself a VM can be without a plan, or have Plan 1. So no VM differs where all are covered by Plan 1, or
    none is covered. Where all are covered and the subscription has Plan 2, one may have Plan 1.
    Source: https://learn.microsoft.com/rest/api/defenderforcloud/pricings/get, ``enforce`` and
    ``resourcesCoverageStatus``
    """
    coverage = {"": "NotCovered", "P1": "FullyCovered"}.get(plan)
    return str(properties.get("enforce")) == "True" or (
        coverage is not None and properties.get("resourcesCoverageStatus") == coverage
    )


_PARTS_OF_SUBSCRIPTIONS = 6
"""Of the id of a subscription's pricing: subscriptions/ID/providers/Microsoft.Security/pricings/NAME."""


def _touched(properties: Mapping[str, Any]) -> set[str]:
    """The resources that an alert is about, in lower case."""
    return {
        str(one.get("AzureResourceId")).lower()
        for one in properties.get("ResourceIdentifiers") or []
        if isinstance(one, dict) and one.get("AzureResourceId")
    }


def _assessed(row: _Row) -> str:
    """The resource that was assessed, in lower case."""
    return str(row.get("id")).lower().partition(f"/providers/{_ASSESSMENT}/")[0]


def _alert(properties: Mapping[str, Any]) -> SecurityAlert:
    return SecurityAlert(
        name=clean(str(properties.get("AlertDisplayName") or "Alert without a name"), longest=_LONGEST_NAME),
        severity=Severity.of(properties.get("Severity")),
        at=time_of(properties.get("TimeGeneratedUtc")),
    )


def _recommendation(properties: Mapping[str, Any], longest_remedy: int) -> Recommendation:
    metadata = properties.get("metadata") or {}
    name = str(
        properties.get("displayName") or metadata.get("displayName") or "Recommendation without a name"
    )
    return Recommendation(
        name=clean(name, longest=_LONGEST_NAME),
        severity=Severity.of(metadata.get("severity")),
        remedy=clean(str(metadata.get("remediationDescription") or ""), longest=longest_remedy),
    )


def _worst(found: list[Any], most: int) -> tuple[Any, ...]:
    """The most severe ones; of equal ones, by name."""
    return tuple(sorted(found, key=lambda one: (-one.severity.rank, one.name))[:most])
