"""`startgate vm create` over the real clients: born whole, resumed, taken back, never over others."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import NSG, Resource
from deploy.sandbox.stage import eventually
from tests.contract.arm.driver import lock, machine, nics, sent
from tests.contract.arm.hardening.specs import KEY, NAME, OTHER_KEY, spec, written
from tests.contract.operator.desk import Desk
from workers.arm.hardening.born import Birth
from workers.arm.hardening.parts import parts
from workers.arm.hardening.requirements import REQUIREMENTS
from workers.arm.hardening.resources import Resources
from workers.arm.hardening.spec import VmSpec
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy

OWNER, OTHER = "olivia@contoso.example", "colin@contoso.example"
PARTS = ("born-01-nsg", "born-01-vnet", "born-01-nic", "born-01")


@pytest.fixture
def desk(desk: Desk, tmp_path: Path) -> Desk:
    desk.directory = tmp_path
    return desk


async def create(desk: Desk, *options: str, **changes: Any) -> Any:
    return await desk.type("vm", "create", written(desk.directory, spec(**changes)), *options)


def puts(desk: Desk) -> list[str]:
    return [one["path"].rpartition("/")[2] for one in sent(desk.arm, "PUT")]


def left(desk: Desk) -> list[str]:
    """What in Azure has the VM's name in its own."""
    return [key for key in desk.arm.estate._by_id if NAME in key and "recoveryservices" not in key]


async def test_a_vm_is_born_with_all_that_a_vm_needs(desk: Desk) -> None:
    done = await create(desk)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[-1] == f"born-01 has {len(REQUIREMENTS)} of {len(REQUIREMENTS)}"
    assert [line[:4] for line in lines[:-1]] == ["  + "] * 6
    assert "security group born-01-nsg: denies all inbound but bastion" in lines[0]
    assert (await desk.type("vm", "check", NAME)).exit_code == 0
    vm = machine(desk.arm, NAME)
    assert vm.power == "running"
    assert vm.tags["owner"] == "olivia@contoso.example"
    assert vm.tags["env"] == "prod"
    linux = vm.properties["osProfile"]["linuxConfiguration"]
    assert linux["disablePasswordAuthentication"] is True
    assert linux["ssh"]["publicKeys"] == [{"path": "/home/azureuser/.ssh/authorized_keys", "keyData": KEY}]
    assert "adminPassword" not in vm.properties["osProfile"]


async def test_its_security_group_lets_in_the_exceptions_and_lets_it_work(desk: Desk) -> None:
    await create(desk)
    (nic,) = nics(desk.arm, NAME)
    nsg = desk.arm.estate.get(nic.properties["networkSecurityGroup"]["id"])
    rules = [
        (one["name"], one["properties"]["access"], one["properties"]["direction"])
        for one in nsg.properties["securityRules"]
    ]
    assert rules == [
        ("allow-bastion-100", "Allow", "Inbound"),
        ("deny-all-inbound", "Deny", "Inbound"),
    ]
    assert "publicIPAddress" not in nic.properties["ipConfigurations"][0]["properties"]


async def test_a_profile_of_the_policy_gives_its_exceptions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = desk.directory / "policy.yaml"
    allow = "{name: forensics, source: 10.1.0.0/16, ports: ['22']}"
    policy.write_text(
        "oncall: {usergroup: S0ONCALL01}\ndefaults: {lockdown: quiet}\n"
        f"lockdowns: {{quiet: {{isolate: {{allow: [{allow}]}}}}}}\n"
    )
    monkeypatch.setenv("STARTGATE_POLICY", str(policy))
    network = {"address_space": "10.77.0.0/24", "nsg": {"profile": "quiet"}}
    done = await create(desk, "--dry-run", network=network)
    assert "denies all inbound but forensics" in done.stdout
    odd = await create(desk, network={**network, "nsg": {"profile": "loud"}})
    assert odd.exit_code == 1
    assert "the policy has no lockdown profile 'loud'; there are: quiet" in odd.stderr


async def test_a_dry_run_names_all_and_writes_nothing(desk: Desk) -> None:
    done = await create(desk, "--dry-run")
    assert done.exit_code == 0
    assert puts(desk) == []
    for name in PARTS:
        assert f" {name}" in done.stdout
    titles = ", ".join(one.title for one in REQUIREMENTS)
    assert done.stdout.splitlines()[-1] == f"born-01: would have {titles}"


async def test_a_second_run_writes_nothing(desk: Desk) -> None:
    await create(desk)
    before = len(puts(desk))
    done = await create(desk)
    assert done.exit_code == 0
    assert len(puts(desk)) == before
    assert [line[:4] for line in done.stdout.splitlines()[:-1]] == ["  = "] * 6


@pytest.mark.parametrize("path", [*PARTS[1:], "pricings", "vaults", "protectedItems"])
async def test_a_run_that_broke_off_goes_on_where_it_was(desk: Desk, path: str) -> None:
    refused = Refusal(code="AuthorizationFailed", path=f"{path}(/|$)", method="WRITE")
    desk.arm.refusals.put(
        refused if path[:4] == "born" else Refusal(**{**refused.model_dump(), "path": path})
    )
    done = await create(desk)
    assert done.exit_code == 2, done.output
    assert "we lack the right" in done.stderr
    made = [name for name in puts(desk) if name in PARTS]
    desk.arm.refusals.put()
    seq = len(puts(desk))
    done = await create(desk)
    assert done.exit_code == 0, done.output
    again = puts(desk)[seq:]
    accepted = made[:-1] if path in PARTS else made
    assert not set(again) & set(accepted), "what was made is not written again"
    assert (await desk.type("vm", "check", NAME)).exit_code == 0


async def test_a_run_that_was_killed_while_azure_makes_the_vm_waits_for_that(
    desk: Desk, azure: Azure
) -> None:
    desk.arm.operations.set_speed(0.1)

    async def killed() -> None:
        async for _ in Birth(azure, VmSpec.model_validate(spec()), None).make():
            pass

    run = asyncio.create_task(killed())

    async def put() -> bool:
        return NAME in puts(desk)

    await eventually("the VM to be put", put)
    run.cancel()
    assert machine(desk.arm, NAME).properties["provisioningState"] == "Creating"
    desk.arm.operations.set_speed(0.02)
    done = await create(desk)
    assert done.exit_code == 0, done.output
    assert puts(desk).count(NAME) == 1
    assert "  = VM born-01" in done.stdout


async def test_a_vm_that_azure_could_not_make_says_why_and_is_put_once_more(desk: Desk) -> None:
    failing = Failure(operation="^vm PUT$", code="AllocationFailed", message="No capacity.", times=1)
    desk.arm.failures.put(failing)
    done = await create(desk)
    assert done.exit_code == 2
    assert "Azure could not make the VM born-01: AllocationFailed: No capacity." in done.stderr
    assert (await create(desk)).exit_code == 0


async def test_abort_takes_back_what_was_made_and_only_that(desk: Desk) -> None:
    before = set(desk.arm.estate._by_id)
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", path="vaults", method="WRITE"))
    await create(desk)
    assert machine(desk.arm, NAME)
    desk.arm.refusals.put()
    assert (await create(desk, "--abort")).exit_code == 1, "nobody confirmed that the VM is to go"
    assert machine(desk.arm, NAME).power == "running"
    done = await create(desk, "--abort", "--yes")
    assert done.exit_code == 0, done.output
    assert [line[:4] for line in done.stdout.splitlines()[:-1]] == ["  - "] * 4
    pricing = {key for key in desk.arm.estate._by_id if "pricings" in key}
    assert set(desk.arm.estate._by_id) - pricing == before
    assert (await create(desk, "--abort")).stdout == "nothing was left of it\n"


async def test_abort_leaves_what_others_made_and_a_vm_that_is_complete(desk: Desk) -> None:
    network = {"address_space": "10.77.0.0/24", "public_ip": True}
    await create(desk, network=network)
    done = await create(desk, "--abort", network=network)
    assert done.exit_code == 2
    assert "born-01 is complete, so there is nothing to abort" in done.stderr
    assert machine(desk.arm, NAME).power == "running"
    for item in list(desk.arm.items.all()):
        if NAME in item.id:
            desk.arm.estate.remove(item.id)
    address = next(one for one in desk.arm.estate._by_id.values() if one.name == "born-01-ip")
    address.tags = {"managed-by": "startgate", "startgate-vm": "another-01"}
    done = await create(desk, "--abort", "--yes", network=network)
    assert done.exit_code == 0, done.output
    assert "born-01-ip" not in done.stdout
    assert desk.arm.estate.find(address.id) is address


async def test_a_vm_that_exists_is_never_written(desk: Desk) -> None:
    web = machine(desk.arm, "web-01")
    before = web.as_json()
    done = await create(desk, name="web-01")
    assert done.exit_code == 2
    assert "already, and it was not made for this; it is never overwritten" in done.stderr
    assert puts(desk) == []
    assert machine(desk.arm, "web-01").as_json() == before


async def test_nothing_is_written_when_one_name_is_taken(desk: Desk) -> None:
    taken = f"/subscriptions/{desk.subscription}/resourceGroups/rg-shop/providers/{NSG}/born-01-nsg"
    desk.arm.estate.add(Resource(id=taken, kind=NSG, location="westeurope", properties={"securityRules": []}))
    for options in ((), ("--dry-run",)):
        done = await create(desk, *options)
        assert done.exit_code == 2
        assert "there is a security group born-01-nsg already" in done.stderr
    assert puts(desk) == []


async def test_another_version_of_the_specification_is_told_apart(desk: Desk) -> None:
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", path="virtualMachines", method="PUT"))
    await create(desk)
    desk.arm.refusals.put()
    done = await create(desk, admin={"user": "azureuser", "ssh_key": OTHER_KEY})
    assert done.exit_code == 2
    assert "made by another version of this specification" in done.stderr
    assert (await create(desk, "--abort", size="Standard_D4s_v5")).exit_code == 0
    assert left(desk) == []


async def test_a_public_ip_is_made_only_where_it_is_asked_for(desk: Desk) -> None:
    done = await create(desk, network={"address_space": "10.77.0.0/24", "public_ip": True})
    assert done.exit_code == 0, done.output
    assert "  + public IP born-01-ip: as the specification says" in done.stdout
    assert "✗ no public IP" in done.stdout
    assert f"born-01 lacks 1 of {len(REQUIREMENTS)}" in done.stdout


async def test_a_subnet_that_exists_is_used_and_nothing_is_made_beside_it(desk: Desk) -> None:
    subnet = (
        f"/subscriptions/{desk.subscription}/resourceGroups/rg-shop/providers/Microsoft.Network"
        "/virtualNetworks/rg-shop-westeurope-vnet/subnets/default"
    )
    assert (await create(desk, network={"subnet": subnet})).exit_code == 0
    assert "born-01-vnet" not in puts(desk)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resource_group": "nowhere"}, "az group create --name nowhere"),
        ({"image": {"publisher": "Canonical", "offer": "x", "sku": "y"}}, "PlatformImageNotFound"),
        (
            {"image": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server-gen1"}},
            "Trusted Launch Supported Gen2 OS Image",
        ),
        ({"size": "Basic_A1"}, "The value Basic_A1 provided for the VM size is not valid"),
    ],
)
async def test_what_azure_refuses_is_said(desk: Desk, changes: dict[str, Any], said: str) -> None:
    done = await create(desk, **changes)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
async def test_encryption_at_host_that_can_t_be_is_said_before_anything_is_made(
    desk: Desk, options: tuple[str, ...]
) -> None:
    old = await create(desk, *options, size="Standard_D2_v2")
    assert old.exit_code == 2
    assert "can't be encrypted at host: the size Standard_D2_v2 does not support it" in old.stderr
    desk.arm.host_encryption.states[desk.subscription] = "NotRegistered"
    done = await create(desk, *options)
    assert "register it once: az feature register" in done.stderr
    assert puts(desk) == []


async def test_a_lock_on_the_group_is_said(desk: Desk) -> None:
    lock(desk.arm, f"/subscriptions/{desk.subscription}/resourceGroups/rg-shop")
    done = await create(desk)
    assert "a management lock on the resource group rg-shop forbids it" in done.stderr


async def test_what_was_made_and_taken_back_is_in_the_audit(desk: Desk) -> None:
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", path="vaults", method="WRITE"))
    await create(desk)
    desk.arm.refusals.put()
    await create(desk, "--abort", "--yes")
    (made,), (gone,) = await desk.audited("vm.created"), await desk.audited("vm.aborted")
    assert [said.split(":")[0] for said in made["details"]["changed"]][:2] == [
        "security group born-01-nsg",
        "network born-01-vnet",
    ]
    assert gone["details"]["changed"][0] == "VM born-01"
    assert gone["vm"].endswith("/virtualmachines/born-01")
    assert "AAAA" not in str(made)


async def test_while_changes_are_paused_nothing_is_made(desk: Desk) -> None:
    await desk.type("pause", "--reason", "an exercise")
    done = await create(desk)
    assert done.exit_code == 2
    assert "changes in Azure are paused by" in done.stderr
    assert puts(desk) == []


async def test_a_name_that_is_taken_meanwhile_is_not_overwritten(desk: Desk, azure: Azure) -> None:
    first, second = (parts(VmSpec.model_validate(spec(owner=who)), None)[0] for who in (OWNER, OTHER))
    await Resources(azure).make(first, None)
    with pytest.raises(Busy):
        await Resources(azure).make(second, None)
    assert desk.arm.estate.get(first.id).tags["owner"] == OWNER
