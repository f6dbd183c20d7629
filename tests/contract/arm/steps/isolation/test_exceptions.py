"""Every kind of exception becomes a rule that Azure takes; what Azure refuses is said with the remedy."""

from typing import Any

import pytest

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import ASG, NIC, NSG, Resource
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import NicSeed, VmSeed
from tests.contract.arm.driver import isolating, lock, machine, nics, nsg_name, ref, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.containment.options.allow_rules import AllowRule
from workers.domain.containment.profile import IsolateOptions, LockdownProfile
from workers.domain.errors import StepFailed


def profile(*rules: dict[str, Any], nsg: str | None = None) -> LockdownProfile:
    allow = tuple(AllowRule.model_validate({"name": f"r{i}", **one}) for i, one in enumerate(rules))
    return LockdownProfile(isolate=IsolateOptions(allow=allow, nsg=nsg))


def group(arm: AzureServer, vm: str, name: str, location: str = "westeurope") -> str:
    owner = machine(arm, vm)
    asg_id = arm_id(owner.subscription, owner.group, ASG, name)
    arm.estate.add(Resource(id=asg_id, kind=ASG, location=location, etag='W/"1"'))
    return asg_id


def written(arm: AzureServer) -> list[dict[str, Any]]:
    (put,) = sent(arm, "PUT", "/networkSecurityGroups/")
    assert put["status"] in (200, 201), put["response"]
    return [rule["properties"] for rule in put["request"]["properties"]["securityRules"]]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            {"source": "10.0.9.0/26", "ports": ["22"]},
            {"direction": "Inbound", "sourceAddressPrefix": "10.0.9.0/26", "destinationPortRange": "22"},
        ),
        (
            {"source": "AzureMonitor", "ports": ["22", "80-90"]},
            {"sourceAddressPrefix": "AzureMonitor", "destinationPortRanges": ["22", "80-90"]},
        ),
        (
            {"sources": ["10.0.0.0/24", "10.0.1.0/24"], "ports": ["22"], "priority": 200},
            {"sourceAddressPrefixes": ["10.0.0.0/24", "10.0.1.0/24"], "priority": 200},
        ),
        (
            {"direction": "out", "destination": "Storage.WestEurope", "ports": ["443"]},
            {
                "direction": "Outbound",
                "sourceAddressPrefix": "*",
                "destinationAddressPrefix": "Storage.WestEurope",
                "destinationPortRange": "443",
                "priority": 100,
            },
        ),
        (
            {
                "direction": "out",
                "destinations": ["10.0.0.4", "10.0.0.5"],
                "ports": ["53"],
                "protocol": "Udp",
            },
            {"destinationAddressPrefixes": ["10.0.0.4/32", "10.0.0.5/32"], "protocol": "Udp"},
        ),
        (
            {"source": "10.0.9.0/26", "protocol": "Icmp"},
            {"protocol": "Icmp", "destinationPortRange": "*"},
        ),
        (
            {"source": "10.0.9.0/26", "protocol": "Esp"},
            {"protocol": "Esp", "destinationPortRange": "*"},
        ),
    ],
)
async def test_each_kind_of_exception_is_a_rule_that_is_taken_and_reads_back(
    arm: AzureServer, azure: Azure, rule: dict[str, Any], expected: dict[str, Any]
) -> None:
    driver = isolating(arm, azure, "web-01", profile(rule))

    progress = await driver.contain()

    assert "rules read back" in progress.note
    made, *denies = written(arm)
    assert {key: made[key] for key in expected} == expected
    assert made["access"] == "Allow"
    assert [(one["direction"], one["access"], one["priority"]) for one in denies] == [
        ("Inbound", "Deny", 4096),
        ("Outbound", "Deny", 4096),
    ]


@pytest.mark.parametrize(("direction", "end"), [("in", "source"), ("out", "destination")])
async def test_a_group_is_the_other_end_and_no_address_beside_it(
    arm: AzureServer, azure: Azure, direction: str, end: str
) -> None:
    asg = group(arm, "web-01", "scanners")
    rule = {"direction": direction, f"{end}_group": asg, "ports": ["443"]}

    progress = await isolating(arm, azure, "web-01", profile(rule)).contain()

    assert "rules read back" in progress.note
    made = written(arm)[0]
    assert made[f"{end}ApplicationSecurityGroups"] == [{"id": asg}]
    assert f"{end}AddressPrefix" not in made


async def test_another_group_in_a_rule_is_not_what_was_wanted(arm: AzureServer, azure: Azure) -> None:
    rule = {"source_group": group(arm, "web-01", "scanners"), "ports": ["443"]}
    driver = isolating(arm, azure, "web-01", profile(rule))
    await driver.contain()
    nsg = arm.estate.get(nics(arm, "web-01")[0].properties["networkSecurityGroup"]["id"])
    first = nsg.properties["securityRules"][0]["properties"]
    first["sourceApplicationSecurityGroups"] = [{"id": group(arm, "web-01", "anybody")}]

    await driver.finish()

    assert len(sent(arm, "PUT", "/networkSecurityGroups/")) == 2, "corrected"


async def test_outbound_rules_of_a_prepared_group_are_held_to_the_exceptions(
    arm: AzureServer, azure: Azure
) -> None:
    out = {"direction": "out", "destination": "AzureMonitor", "ports": ["443"]}
    made = isolating(arm, azure, "web-01", profile(out))
    await made.contain()
    nsg_id = nics(arm, "web-01")[0].properties["networkSecurityGroup"]["id"]
    prepared = arm.estate.get(nsg_id)
    other = arm_id(prepared.subscription, prepared.group, NSG, "prepared")
    arm.estate.add(
        Resource(id=other, kind=NSG, location="westeurope", etag='W/"9"', properties=prepared.properties)
    )

    await isolating(arm, azure, "web-01", profile(out, nsg=other)).contain()
    assert nsg_name(nics(arm, "web-01")[0]) == "prepared"

    with pytest.raises(StepFailed, match="allows outbound traffic that is no exception"):
        await isolating(arm, azure, "web-02", profile(nsg=other)).contain()


@pytest.mark.parametrize("reason", ["tag", "region", "subscription", "missing"])
async def test_what_azure_does_not_take_fails_for_good_and_names_the_setting(
    arm: AzureServer, azure: Azure, reason: str
) -> None:
    rule: dict[str, Any] = {"source": "QuantumWorkspaces", "ports": ["443"]}
    if reason != "tag":
        asg = {
            "region": group(arm, "web-01", "elsewhere", "northeurope"),
            "subscription": group(arm, "build-07", "others"),
            "missing": group(arm, "web-01", "x").replace("/x", "/nowhere"),
        }[reason]
        rule = {"source_group": asg, "ports": ["443"]}
    driver = isolating(arm, azure, "web-01", profile(rule))

    with pytest.raises(
        StepFailed, match=r"correct isolate\.allow in the lockdown profile standard"
    ) as failed:
        await driver.contain()

    assert failed.value.final
    assert nsg_name(nics(arm, "web-01")[0]) == "web-01-nsg"


# What else a NIC may be


async def test_a_nic_with_several_configurations_groups_and_acceleration_keeps_all_of_it(
    arm: AzureServer, azure: Azure
) -> None:
    seed = NicSeed(asgs=["web", "shop"], settings={"enableAcceleratedNetworking": True})
    add_vm(arm.estate, arm.world, VmSeed(name="rich-01", group="rg-shop", nics=[seed]))
    nic = next(one for one in arm.estate.of(NIC) if one.id in machine(arm, "rich-01").nic_ids())
    first = nic.properties["ipConfigurations"][0]
    second = {**first, "name": "second", "id": f"{nic.id}/ipConfigurations/second"}
    second["properties"] = {**first["properties"], "primary": False, "privateIPAddress": "10.0.0.99"}
    nic.properties["ipConfigurations"] = [first, second]

    driver = isolating(arm, azure, "rich-01", profile())
    await driver.contain()
    isolated = arm.estate.get(nic.id)
    await driver.undo()

    for one in (isolated, arm.estate.get(nic.id)):
        assert [part["name"] for part in one.properties["ipConfigurations"]] == [first["name"], "second"]
        assert one.properties["enableAcceleratedNetworking"]
        groups = one.properties["ipConfigurations"][1]["properties"]["applicationSecurityGroups"]
        assert [each["id"].rpartition("/")[2] for each in groups] == ["web", "shop"]
    assert arm.interfaces.losses == [] or all(not loss.lost for loss in arm.interfaces.losses)


async def limits_of(arm: AzureServer, azure: Azure, *rules: dict[str, Any]) -> str:
    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=5)
    driver = isolating(arm, azure, "web-01", profile(*rules))
    return "\n".join(driver.runner.plan(driver.vm, facts, driver.profile).details)


async def test_the_plan_names_what_passes_a_security_group(arm: AzureServer, azure: Azure) -> None:
    said = await limits_of(arm, azure)

    assert "security admin rule of Virtual Network Manager" in said
    assert "platform addresses" in said
    assert "user-defined routes stay" in said
    assert "scale set" not in said
    assert "peered" not in said


async def test_the_plan_says_that_an_exception_for_the_network_holds_peered_ones(
    arm: AzureServer, azure: Azure
) -> None:
    said = await limits_of(arm, azure, {"source": "VirtualNetwork", "ports": ["22"]})

    assert "holds peered and on-premises networks, too" in said


async def test_the_plan_says_what_a_scale_set_may_do_all_the_same(arm: AzureServer, azure: Azure) -> None:
    vm = machine(arm, "web-01")
    scale_set = arm_id(vm.subscription, vm.group, "Microsoft.Compute/virtualMachineScaleSets", "web")
    vm.properties["virtualMachineScaleSet"] = {"id": scale_set}

    said = await limits_of(arm, azure)

    assert "it belongs to the scale set web, which may replace it" in said
    assert (await isolating(arm, azure, "web-01").contain()).done


async def test_a_lock_on_the_nic_itself_is_named(arm: AzureServer, azure: Azure) -> None:
    lock(arm, nics(arm, "web-01")[0].id)

    with pytest.raises(StepFailed, match="a management lock on web-01-nic forbids it"):
        await isolating(arm, azure, "web-01").contain()
