"""The Azure stand-in, asked by the real SDK clients: load balancers, and VMs with an ephemeral OS disk."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from deploy.sandbox.azure.clients import Clients
from deploy.sandbox.azure.server import TOKEN
from tests.contract.azure.rig import DEVELOPMENT, Cloud, refused


class TestLoadBalancers:
    async def test_the_worlds_load_balancer_leads_to_its_machine(self, cloud: Cloud) -> None:
        async with Clients(cloud.server.url, token=TOKEN, subscription=DEVELOPMENT) as clients:
            (balancer,) = [one async for one in clients.network.load_balancers.list("rg-build")]
            (front,) = balancer.frontend_ip_configurations
            name = front.public_ip_address.id.rpartition("/")[2]
            address = await clients.network.public_ip_addresses.get("rg-build", name)
            nic = await clients.network.network_interfaces.get("rg-build", "build-07-nic")
        assert address.ip_address == "20.50.1.50"
        (rule,), (nat,), (out,) = (
            balancer.load_balancing_rules,
            balancer.inbound_nat_rules,
            balancer.outbound_rules,
        )
        assert (rule.frontend_port, rule.backend_port) == (443, 8443)
        assert (nat.frontend_port, nat.backend_port) == (50022, 22)
        assert out.backend_address_pool.id == balancer.backend_address_pools[0].id
        (configuration,) = nic.ip_configurations
        assert configuration.load_balancer_backend_address_pools[0].id == rule.backend_address_pool.id
        assert configuration.load_balancer_inbound_nat_rules[0].id == nat.id
        assert balancer.backend_address_pools[0].backend_ip_configurations[0].id == configuration.id
        assert nat.backend_ip_configuration.id == configuration.id

    async def test_an_interface_that_leaves_the_pool_is_no_longer_behind_it(self, cloud: Cloud) -> None:
        async with Clients(cloud.server.url, token=TOKEN, subscription=DEVELOPMENT) as clients:
            nic = await clients.network.network_interfaces.get("rg-build", "build-07-nic")
            nic.ip_configurations[0].load_balancer_backend_address_pools = []
            nics = clients.network.network_interfaces
            await (await nics.begin_create_or_update("rg-build", nic.name, nic)).result()
            balancer = await clients.network.load_balancers.get("rg-build", "build-lb")
        assert not balancer.backend_address_pools[0].backend_ip_configurations

    async def test_one_can_be_made_with_a_nat_pool_and_without_a_public_address(self, cloud: Cloud) -> None:
        seed: dict[str, Any] = {
            "name": "inner",
            "group": "rg-shop",
            "backends": ["db-01"],
            "nat_pools": [[50000, 50099, 22]],
        }
        assert (await cloud.ask("POST", "/_load_balancer", seed))[0] == 200
        balancer = await cloud.network.load_balancers.get("rg-shop", "inner")
        (pool,) = balancer.inbound_nat_pools
        assert (pool.frontend_port_range_start, pool.frontend_port_range_end) == (50000, 50099)
        assert balancer.frontend_ip_configurations[0].public_ip_address is None

    async def test_one_behind_which_nobody_stands_is_refused(self, cloud: Cloud) -> None:
        seed = {"name": "odd", "group": "rg-shop", "backends": ["nobody"]}
        assert (await cloud.ask("POST", "/_load_balancer", seed))[0] == 400


class TestEphemeralDisks:
    @pytest.fixture
    async def machine(self, cloud: Cloud) -> str:
        seed = {"name": "batch-01", "group": "rg-shop", "power": "running", "ephemeral": True, "nics": [{}]}
        await cloud.ask("POST", "/_vm", seed)
        return "batch-01"

    async def test_it_says_so_and_its_os_disk_is_nowhere_to_be_read(self, cloud: Cloud, machine: str) -> None:
        vm = await cloud.compute.virtual_machines.get("rg-shop", machine)
        assert vm.storage_profile.os_disk.diff_disk_settings.option == "Local"
        with pytest.raises(ResourceNotFoundError):
            await cloud.compute.disks.get("rg-shop", vm.storage_profile.os_disk.name)

    async def test_it_cannot_be_deallocated_but_powered_off(self, cloud: Cloud, machine: str) -> None:
        with pytest.raises(HttpResponseError) as error:
            await cloud.compute.virtual_machines.begin_deallocate("rg-shop", machine)
        assert refused(error) == (409, "OperationNotAllowed")
        await (await cloud.compute.virtual_machines.begin_power_off("rg-shop", machine)).result()
        assert await cloud.power(machine) == "stopped"
        await (await cloud.compute.virtual_machines.begin_start("rg-shop", machine)).result()
        assert await cloud.power(machine) == "running"
