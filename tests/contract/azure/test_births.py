"""The stand-in's new VMs and networks: what Azure refuses, and what is there afterwards."""

import copy
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.contract.arm.hardening.specs import KEY
from tests.contract.azure.rig import PRODUCTION, SHOP, Cloud, refused

NIC = f"{SHOP}/Microsoft.Network/networkInterfaces/new-nic"
SUBNET = f"{SHOP}/Microsoft.Network/virtualNetworks/new-vnet/subnets/default"
IMAGE = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
VM: dict[str, Any] = {
    "location": "westeurope",
    "tags": {"owner": "olivia@contoso.example"},
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {
            "imageReference": IMAGE,
            "osDisk": {"createOption": "FromImage", "deleteOption": "Delete", "name": "new-os"},
            "dataDisks": [{"lun": 0, "createOption": "Empty", "diskSizeGB": 8, "name": "new-data"}],
        },
        "osProfile": {
            "computerName": "new-01",
            "adminUsername": "azureuser",
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {"publicKeys": [{"path": "/home/azureuser/.ssh/authorized_keys", "keyData": KEY}]},
            },
        },
        "networkProfile": {"networkInterfaces": [{"id": NIC}]},
        "securityProfile": {"encryptionAtHost": True, "securityType": "TrustedLaunch"},
    },
}


def changed(way: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(VM)
    at: Any = body["properties"]
    *keys, last = way.split(".")
    for key in keys:
        at = at[int(key) if key.isdigit() else key]
    at[last] = value
    return body


async def network(cloud: Cloud) -> None:
    subnet = {"name": "default", "properties": {"addressPrefix": "10.5.0.0/25"}}
    space = {"addressSpace": {"addressPrefixes": ["10.5.0.0/24"]}, "subnets": [subnet]}
    client = cloud.network
    body: Any = {"location": "westeurope", "properties": space}
    await (await client.virtual_networks.begin_create_or_update("rg-shop", "new-vnet", body)).result()
    part = {"name": "ipconfig1", "properties": {"subnet": {"id": SUBNET}}}
    body = {"location": "westeurope", "properties": {"ipConfigurations": [part]}}
    await (await client.network_interfaces.begin_create_or_update("rg-shop", "new-nic", body)).result()


async def born(cloud: Cloud, body: Any = VM, name: str = "new-01") -> Any:
    return await (await cloud.compute.virtual_machines.begin_create_or_update("rg-shop", name, body)).result()


async def test_a_vm_is_there_with_its_disks_and_has_its_nic(cloud: Cloud) -> None:
    await network(cloud)
    vm = await born(cloud)
    assert vm.provisioning_state == "Succeeded"
    assert vm.identity.principal_id
    assert await cloud.power("new-01") == "running"
    nic = await cloud.network.network_interfaces.get("rg-shop", "new-nic")
    assert nic.virtual_machine.id == vm.id
    assert (await cloud.compute.disks.get("rg-shop", "new-data")).managed_by == vm.id


@pytest.mark.parametrize(
    ("way", "value", "status", "code"),
    [
        ("hardwareProfile.vmSize", "Huge", 400, "InvalidParameter"),
        ("storageProfile.imageReference.sku", "none", 404, "PlatformImageNotFound"),
        ("storageProfile.imageReference.sku", "server-gen1", 400, "BadRequest"),
        ("osProfile.adminUsername", "admin", 400, "InvalidParameter"),
        ("osProfile.linuxConfiguration.ssh.publicKeys", [], 400, "InvalidParameter"),
        ("osProfile.linuxConfiguration.ssh.publicKeys.0.path", "/root/keys", 400, "InvalidParameter"),
        ("networkProfile.networkInterfaces", [], 400, "InvalidParameter"),
        ("networkProfile.networkInterfaces.0.id", f"{NIC}-gone", 400, "InvalidResourceReference"),
        (
            "networkProfile.networkInterfaces.0.id",
            f"{SHOP}/Microsoft.Network/networkInterfaces/web-01-nic",
            400,
            "NicInUse",
        ),
    ],
)
async def test_a_body_that_azure_refuses_is_refused(
    cloud: Cloud, way: str, value: Any, status: int, code: str
) -> None:
    await network(cloud)
    with pytest.raises(HttpResponseError) as error:
        await born(cloud, changed(way, value))
    assert refused(error) == (status, code)


async def test_names_and_regions_and_features_are_checked(cloud: Cloud) -> None:
    await network(cloud)
    for name, body, code in (
        ("_new", VM, "InvalidParameter"),
        ("new-", VM, "InvalidParameter"),
        ("x" * 65, VM, "InvalidParameter"),
        ("new-01", VM | {"location": "northeurope"}, "InvalidResourceReference"),
        ("new-01", {**VM, "location": ""}, "LocationRequired"),
    ):
        with pytest.raises(HttpResponseError) as error:
            await born(cloud, body, name)
        assert refused(error) == (400, code), name
    cloud.server.host_encryption.states[PRODUCTION] = "NotRegistered"
    with pytest.raises(HttpResponseError) as error:
        await born(cloud)
    assert error.value.error is not None
    assert error.value.error.target == "securityProfile.encryptionAtHost"


async def test_a_put_over_a_vm_changes_no_keys_and_makes_none(cloud: Cloud) -> None:
    await network(cloud)
    await born(cloud)
    other = changed("osProfile.linuxConfiguration.ssh.publicKeys.0.keyData", "ssh-ed25519 AAAA")
    with pytest.raises(HttpResponseError) as error:
        await born(cloud, other)
    assert refused(error) == (409, "PropertyChangeNotAllowed")
    headers = {"If-None-Match": "*"}
    path = f"{SHOP}/Microsoft.Compute/virtualMachines/new-01?api-version=1"
    assert (await cloud.ask("PUT", path, VM, **headers))[0] == 412


async def test_what_is_in_use_can_t_be_deleted(cloud: Cloud) -> None:
    await network(cloud)
    await born(cloud)
    net, machines = cloud.network, cloud.compute.virtual_machines
    with pytest.raises(HttpResponseError) as error:
        await net.network_interfaces.begin_delete("rg-shop", "new-nic")
    assert refused(error) == (400, "NicInUse")
    await (await machines.begin_delete("rg-shop", "new-01")).result()
    with pytest.raises(HttpResponseError) as error:
        await net.virtual_networks.begin_delete("rg-shop", "new-vnet")
    assert refused(error) == (400, "InUseSubnetCannotBeDeleted")
    for operations, name in ((net.network_interfaces, "new-nic"), (net.virtual_networks, "new-vnet")):
        await (await operations.begin_delete("rg-shop", name)).result()
    names = {one.name for one in cloud.server.estate._by_id.values()}
    assert "new-data" in names, "its delete option is Detach"
    assert names.isdisjoint({"new-os", "new-nic", "new-vnet"})
    assert cloud.server.estate.find(SUBNET) is None


async def test_networks_and_addresses_are_checked(cloud: Cloud) -> None:
    vnet = f"{SHOP}/Microsoft.Network/virtualNetworks/odd?api-version=1"
    address = f"{SHOP}/Microsoft.Network/publicIPAddresses/odd?api-version=1"

    def space(prefix: str, subnet: str) -> dict[str, Any]:
        part = {"name": "a", "properties": {"addressPrefix": subnet}}
        return {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": [part]}

    for path, properties, code in (
        (vnet, {}, "InvalidRequestFormat"),
        (vnet, space("10.0.0.1/24", "10.0.0.0/25"), "InvalidAddressPrefixFormat"),
        (vnet, space("10.0.0.0/24", "10.0.1.0/24"), "NetcfgInvalidSubnet"),
        (address, {"publicIPAllocationMethod": "Dynamic"}, "BadRequest"),
    ):
        status, answer = await cloud.ask("PUT", path, {"location": "westeurope", "properties": properties})
        assert (status, answer["error"]["code"]) == (400, code)


async def test_an_address_in_use_can_t_be_deleted(cloud: Cloud) -> None:
    for name in ("web-01-ip", "spare"):
        path = f"{SHOP}/Microsoft.Network/publicIPAddresses/{name}?api-version=1"
        body = {"location": "westeurope", "properties": {"publicIPAllocationMethod": "Static"}}
        if name == "spare":
            assert (await cloud.ask("PUT", path, body))[0] == 201
            assert (await cloud.ask("DELETE", path))[0] == 202
        else:
            status, answer = await cloud.ask("DELETE", path)
            assert (status, answer["error"]["code"]) == (400, "PublicIPAddressCannotBeDeleted")
