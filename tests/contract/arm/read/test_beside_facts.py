"""What a start's facts hold beside network, backup and findings, and how old each is, from the stand-in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.sandbox.azure.control.defender import others_entry
from deploy.sandbox.azure.graph.query import parse
from deploy.sandbox.azure.graph.tables import EXTENSION
from deploy.sandbox.azure.model import NSG, Resource
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.faults import Fault
from tests import builders as a
from tests.contract.arm.driver import machine, ref
from workers.arm.read.around.beside import tables
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.starts.facts import JUST_IN_TIME, SOURCES, VM_PLAN, Facts
from workers.domain.starts.vm import VmRef

BUDGET_S = PATIENCE_S
NAME = "web-01"


async def gathered(arm: AzureServer, azure: Azure, name: str = NAME) -> Facts:
    return await ArmFacts(azure).gather(ref(arm, name), budget_s=BUDGET_S)


def extension(arm: AzureServer, name: str, state: str, vm: str = NAME) -> None:
    extension_id = f"{machine(arm, vm).id}/extensions/{name}"
    arm.estate.add(Resource(id=extension_id, kind=EXTENSION, properties={"provisioningState": state}))


async def test_the_machine_tells_its_image_identity_zone_and_encryption(
    arm: AzureServer, azure: Azure
) -> None:
    vm = machine(arm, NAME)
    vm.extra |= {"identity": {"type": "SystemAssigned"}, "zones": ["2"]}
    disk = vm.properties["storageProfile"]["osDisk"]
    disk["managedDisk"]["diskEncryptionSet"] = {"id": f"{vm.id}/set"}
    disk["encryptionSettings"] = {"enabled": True}

    found = (await gathered(arm, azure)).machine

    assert found is not None
    assert found.image == "Canonical:ubuntu-24_04-lts:server:24.04.202601080"
    assert (found.identity, found.zones) == ("SystemAssigned", ("2",))
    assert found.disk_encryption == "Azure Disk Encryption, a key of one's own"


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ({"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/gold"}, "gold"),
        ({"id": "/subscriptions/s/x/galleries/g/images/gold/versions/1.2.3"}, "gold 1.2.3"),
        ({}, ""),
        ({"publisher": "p"}, "p:::"),
    ],
)
async def test_an_image_of_ones_own_has_its_name(
    arm: AzureServer, azure: Azure, reference: dict[str, Any], image: str
) -> None:
    machine(arm, NAME).properties["storageProfile"]["imageReference"] = reference

    found = (await gathered(arm, azure)).machine

    assert found is not None
    assert found.image == image


async def test_one_query_tells_tags_failed_extensions_and_the_last_recovery_point(
    arm: AzureServer, azure: Azure
) -> None:
    vm = machine(arm, NAME)
    arm.estate.subscription_tags[vm.subscription] = {"cost-center": "42"}
    arm.estate.group(vm.subscription, vm.group).tags["Team"] = "shop"
    extension(arm, "agent", "Failed")
    extension(arm, "fine", "Succeeded")
    extension(arm, "others", "Failed", "web-02")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30)
    vault = f"/subscriptions/{vm.subscription}/resourceGroups/b/providers/Microsoft.RecoveryServices/vaults/v"
    arm.items.add(vm, vault).properties["lastRecoveryPoint"] = at.isoformat()

    facts = await gathered(arm, azure)

    assert (facts.subscription_tags, facts.group_tags) == ({"cost-center": "42"}, {"Team": "shop"})
    assert facts.machine is not None
    assert facts.machine.failed_extensions == ("agent",)
    assert facts.backup is not None
    assert facts.backup.recovery_point_at == at
    queries = [one for one in arm.record.since(0, "request") if "ResourceGraph" in one.data["path"]]
    assert len(queries) == 1


async def test_what_the_query_would_tell_is_unknown_where_it_is_late(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path="/Microsoft.ResourceGraph/", status=403))

    facts = await gathered(arm, azure)

    assert (facts.subscription_tags, facts.group_tags, facts.just_in_time) == (None, None, None)
    assert facts.machine is not None
    assert facts.machine.failed_extensions is None
    assert [one.name for one in facts.missing] == ["Defender"]


@pytest.mark.parametrize(("plan", "calls"), [("Free", 0), ("P1", 0), ("P2", 1)])
async def test_just_in_time_access_is_read_where_a_plan_has_it(
    arm: AzureServer, azure: Azure, plan: str, calls: int
) -> None:
    vm = machine(arm, NAME)
    tier = "Free" if plan == "Free" else "Standard"
    arm.plans.set(f"/subscriptions/{vm.subscription}", tier, None if plan == "Free" else plan)
    others_entry(arm.estate, vm)

    facts = await gathered(arm, azure)

    assert facts.just_in_time == (("default",) if calls else ())
    read = [one for one in arm.record.since(0, "request") if "jitnetwork" in one.data["path"].lower()]
    assert len(read) == calls


@pytest.mark.parametrize(
    ("subscription", "own", "plan", "is_own"),
    [
        ("Free", ("Standard", "P1"), "P1", True),
        ("Free", None, "", False),
        ("P1", ("Free", None), "", True),
        ("P1", None, "P1", False),
        ("P2", ("Standard", "P1"), "P1", True),
        ("P2", None, "P2", False),
    ],
)
async def test_the_plan_that_holds_is_that_of_the_vm_itself(
    arm: AzureServer,
    azure: Azure,
    subscription: str,
    own: tuple[str, str | None] | None,
    plan: str,
    *,
    is_own: bool,
) -> None:
    vm = machine(arm, NAME)
    tier = "Free" if subscription == "Free" else "Standard"
    arm.plans.set(f"/subscriptions/{vm.subscription}", tier, None if tier == "Free" else subscription)
    if own is not None:
        arm.plans.set(vm.id, *own)

    found = (await gathered(arm, azure)).defender

    assert found is not None
    assert (found.vm_plan, found.vm_plan_own) == (plan, is_own)
    assert found.plan == plan


@pytest.mark.parametrize(
    ("subscription", "others", "reads"),
    [
        (("Free", None, "False"), None, 0),
        (("Standard", "P1", "False"), None, 0),
        (("Standard", "P2", "False"), None, 1),
        (("Standard", "P2", "True"), None, 0),
        (("Free", None, "False"), ("Standard", "P1"), 1),
        (("Standard", "P1", "False"), ("Free", None), 1),
        (("Standard", "P1", "True"), ("Free", None), 0),
    ],
)
async def test_a_vms_plan_is_read_only_where_it_can_differ_from_its_subscriptions(
    arm: AzureServer,
    azure: Azure,
    subscription: tuple[str, str | None, str],
    others: tuple[str, str | None] | None,
    reads: int,
) -> None:
    tier, plan, enforce = subscription
    arm.plans.set(f"/subscriptions/{machine(arm, NAME).subscription}", tier, plan, enforce=enforce)
    if others is not None:
        arm.plans.set(machine(arm, "web-02").id, *others)
    reader = ArmFacts(azure)

    first, again = [await reader.gather(ref(arm, NAME), budget_s=BUDGET_S) for _ in range(2)]

    assert len(plan_reads(arm)) == reads, "and a repeat reads none"
    assert first.defender is not None
    assert first.defender.vm_plan == (plan or "")
    assert again.defender == first.defender


async def test_a_vms_plan_that_can_not_be_read_is_named_and_the_subscriptions_is_shown(
    arm: AzureServer, azure: Azure
) -> None:
    arm.plans.set(f"/subscriptions/{machine(arm, NAME).subscription}", "Standard", "P2")
    arm.faults.put(Fault(path="/pricings/", status=403))

    facts = await gathered(arm, azure)

    assert [one.name for one in facts.missing] == [VM_PLAN]
    assert facts.defender is not None
    assert (facts.defender.vm_plan, facts.defender.plan) == (None, "P2")


async def test_a_question_does_not_wait_for_a_plan_while_many_are_read(
    arm: AzureServer, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm.plans.set(f"/subscriptions/{machine(arm, NAME).subscription}", "Standard", "P2")
    monkeypatch.setattr("workers.arm.read.sources.PLANS_AT_ONCE", 0)
    reader = ArmFacts(azure)

    found = await reader.gather(ref(arm, NAME), budget_s=BUDGET_S, since=datetime.now(UTC))
    later = await reader.gather(ref(arm, NAME), budget_s=BUDGET_S)

    assert VM_PLAN in {one.name for one in found.missing}
    assert later.defender is not None
    assert later.defender.vm_plan == "P2"
    assert len(plan_reads(arm)) == 1


def plan_reads(arm: AzureServer) -> list[str]:
    return [path for one in arm.record.since(0, "request") if "/pricings/" in (path := one.data["path"])]


async def test_an_eleventh_read_is_left_for_later_and_then_made(arm: AzureServer, azure: Azure) -> None:
    # Its own NSG, a subnet with one, and a public IP: ten reads already.
    vm = machine(arm, NAME)
    nic = arm.estate.get(vm.nic_ids()[0])
    subnet = arm.estate.get(nic.properties["ipConfigurations"][0]["properties"]["subnet"]["id"])
    other = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == "web-02-nsg")
    subnet.properties["networkSecurityGroup"] = {"id": other.id}
    arm.plans.set(f"/subscriptions/{vm.subscription}", "Standard", "P2")
    reader = ArmFacts(azure)
    who = a.caller(object_id="a0000000-0000-4000-8000-000000000666")
    start = a.start_event(vm=ref(arm, NAME), caller=who)

    first = await reader.gather(start.vm, budget_s=BUDGET_S, since=start.at, start=start)
    reads = len(arm.record.since(0, "request"))
    later = await reader.gather(start.vm, budget_s=BUDGET_S, start=start)
    repeat = await reader.gather(start.vm, budget_s=BUDGET_S, since=start.at, start=start)

    assert (reads, first.just_in_time) == (10, None)
    assert [one.name for one in first.missing] == [VM_PLAN, JUST_IN_TIME]
    assert later.defender is not None
    assert (later.defender.vm_plan, later.defender.vm_plan_own) == ("P2", False)
    assert (later.just_in_time, later.missing) == ((), ())
    assert (repeat.just_in_time, repeat.missing) == ((), ())


async def test_each_fact_says_when_it_was_read_and_which_service_told_it(
    arm: AzureServer, azure: Azure
) -> None:
    reader, began = ArmFacts(azure), datetime.now(UTC)
    start = a.start_event(
        vm=ref(arm, NAME), caller=a.caller(object_id="a0000000-0000-4000-8000-000000000666")
    )

    first = await reader.gather(start.vm, budget_s=BUDGET_S, start=start)
    again = await reader.gather(start.vm, budget_s=BUDGET_S, start=start)

    assert first.read_at.keys() == SOURCES.keys() - {JUST_IN_TIME, VM_PLAN}
    assert all(began <= at <= datetime.now(UTC) for at in first.read_at.values())
    assert again.read_at["machine"] > first.read_at["machine"], "read anew"
    for believed in ("locks", "backup", "Defender"):
        assert again.read_at[believed] == first.read_at[believed], "believed since then"
    assert again.read_at["network"] < again.read_at["machine"], "its NSG is believed since then"


def test_no_name_gets_out_of_its_quotes() -> None:
    hostile = (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/a') or id != ('\\"
    )
    vm = VmRef(resource_id=hostile, subscription_id="s", resource_group="g'", name="x")

    containers, resources, items = parse(f"securityresources{tables([vm])}").united

    assert containers.row({"type": "microsoft.resources/subscriptions/resourcegroups", "id": "other"}) is None
    failed = {"type": EXTENSION, "properties": {"provisioningState": "Failed"}}
    assert resources.row({**failed, "id": "other"}) is None
    assert resources.row({**failed, "id": f"{hostile}/extensions/e"}) is not None
    assert items.row({"type": "x", "id": "other"}) is None
