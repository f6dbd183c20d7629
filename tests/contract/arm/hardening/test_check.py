"""`startgate vm check` over the real clients: what a VM has, lacks, or can't be said to have."""

import json
from collections.abc import Callable

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import PRICING, PUBLIC_IP, Resource, Vm
from deploy.sandbox.azure.network.rules import rule
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import NicSeed, VmSeed
from tests.contract.arm.driver import machine, nics
from tests.contract.operator.desk import Desk
from workers.arm.hardening.requirements import REQUIREMENTS

NAME = "safe-01"
Change = Callable[[AzureServer, Vm], object]


@pytest.fixture
async def safe(desk: Desk) -> Vm:
    """A VM that has everything."""
    arm = desk.arm
    seed = VmSeed(name=NAME, group="rg-shop", tags={"owner": "olivia@contoso.example"}, nics=[NicSeed()])
    vm = add_vm(arm.estate, arm.world, seed)
    vm.extra["identity"] = {"type": "SystemAssigned"}
    vm.properties["securityProfile"] = {
        "encryptionAtHost": True,
        "securityType": "TrustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
    }
    arm.estate.add(
        Resource(
            id=f"{vm.id}/providers/Microsoft.Security/pricings/VirtualMachines",
            kind=PRICING,
            properties={"pricingTier": "Standard", "subPlan": "P1", "extensions": []},
        )
    )
    await desk.ask("PUT", "/_backup", {"vm": NAME, "state": "Protected"})
    return vm


def add_address(arm: AzureServer, vm: Vm) -> None:
    (nic,) = nics(arm, vm.name)
    address = Resource(
        id=nic.id.replace("networkInterfaces/safe-01-nic", "publicIPAddresses/ip"),
        kind=PUBLIC_IP,
        location=vm.location,
        extra={"sku": {"name": "Standard"}},
        properties={"ipAddress": "20.1.2.3"},
    )
    arm.estate.add(address)
    nic.properties["ipConfigurations"][0]["properties"]["publicIPAddress"] = {"id": address.id}


def open_port(arm: AzureServer, vm: Vm, ports: str) -> None:
    add_address(arm, vm)
    (nic,) = nics(arm, vm.name)
    nsg = arm.estate.get(nic.properties["networkSecurityGroup"]["id"])
    allow = rule("wide", "Allow", 200, ports=ports, protocol="Tcp", source="Internet")
    nsg.properties["securityRules"].append(allow)


def no_group(arm: AzureServer, vm: Vm) -> None:
    (nic,) = nics(arm, vm.name)
    del nic.properties["networkSecurityGroup"]


def no_backup(arm: AzureServer, vm: Vm) -> None:
    for item in list(arm.items.all()):
        if vm.name in item.id:
            arm.estate.remove(item.id)


LACKING: list[tuple[str, Change, str]] = [
    ("owner", lambda _, vm: vm.tags.clear(), "no tag owner"),
    ("owner", lambda _, vm: vm.tags.update(owner="the web team"), "holds neither an e-mail"),
    ("security-group", no_group, "safe-01-nic has none, and neither has its subnet"),
    ("public-ip", add_address, "safe-01-nic has 20.1.2.3"),
    (
        "encryption-at-host",
        lambda _, vm: vm.properties["securityProfile"].update(encryptionAtHost=False),
        "off",
    ),
    (
        "trusted-launch",
        lambda _, vm: vm.properties["securityProfile"].pop("securityType"),
        "its security type is Standard",
    ),
    (
        "trusted-launch",
        lambda _, vm: vm.properties["securityProfile"]["uefiSettings"].update(vTpmEnabled=False),
        "vTPM off",
    ),
    ("identity", lambda _, vm: vm.extra.pop("identity"), "none"),
    (
        "defender",
        lambda arm, vm: arm.estate.remove(f"{vm.id}/providers/Microsoft.Security/pricings/VirtualMachines"),
        "off",
    ),
    ("backup", no_backup, "not protected by Azure Backup"),
    ("boot-diagnostics", lambda _, vm: vm.properties.pop("diagnosticsProfile"), "off"),
]


async def found(desk: Desk, vm: str = NAME) -> dict[str, dict[str, str]]:
    done = await desk.type("vm", "check", vm, "--json")
    return {one["name"]: one for one in json.loads(done.stdout)["requirements"]}


@pytest.mark.usefixtures("safe")
async def test_a_vm_that_has_everything_is_fine(desk: Desk) -> None:
    done = await desk.type("vm", "check", NAME)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == f"safe-01 has {len(REQUIREMENTS)} of {len(REQUIREMENTS)}"
    assert all(line.startswith("  ✓ ") for line in lines[1:])
    assert "  ✓ owner tag           olivia@contoso.example (tag owner)" in lines


@pytest.mark.parametrize(("name", "change", "said"), LACKING)
async def test_each_thing_that_lacks_is_said_alone(
    desk: Desk, safe: Vm, name: str, change: Change, said: str
) -> None:
    change(desk.arm, safe)
    verdicts = await found(desk)
    assert verdicts[name]["state"] == "lacks"
    assert said in verdicts[name]["found"]
    assert any(tool in verdicts[name]["supply"] for tool in ("az ", "startgate "))
    assert "{" not in verdicts[name]["supply"]
    assert {key for key, one in verdicts.items() if one["state"] != "ok"} == {name}
    assert (await desk.type("vm", "check", NAME)).exit_code == 1


@pytest.mark.parametrize(
    ("ports", "said"),
    [("22", "22 (SSH)"), ("3000-4000", "3389 (RDP)"), ("*", "22 (SSH), 3389 (RDP), 5985"), ("443", "")],
)
async def test_management_ports_that_the_internet_reaches_are_named(
    desk: Desk, safe: Vm, ports: str, said: str
) -> None:
    open_port(desk.arm, safe, ports)
    verdict = (await found(desk))["management-ports"]
    assert verdict["state"] == ("lacks" if said else "ok")
    assert said in verdict["found"]


@pytest.mark.usefixtures("safe")
async def test_the_list_is_whole(desk: Desk) -> None:
    assert {name for name, *_ in LACKING} | {"management-ports"} == {one.name for one in REQUIREMENTS}
    assert set(await found(desk)) == {one.name for one in REQUIREMENTS}


@pytest.mark.usefixtures("safe")
@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("pricings", {"defender"}),
        ("networkInterfaces", {"security-group", "public-ip", "management-ports"}),
        ("backupStatus", {"backup"}),
    ],
)
async def test_what_can_t_be_read_is_unknown_and_says_why(desk: Desk, path: str, names: set[str]) -> None:
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", path=path))
    verdicts = await found(desk)
    assert {key for key, one in verdicts.items() if one["state"] == "unknown"} == names
    assert all("we lack the right" in verdicts[name]["found"] for name in names)
    done = await desk.type("vm", "check", NAME)
    assert done.exit_code == 2
    assert done.stdout.splitlines()[0] == f"safe-01 has {10 - len(names)} of 10, {len(names)} unknown"


async def test_a_step_is_named_where_there_is_one(desk: Desk) -> None:
    done = await desk.type("vm", "check", "web-01")
    assert done.exit_code == 1
    backup = done.stdout.partition("✗ backup")[2].splitlines()[1]
    assert backup.startswith("    → the step backup of a containment, or: az backup protection enable-for-vm")
    assert "(the VM has to be deallocated first)" in done.stdout


async def test_a_vm_is_found_by_name_group_or_id(desk: Desk, safe: Vm) -> None:
    for written in (NAME.upper(), f"RG-shop/{NAME}", safe.id):
        assert (await desk.type("vm", "check", written)).exit_code == 0
    add_vm(desk.arm.estate, desk.arm.world, VmSeed(name=NAME, group="rg-twin", nics=[NicSeed()]))
    twice = await desk.type("vm", "check", NAME)
    assert twice.exit_code == 2
    assert "2 VMs are called 'safe-01': /subscriptions/" in twice.stderr
    gone = await desk.type("vm", "check", "nowhere-01")
    assert "no VM that this identity sees is called 'nowhere-01'" in gone.stderr
    assert "classic VM" in (await desk.type("vm", "check", "legacy-01")).stderr


async def test_nothing_is_written(desk: Desk, safe: Vm) -> None:
    await desk.type("vm", "check", NAME)
    methods = {entry.data["method"] for entry in desk.arm.record.since(0, "request")}
    assert methods <= {"GET", "POST"}
    posts = [e.data["path"] for e in desk.arm.record.since(0, "request") if e.data["method"] == "POST"]
    assert all(path.lower().endswith(("backupstatus", "microsoft.resourcegraph/resources")) for path in posts)
    assert machine(desk.arm, NAME) is safe
