"""What leads from the Internet to a VM that has no address of its own, read from the Azure stand-in."""

import pytest

from deploy.sandbox.azure.model import LOAD_BALANCER, NSG, Resource
from deploy.sandbox.azure.network.balancer_seed import add_load_balancer
from deploy.sandbox.azure.network.route_seed import add_route_table
from deploy.sandbox.azure.network.rules import rule, stored
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import LoadBalancerSeed
from tests.contract.arm.driver import machine, nics, ref, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.starts.facts import Facts, NetworkFacts

BUDGET_S = PATIENCE_S


async def network(arm: AzureServer, azure: Azure, name: str) -> tuple[Facts, NetworkFacts]:
    facts = await ArmFacts(azure).gather(ref(arm, name), budget_s=BUDGET_S)
    assert facts.network is not None
    return facts, facts.network


def seen(found: NetworkFacts) -> set[tuple[str, str, str]]:
    return {(port.ports, port.front.ports, port.front.address) for port in found.open_ports if port.front}


def open_all(arm: AzureServer, group: str) -> None:
    """Every NSG of a resource group lets everything in."""
    everybody = rule("in", "Allow", 100, source="0.0.0.0/1")
    for nsg in arm.estate.of(NSG):
        if f"/{group}/" in nsg.id:
            nsg.properties["securityRules"] = stored([everybody], nsg.id, nsg.etag, "securityRules")


async def test_a_vm_without_an_address_is_open_through_its_load_balancer(
    arm: AzureServer, azure: Azure
) -> None:
    open_all(arm, "rg-build")

    facts, found = await network(arm, azure, "build-07")

    assert seen(found) == {("8443", "443", "20.50.1.50"), ("22", "50022", "20.50.1.50")}
    assert found.public_ips == ("20.50.1.50",)
    assert found.unknown == ()
    assert facts.missing == ()


async def test_a_load_balancer_costs_two_reads_and_is_believed_for_a_while(
    arm: AzureServer, azure: Azure
) -> None:
    reader = ArmFacts(azure)
    for _ in range(2):
        await reader.gather(ref(arm, "build-07"), budget_s=BUDGET_S)

    assert len(sent(arm, "GET", "/loadBalancers/")) == 1
    assert len(sent(arm, "GET", "/publicIPAddresses/")) == 1


async def test_an_internal_load_balancer_leads_nowhere(arm: AzureServer, azure: Azure) -> None:
    seed = LoadBalancerSeed(name="inner", group="rg-shop", backends=["db-01"], rules=["5432"])
    add_load_balancer(arm.estate, arm.world, seed)
    _, before = await network(arm, azure, "db-01")

    assert seen(before) == set()
    assert all(nic.fronts == () for nic in before.nics)


@pytest.mark.parametrize("status", [403, 429, 404])
async def test_a_load_balancer_that_can_not_be_read_is_unknown_and_named(
    arm: AzureServer, azure: Azure, status: int
) -> None:
    open_all(arm, "rg-build")
    arm.faults.put(Fault(method="GET", path="/loadBalancers/", status=status))

    facts, found = await network(arm, azure, "build-07")

    assert found.unknown == ("load balancer build-lb was not read",)
    assert "load balancer build-lb" in {fact.name for fact in facts.missing}


async def test_its_public_address_that_can_not_be_read_hides_nothing_that_is_open(
    arm: AzureServer, azure: Azure
) -> None:
    open_all(arm, "rg-build")
    arm.faults.put(Fault(method="GET", path="/publicIPAddresses/", status=403))

    _, found = await network(arm, azure, "build-07")

    assert seen(found) == {("8443", "443", ""), ("22", "50022", "")}


async def test_a_load_balancer_that_is_none_costs_that_fact_alone(arm: AzureServer, azure: Azure) -> None:
    balancer: Resource = next(arm.estate.of(LOAD_BALANCER))
    balancer.properties["loadBalancingRules"][0].pop("name")

    facts, found = await network(arm, azure, "build-07")

    assert found.unknown == ("load balancer build-lb was not read",)
    assert [fact.name for fact in facts.missing] == ["load balancer build-lb"]


async def test_a_default_route_opens_what_is_open_to_the_virtual_network(
    arm: AzureServer, azure: Azure
) -> None:
    _, before = await network(arm, azure, "web-01")
    add_route_table(arm.estate, machine(arm, "web-01"), "to-firewall", "10.0.0.0/8", "0.0.0.0/0")

    _, found = await network(arm, azure, "web-01")

    assert "AllowVnetInBound" not in {port.rule for port in before.open_ports}
    assert "AllowVnetInBound" in {port.rule for port in found.open_ports}
    assert len(sent(arm, "GET", "/routeTables/")) == 1


async def test_a_route_table_is_not_read_where_nothing_leads_to_the_vm(
    arm: AzureServer, azure: Azure
) -> None:
    add_route_table(arm.estate, machine(arm, "db-01"), "to-firewall", "0.0.0.0/0")
    for nic in nics(arm, "db-01"):
        nic.properties["ipConfigurations"][0]["properties"].pop("publicIPAddress", None)

    _, found = await network(arm, azure, "db-01")

    assert found.open_ports == ()
    assert not sent(arm, "GET", "/routeTables/")
