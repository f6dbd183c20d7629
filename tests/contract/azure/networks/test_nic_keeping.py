"""The Azure stand-in, asked by the real SDK clients: what a PUT of an interface keeps, and what it loses."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.azure.rig import PRODUCTION, Cloud

SETTINGS = {
    "auxiliaryMode": "AcceleratedConnections",
    "auxiliarySku": "A2",
    "workloadType": "storage",
    "disableTcpStateTracking": True,
    "enableAcceleratedNetworking": True,
    "enableIPForwarding": True,
}
GROUP = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-rich"
NIC = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/rich-01-nic"


@pytest.fixture
async def nic(cloud: Cloud) -> dict[str, Any]:
    """An interface with all that Azure's interfaces carry, as a GET answers it."""
    seed = {"settings": SETTINGS, "extended_location": "losangeles", "asgs": ["web", "admin"]}
    await cloud.ask("POST", "/_vm", {"name": "rich-01", "group": "rg-rich", "nics": [seed]})
    balancer = {
        "name": "lb",
        "group": "rg-rich",
        "public_ip": "20.50.9.1",
        "backends": ["rich-01"],
        "nat": [{"vm": "rich-01", "port": 50001, "to": 3389}],
    }
    await cloud.ask("POST", "/_load_balancer", balancer)
    return await read(cloud)


async def read(cloud: Cloud) -> dict[str, Any]:
    _, nic = await cloud.ask("GET", f"{NIC}?api-version=2026-03-01")
    assert isinstance(nic, dict)
    return nic


async def write(cloud: Cloud, body: dict[str, Any]) -> None:
    poller = await cloud.network.network_interfaces.begin_create_or_update("rg-rich", "rich-01-nic", body)
    await poller.result()


async def lost(cloud: Cloud) -> list[str]:
    _, losses = await cloud.ask("GET", "/_lost")
    return [path for loss in losses for path in loss["lost"]]


def bare(nic: dict[str, Any]) -> dict[str, Any]:
    """Without the entity tags, which every write changes."""
    nic = copy.deepcopy(nic)
    nic.pop("etag")
    for item in nic["properties"]["ipConfigurations"]:
        item.pop("etag")
    return nic


def configuration(nic: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = nic["properties"]["ipConfigurations"][0]["properties"]
    return inner


async def test_an_interface_carries_all_that_azures_do(nic: dict[str, Any]) -> None:
    properties = nic["properties"]
    assert nic["extendedLocation"] == {"type": "EdgeZone", "name": "losangeles"}
    assert properties["tapConfigurations"] == []
    assert properties["dnsSettings"]["internalDomainNameSuffix"].endswith(".internal.cloudapp.net")
    assert properties["ipConfigurations"][0]["etag"] == nic["etag"]
    assert SETTINGS.items() <= properties.items()
    assert len(configuration(nic)["applicationSecurityGroups"]) == 2
    assert len(configuration(nic)["loadBalancerBackendAddressPools"]) == 1
    assert len(configuration(nic)["loadBalancerInboundNatRules"]) == 1


async def test_written_back_as_it_was_read_it_loses_nothing(cloud: Cloud, nic: dict[str, Any]) -> None:
    await write(cloud, nic)
    assert bare(await read(cloud)) == bare(nic)
    assert await lost(cloud) == []


async def test_a_write_changes_the_etags_together(cloud: Cloud, nic: dict[str, Any]) -> None:
    await write(cloud, nic)
    after = await read(cloud)
    assert after["etag"] != nic["etag"]
    assert after["properties"]["ipConfigurations"][0]["etag"] == after["etag"]


@pytest.mark.parametrize(
    ("lose", "path"),
    [
        *((lambda nic, key=key: nic["properties"].pop(key), f"properties.{key}") for key in SETTINGS),
        (lambda nic: nic.pop("extendedLocation"), "extendedLocation"),
        *(
            (
                lambda nic, key=key: configuration(nic).pop(key),
                f"properties.ipConfigurations[ipconfig1].properties.{key}",
            )
            for key in (
                "applicationSecurityGroups",
                "loadBalancerBackendAddressPools",
                "loadBalancerInboundNatRules",
            )
        ),
        (
            lambda nic: configuration(nic)["applicationSecurityGroups"].pop(0),
            "properties.ipConfigurations[ipconfig1].properties.applicationSecurityGroups[web]",
        ),
    ],
)
async def test_what_a_write_leaves_out_is_gone_and_told(
    cloud: Cloud, nic: dict[str, Any], lose: Callable[[dict[str, Any]], Any], path: str
) -> None:
    body = copy.deepcopy(nic)
    lose(body)
    await write(cloud, body)
    assert await lost(cloud) == [path]
    after = bare(await read(cloud))
    assert after != bare(nic)


async def test_what_only_azure_writes_stays_and_is_told_apart(cloud: Cloud, nic: dict[str, Any]) -> None:
    body = copy.deepcopy(nic)
    for key in ("macAddress", "resourceGuid", "virtualMachine", "tapConfigurations"):
        del body["properties"][key]
    del body["properties"]["dnsSettings"]["internalDomainNameSuffix"]
    del body["properties"]["ipConfigurations"][0]["etag"]
    await write(cloud, body)
    assert bare(await read(cloud)) == bare(nic)
    _, (loss,) = await cloud.ask("GET", "/_lost")
    assert loss["lost"] == []
    assert set(loss["left_out"]) == {
        "properties.macAddress",
        "properties.resourceGuid",
        "properties.virtualMachine",
        "properties.dnsSettings.internalDomainNameSuffix",
        "properties.ipConfigurations[ipconfig1].etag",
    }


async def test_taking_the_group_off_is_no_loss(cloud: Cloud, nic: dict[str, Any]) -> None:
    del nic["properties"]["networkSecurityGroup"]
    await write(cloud, nic)
    assert "networkSecurityGroup" not in (await read(cloud))["properties"]
    assert await lost(cloud) == []
