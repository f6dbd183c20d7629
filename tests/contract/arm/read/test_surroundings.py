"""What is around a VM, and what a containment takes along, against the Azure stand-in."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.azure.compute.availability import add_availability_set
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import PUBLIC_IP, VAULT, Resource
from deploy.sandbox.azure.network.balancer_seed import add_load_balancer
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.world import LoadBalancerSeed
from tests.contract.arm.driver import machine, ref
from workers.arm.read.around.surroundings import ArmSurroundings
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.containment.foresight.impact import impact_of
from workers.domain.containment.plans import Impact
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.starts.facts import Facts
from workers.domain.starts.surroundings import OpenSession, Surroundings

BUDGET_S = PATIENCE_S


async def known(arm: AzureServer, azure: Azure, name: str) -> Facts:
    vm = ref(arm, name)
    facts = await ArmFacts(azure).gather(vm, budget_s=BUDGET_S)
    around = await ArmSurroundings(azure).read(vm, facts, budget_s=BUDGET_S)
    return facts.changed(surroundings=around)


async def around(arm: AzureServer, azure: Azure, name: str) -> Surroundings:
    found = (await known(arm, azure, name)).surroundings
    assert found is not None
    return found


async def impact(arm: AzureServer, azure: Azure, name: str) -> list[Impact]:
    return list(impact_of(await known(arm, azure, name), LockdownProfile()))


def protect(arm: AzureServer, name: str, last: datetime | None = None) -> None:
    vm = machine(arm, name)
    group = vm.id.partition("/providers/")[0]
    vault = arm.estate.add(Resource(id=f"{group}/providers/{VAULT}/theirs", kind=VAULT, location=vm.location))
    item = arm.items.add(vm, vault.id)
    item.properties["protectionState"] = "Protected"
    if last is not None:
        item.properties["lastRecoveryPoint"] = last.isoformat()


async def test_who_shares_the_availability_set_is_told(arm: AzureServer, azure: Azure) -> None:
    add_availability_set(
        arm.estate, "shop", machine(arm, "web-01"), machine(arm, "web-02"), machine(arm, "db-01")
    )
    found = await around(arm, azure, "web-01")
    assert (found.availability_set, found.neighbours) == ("shop", ("db-01", "web-02"))
    machine(arm, "web-01").power = "running"
    assert Impact(text="availability set shop keeps db-01, web-02") in await impact(arm, azure, "web-01")


async def test_the_age_of_the_last_recovery_point_is_told(arm: AzureServer, azure: Azure) -> None:
    protect(arm, "web-01", datetime.now(UTC) - timedelta(hours=30))
    assert Impact(text="last recovery point: 1 day old") in await impact(arm, azure, "web-01")
    unprotected = await impact(arm, azure, "web-02")
    assert Impact(text="no recovery point: Azure Backup does not protect the VM") in unprotected


async def test_a_protected_vm_without_a_recovery_point_is_told(arm: AzureServer, azure: Azure) -> None:
    protect(arm, "web-01")
    assert Impact(text="no recovery point yet") in await impact(arm, azure, "web-01")


async def test_open_sessions_through_a_bastion_host_are_told(arm: AzureServer, azure: Azure) -> None:
    web = machine(arm, "web-01")
    host = arm.bastions.add(web, "bastion")
    assert (await around(arm, azure, "web-01")).sessions == ()
    arm.bastions.connect(host, web, "mallory", protocol="RDP", minutes=12)
    arm.bastions.connect(host, machine(arm, "web-02"), "olivia")
    found = await around(arm, azure, "web-01")
    assert found.sessions == (OpenSession(user="mallory", protocol="RDP", minutes=12),)
    said = Impact(text="open Bastion session: mallory, RDP for 12 min", severe=True)
    assert said in await impact(arm, azure, "web-01")


async def test_sessions_that_azure_does_not_tell_are_said_to_be_unknown(
    arm: AzureServer, azure: Azure
) -> None:
    arm.bastions.add(machine(arm, "web-01"), "bastion")
    arm.refusals.put(Refusal(code="AuthorizationFailed", method="POST", path="getActiveSessions$"))
    found = await around(arm, azure, "web-01")
    assert found.sessions is None
    (why,) = found.unknown
    assert why.startswith("open sessions: could not read the open sessions of the Bastion host bastion")
    assert "Microsoft.Network/bastionHosts/getActiveSessions/action" in why


async def test_what_does_not_come_in_time_is_said(arm: AzureServer, azure: Azure) -> None:
    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)
    found = await ArmSurroundings(azure).read(ref(arm, "web-01"), facts, budget_s=0.0)
    assert any("did not come within" in why for why in found.unknown)


async def test_a_classic_vm_says_that_nothing_is_known(arm: AzureServer, azure: Azure) -> None:
    assert (await around(arm, azure, "legacy-01")).unknown == ("surroundings: not available for classic VMs",)


async def test_a_pool_that_loses_its_last_member_comes_first(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "build-07").power = "running"
    first, *_ = await impact(arm, azure, "build-07")
    assert first == Impact(
        text="load balancer build-lb: backend pool machines loses its last member", severe=True
    )


async def test_a_pool_that_keeps_others_says_how_many(arm: AzureServer, azure: Azure) -> None:
    seed = LoadBalancerSeed(
        name="lb", group="rg-shop", location="westeurope", backends=["web-01", "web-02", "db-01"]
    )
    add_load_balancer(arm.estate, arm.world, seed)
    said = Impact(text="load balancer lb: backend pool machines loses a member, and keeps 2")
    assert said in await impact(arm, azure, "web-01")


async def test_a_dynamic_public_address_is_lost_with_the_stop_of_a_running_vm(
    arm: AzureServer, azure: Azure
) -> None:
    address = next(one for one in arm.estate.of(PUBLIC_IP) if one.name == "web-01-ip")
    address.properties["publicIPAllocationMethod"] = "Dynamic"
    assert not any("is dynamic" in one.text for one in await impact(arm, azure, "web-01"))
    machine(arm, "web-01").power = "running"
    found = await impact(arm, azure, "web-01")
    flags = [one.severe for one in found]
    assert flags == sorted(flags, reverse=True), "the worst first"
    severe = [one.text for one in found if one.severe]
    assert severe == [
        "public IP 20.50.1.11 of web-01-nic is dynamic: Azure takes it away, and gives another later"
    ]


async def test_what_only_a_stop_takes_is_not_said_of_a_lockdown_without_one(
    arm: AzureServer, azure: Azure
) -> None:
    machine(arm, "web-01").power = "running"
    facts = await known(arm, azure, "web-01")
    said = [one.text for one in impact_of(facts, LockdownProfile(steps=(StepName.ISOLATE,)))]
    assert not any("memory" in one for one in said)
    assert any("memory is lost" in one.text for one in impact_of(facts, LockdownProfile()))


async def test_looking_closer_costs_three_reads_and_one_for_each_bastion_host(
    arm: AzureServer, azure: Azure
) -> None:
    protect(arm, "web-01")
    add_availability_set(arm.estate, "shop", machine(arm, "web-01"))
    facts = await ArmFacts(azure).gather(ref(arm, "web-01"), budget_s=BUDGET_S)
    before = len(list(arm.record.since(0, "request")))
    await ArmSurroundings(azure).read(ref(arm, "web-01"), facts, budget_s=BUDGET_S)
    assert len(list(arm.record.since(0, "request"))) - before == 3
