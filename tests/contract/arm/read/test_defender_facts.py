"""What Defender for Cloud has open for a VM, read by Azure Resource Graph from the stand-in."""

import asyncio

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.graph.query import parse
from deploy.sandbox.azure.security.findings import Recommendation, SecurityAlert
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import VmSeed
from tests.contract.arm.driver import machine, ref, sent
from workers.arm.read.defender.findings import MOST_KEPT, Findings, query
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway
from workers.domain.starts.vm import VmRef

NAME = "web-01"
GRAPH = "/Microsoft.ResourceGraph/"


def alert(arm: AzureServer, name: str, vm: str = NAME, **given: str) -> None:
    arm.findings.alert(machine(arm, vm), SecurityAlert.model_validate({"name": name, **given}))


def recommend(arm: AzureServer, name: str, vm: str = NAME, **given: str) -> None:
    arm.findings.recommend(machine(arm, vm), Recommendation.model_validate({"name": name, **given}))


async def test_what_is_open_is_found_the_worst_first(arm: AzureServer, azure: Azure) -> None:
    alert(arm, "Odd logon", severity="Medium")
    alert(arm, "Malware", severity="High", status="InProgress")
    alert(arm, "Old", status="Resolved")
    alert(arm, "Test", status="Dismissed")
    recommend(arm, "Patch it", severity="Low", remedy="Install the updates.")
    recommend(arm, "Encrypt it", severity="High")
    recommend(arm, "Fine", status="Healthy")
    recommend(arm, "Off", status="NotApplicable")

    found = (await Findings(azure).of(ref(arm, NAME))).defender

    assert [(one.name, one.severity) for one in found.alerts] == [
        ("Malware", "high"),
        ("Odd logon", "medium"),
    ]
    assert [one.name for one in found.recommendations] == ["Encrypt it", "Patch it"]
    assert found.recommendations[1].remedy == "Install the updates."
    assert (found.alert_count, found.recommendation_count) == (2, 2)
    assert found.alerts[0].at is not None
    assert found.read_at is not None


async def test_another_vm_whose_name_begins_the_same_is_told_apart(arm: AzureServer, azure: Azure) -> None:
    add_vm(arm.estate, arm.world, VmSeed(name="web-011", group="rg-shop"))
    alert(arm, "Malware", "web-011")
    recommend(arm, "Patch it", "web-011")

    mine, theirs = await asyncio.gather(*map(Findings(azure).of, (ref(arm, NAME), ref(arm, "web-011"))))

    assert (mine.defender.alert_count, mine.defender.recommendation_count) == (0, 0)
    assert (theirs.defender.alert_count, theirs.defender.recommendation_count) == (1, 1)


@pytest.mark.parametrize(("plan", "found"), [("Free", ""), ("P1", "P1"), ("P2", "P2")])
async def test_the_plan_of_the_subscription_is_found(
    arm: AzureServer, azure: Azure, plan: str, found: str
) -> None:
    tier = "Free" if plan == "Free" else "Standard"
    arm.plans.set(f"/subscriptions/{machine(arm, NAME).subscription}", tier, found or None)

    assert (await Findings(azure).of(ref(arm, NAME))).defender.subscription_plan == found


async def test_more_than_is_kept_is_counted(arm: AzureServer, azure: Azure) -> None:
    for number in range(MOST_KEPT + 5):
        recommend(arm, f"r{number:02}", severity="Low")
    recommend(arm, "worst", severity="High")

    found = (await Findings(azure).of(ref(arm, NAME))).defender

    assert (len(found.recommendations), found.recommendation_count) == (MOST_KEPT, MOST_KEPT + 6)
    assert found.recommendations[0].name == "worst"


async def test_more_rows_than_a_page_are_all_read(
    arm: AzureServer, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.arm.read.defender.findings.PAGE", 2)
    for number in range(5):
        recommend(arm, f"r{number}")

    assert (await Findings(azure).of(ref(arm, NAME))).defender.recommendation_count == 5
    assert len(sent(arm, "POST", GRAPH)) == 4, "with the plan, the subscription and the group"


async def test_a_burst_asks_a_few_queries_and_everybody_is_answered(arm: AzureServer, azure: Azure) -> None:
    vms = [VmRef.parse(vm.id) for vm in arm.estate.vms() if not vm.classic]
    alert(arm, "Malware", vms[-1].name)
    findings = Findings(azure)

    found = await asyncio.gather(*(findings.of(vm) for vm in vms * 3))

    assert len(sent(arm, "POST", GRAPH)) <= 4
    assert [one.defender.alert_count for one in found] == ([0] * (len(vms) - 1) + [1]) * 3


async def test_a_refused_query_costs_one_fact_and_the_next_is_asked_anew(
    arm: AzureServer, azure: Azure
) -> None:
    arm.refusals.put(Refusal(code="TooManyRequests", path=GRAPH, times=1))
    reader = ArmFacts(azure)

    facts = await reader.gather(ref(arm, NAME), budget_s=5)

    assert facts.machine is not None
    assert facts.network is not None
    assert facts.defender is None
    assert [one.name for one in facts.missing] == ["Defender"]
    assert "TooManyRequests" in facts.missing[0].reason
    assert (await reader.gather(ref(arm, NAME), budget_s=5)).defender is not None


async def test_all_who_wait_hear_that_azure_is_away(arm: AzureServer, azure: Azure) -> None:
    arm.refusals.put(Refusal(code="ServiceUnavailable", path=GRAPH))
    findings = Findings(azure)

    answers = await asyncio.gather(
        *(findings.of(ref(arm, name)) for name in (NAME, "web-02", NAME)), return_exceptions=True
    )

    assert [type(one) for one in answers] == [DependencyAway] * 3


def test_no_name_gets_out_of_its_quotes() -> None:
    hostile = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/a' or id != '\\"
    vm = VmRef(resource_id=hostile, subscription_id="s", resource_group="g", name="x")

    asked = parse(query([vm]))

    row = {"type": "microsoft.security/assessments", "properties": {"status": {"code": "Unhealthy"}}}
    assert asked.row({"id": f"{hostile}/providers/x", **row}) is not None
    assert asked.row({"id": "/subscriptions/s/another", **row}) is None
