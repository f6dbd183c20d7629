"""The Azure stand-in, asked by the real SDK clients: networks."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from deploy.sandbox.azure.clients import Clients
from deploy.sandbox.azure.server import TOKEN
from tests.contract.azure.rig import DEVELOPMENT, SHOP, WEB_01, Cloud, refused


class TestNetwork:
    async def test_a_lockdown_group_closes_what_was_open(self, cloud: Cloud) -> None:
        assert (await cloud.ask("GET", "/_state"))[1]["vms"][0]["open_ports"] == ["80", "443"]
        group = await cloud.lockdown()
        assert [rule.name for rule in group.security_rules] == ["deny-in", "deny-out"]
        assert len(group.default_security_rules) == 6
        nic = await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")
        before = nic.network_security_group.id
        nic.network_security_group = {"id": group.id}
        poller = await cloud.network.network_interfaces.begin_create_or_update(
            "rg-shop", nic.name, nic, headers={"If-Match": nic.etag}
        )
        written = await poller.result()
        assert written.network_security_group.id == group.id != before
        assert written.ip_configurations[0].public_ip_address.id
        assert written.virtual_machine.id == WEB_01
        assert (await cloud.ask("GET", "/_state"))[1]["vms"][0]["open_ports"] == []

    async def test_interfaces_groups_subnets_and_addresses_are_listed(self, cloud: Cloud) -> None:
        network = cloud.network
        assert len([nic async for nic in network.network_interfaces.list_all()]) == 5
        assert len([nic async for nic in network.network_interfaces.list("rg-shop")]) == 4
        assert len([nsg async for nsg in network.network_security_groups.list_all()]) == 5
        addresses = [ip.ip_address async for ip in network.public_ip_addresses.list("rg-shop")]
        assert addresses == ["20.50.1.11", "20.50.1.12"]
        subnets = network.subnets.list("rg-shop", "rg-shop-westeurope-vnet")
        assert [subnet.name async for subnet in subnets] == ["default"]

    async def test_a_stale_etag_is_refused(self, cloud: Cloud) -> None:
        nic = await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")
        await cloud.ask("PUT", "/_nic", {"nic": "web-01-nic", "nsg": None})
        with pytest.raises(HttpResponseError) as error:
            await cloud.network.network_interfaces.begin_create_or_update(
                "rg-shop", nic.name, nic, headers={"If-Match": nic.etag}
            )
        assert refused(error) == (412, "PreconditionFailed")

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"ipConfigurations": []}, "CannotRemoveIpConfigurations"),
            (
                {"networkSecurityGroup": {"id": f"{SHOP}/Microsoft.Network/networkSecurityGroups/none"}},
                "InvalidResourceReference",
            ),
            (
                {"networkSecurityGroup": {"id": f"{SHOP}/Microsoft.Network/networkSecurityGroups/far"}},
                "InvalidResourceReference",
            ),
        ],
    )
    async def test_an_interface_that_could_not_be_is_refused(
        self, cloud: Cloud, change: dict[str, Any], code: str
    ) -> None:
        await cloud.lockdown("far", "northeurope")
        path = f"{SHOP}/Microsoft.Network/networkInterfaces/web-01-nic?api-version=2026-03-01"
        _, nic = await cloud.ask("GET", path)
        status, body = await cloud.ask("PUT", path, nic | {"properties": nic["properties"] | change})
        assert (status, body["error"]["code"]) == (400, code)

    @pytest.mark.parametrize(
        ("first", "code"),
        [
            ({"priority": 99}, "SecurityRuleInvalidPriority"),
            ({"direction": "Outbound"}, "SecurityRuleConflict"),
            ({"destinationPortRange": "70000"}, "SecurityRuleInvalidPortRange"),
        ],
    )
    async def test_rules_that_azure_would_not_take_are_refused(
        self, cloud: Cloud, first: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(HttpResponseError) as error:
            await cloud.lockdown(**first)
        assert refused(error) == (400, code)

    async def test_a_group_in_use_cannot_be_deleted(self, cloud: Cloud) -> None:
        with pytest.raises(HttpResponseError) as error:
            await cloud.network.network_security_groups.begin_delete("rg-shop", "web-01-nsg")
        assert refused(error) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
        await cloud.ask("PUT", "/_nic", {"nic": "web-01-nic", "nsg": None})
        await (await cloud.network.network_security_groups.begin_delete("rg-shop", "web-01-nsg")).result()
        names = [group.name async for group in cloud.network.network_security_groups.list("rg-shop")]
        assert "web-01-nsg" not in names

    async def test_effective_rules_are_worked_out_for_a_running_machine(self, cloud: Cloud) -> None:
        nics = cloud.network.network_interfaces
        with pytest.raises(HttpResponseError):
            await nics.begin_list_effective_network_security_groups("rg-shop", "web-01-nic")
        poller = await nics.begin_list_effective_network_security_groups("rg-shop", "db-01-nic")
        (group,) = (await poller.result()).value
        assert group.effective_security_rules[0].name == "defaultSecurityRules/AllowVnetInBound"

    async def test_an_interface_without_a_group_is_filtered_by_its_subnet(self, cloud: Cloud) -> None:
        async with Clients(cloud.server.url, token=TOKEN, subscription=DEVELOPMENT) as development:
            nic = await development.network.network_interfaces.get("rg-build", "build-07-nic")
            assert nic.network_security_group is None
            vnet, name = nic.ip_configurations[0].subnet.id.split("/")[8::2]
            subnet = await development.network.subnets.get("rg-build", vnet, name)
        assert subnet.network_security_group.id.endswith("guarded-nsg")
