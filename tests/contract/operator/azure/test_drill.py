"""``startgate drill`` against the stand-ins: what would stop a containment is found, nothing is written."""

import json
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import LOCK, VAULT, Resource
from deploy.sandbox.azure.server import AzureServer
from tests.conftest import Valkey
from tests.contract.arm.driver import machine
from tests.contract.operator.command_line import CommandLine
from workers.domain.containment.spec import LOCK_NAME

READS_BY_POST = ("backupStatus", "getActiveSessions", "Microsoft.ResourceGraph/resources")


@pytest_asyncio.fixture
async def line(arm: AzureServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    made = CommandLine(arm, valkey, monkeypatch)
    await made.take_inventory()
    machine(arm, "web-01").power = "running"
    return made


def lock(arm: AzureServer, scope: str, level: str = "ReadOnly", name: str = "frozen") -> None:
    lock_id = f"{scope}/providers/{LOCK}/{name}"
    arm.estate.add(Resource(id=lock_id, kind=LOCK, properties={"level": level}))


def writes(line: CommandLine) -> list[str]:
    posts = [path for path in line.sent("POST") if not path.endswith(READS_BY_POST)]
    return [*line.sent("PUT", "PATCH", "DELETE"), *posts]


async def test_a_vm_that_can_be_contained(line: CommandLine) -> None:
    result = await line("drill", "web-01")
    assert result.exit_code == 0, result.output
    first = result.stdout.splitlines()[0]
    assert first.startswith("web-01: would isolate 1 NIC with startgate-lockdown-")
    assert first.endswith("; about 40 s")
    assert "cannot" not in first


async def test_no_write_reaches_azure(line: CommandLine, arm: AzureServer) -> None:
    arm.bastions.add(machine(arm, "web-01"), "bastion")
    for arguments in (("drill", "web-01"), ("drill", "db-01"), ("drill", "--all")):
        await line(*arguments)
    assert writes(line) == []
    assert any(path.endswith("getActiveSessions") for path in line.sent("POST"))  # it did look closer


async def test_a_lock_on_the_vm_stops_the_stop_and_not_the_isolation(
    line: CommandLine, arm: AzureServer
) -> None:
    lock(arm, machine(arm, "web-01").id)
    result = await line("drill", "web-01")
    assert result.exit_code == 1
    first, *rest = result.stdout.splitlines()
    assert "would isolate 1 NIC" in first
    assert "cannot stop: the ReadOnly lock frozen on web-01" in first
    assert "cannot isolate" not in first
    assert any(one.endswith("the ReadOnly lock frozen on web-01 \u2192 remove the lock") for one in rest)


async def test_a_lock_on_the_group_stops_everything_in_it(line: CommandLine, arm: AzureServer) -> None:
    lock(arm, machine(arm, "web-01").id.partition("/providers/")[0])
    found = await line.json("drill", "web-01")
    assert {one["step"] for one in found["obstacles"]} == {"isolate", "stop", "backup"}
    assert found["summary"].startswith(
        "would change nothing; cannot isolate: the ReadOnly lock frozen on the resource group"
    )


async def test_a_lock_against_deletion_stops_nothing(line: CommandLine, arm: AzureServer) -> None:
    lock(arm, machine(arm, "web-01").id, "CanNotDelete")
    assert (await line("drill", "web-01")).exit_code == 0


async def test_a_lock_on_another_vm_of_the_same_beginning_is_not_ours(
    line: CommandLine, arm: AzureServer
) -> None:
    lock(arm, machine(arm, "web-01").id[:-1])  # …/web-0
    assert (await line("drill", "web-01")).exit_code == 0


async def test_our_own_lock_is_no_obstacle_since_whoever_has_to_write_takes_it_off(
    line: CommandLine, arm: AzureServer
) -> None:
    lock(arm, machine(arm, "web-01").id, name=LOCK_NAME)
    assert (await line("drill", "web-01")).exit_code == 0


async def test_the_vault_that_protects_the_vm_already_is_the_one_that_counts(
    line: CommandLine, arm: AzureServer
) -> None:
    vm = machine(arm, "web-01")
    ops = machine(arm, "jump-01").id.partition("/providers/")[0]
    vault = arm.estate.add(Resource(id=f"{ops}/providers/{VAULT}/theirs", kind=VAULT, location=vm.location))
    arm.items.add(vm, vault.id).properties["protectionState"] = "Protected"
    shop = vm.id.partition("/providers/")[0]
    arm.permissions.taken[shop.lower()] = ("Backup Contributor",)
    assert (await line("drill", "web-01")).exit_code == 0
    arm.permissions.taken[ops.lower()] = ("Backup Contributor", "Virtual Machine Contributor")
    found = await line.json("drill", "web-01")
    assert {one["step"] for one in found["obstacles"]} == {"backup"}
    assert all("is missing in rg-ops" in one["why"] for one in found["obstacles"])


async def test_a_missing_right_is_named_with_its_remedy(line: CommandLine, arm: AzureServer) -> None:
    arm.permissions.taken[""] = ("Virtual Machine Contributor", "Classic Virtual Machine Contributor")
    found = await line.json("drill", "web-01")
    (stop,) = [one for one in found["obstacles"] if one["step"] == "stop"]
    assert stop == {
        "step": "stop",
        "why": "the right Microsoft.Compute/virtualMachines/deallocate/action is missing in rg-shop",
        "remedy": "give this identity the role Virtual Machine Contributor there",
    }


async def test_what_is_so_already_needs_no_right(line: CommandLine, arm: AzureServer) -> None:
    arm.permissions.taken[""] = ("Virtual Machine Contributor",)
    machine(arm, "web-01").power = "deallocated"
    found = await line.json("drill", "web-01")
    assert "stop" not in {one["step"] for one in found["obstacles"]}


async def test_locks_that_may_not_be_read_are_said_to_be_unknown(line: CommandLine, arm: AzureServer) -> None:
    arm.refusals.put(Refusal(code="AuthorizationFailed", path="Microsoft.Authorization/locks$"))
    result = await line("drill", "web-01")
    assert "not known: locks and rights: could not list the locks of the subscription" in result.stdout
    assert "Microsoft.Authorization/locks/read" in result.stdout


async def test_the_fleet_is_a_table_with_a_summary(line: CommandLine, arm: AzureServer) -> None:
    lock(arm, machine(arm, "db-01").id)
    result = await line("drill", "--all")
    assert result.exit_code == 1, result.output
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["VM", "GROUP", "ABOUT", "WHAT"]
    assert {row.split()[0] for row in rows} == {vm.name for vm in arm.estate.vms()}
    (db,) = [row for row in rows if row.startswith("db-01 ")]
    assert "cannot stop: the ReadOnly lock frozen on db-01" in db
    count = len(arm.estate.vms())
    assert f"{count} VMs: {count - 1} could be contained, 1 not fully" in result.stderr


async def test_the_fleet_as_json_is_an_object_a_line(line: CommandLine, arm: AzureServer) -> None:
    result = await line("drill", "--all", "--json")
    found = [json.loads(one) for one in result.stdout.splitlines()]
    assert {one["vm"] for one in found} == {vm.id for vm in arm.estate.vms()}


async def test_the_fleet_reads_locks_and_nics_once_a_subscription(
    line: CommandLine, arm: AzureServer
) -> None:
    await line("drill", "--all")
    assert len(line.sent_to("Microsoft.Authorization/locks")) == len(arm.world.subscriptions)


async def test_a_vm_that_azure_does_not_tell_about_is_told_apart(line: CommandLine, arm: AzureServer) -> None:
    development = arm.world.subscriptions[1].id
    arm.refusals.put(Refusal(code="AuthorizationFailed", path=f"{development}/.*Authorization/locks$"))
    result = await line("drill", "--all")
    assert result.exit_code == 2
    rows = {row.split()[0]: row for row in result.stdout.splitlines()}
    assert "not known: locks and rights: could not list the locks of the subscription" in rows["build-07"]
    assert "not known" not in rows["web-01"]
    assert "could be contained, " in result.stderr
    assert "not known" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("web-01", "--all")])
async def test_it_has_to_be_said_which(line: CommandLine, arguments: tuple[str, ...]) -> None:
    result = await line("drill", *arguments)
    assert result.exit_code == 2
    assert "a VM, or --all" in result.output


async def test_a_guarded_vm_would_not_be_contained_and_that_is_no_fault(
    line: CommandLine, arm: AzureServer, tmp_path: Path
) -> None:
    never = """[{name: shops, when: 'vm.tags["app"] == "shop"'}]"""
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"oncall: {{usergroup: S0ONCALL01}}\nnever: {never}\n")
    line.policy(policy)
    lock(arm, machine(arm, "web-01").id)
    result = await line("drill", "web-01")
    assert result.exit_code == 0
    said = "would change nothing: The policy never contains web-01: it is in the guarded set (shops)"
    assert said in result.stdout
    assert "lock" not in result.stdout
    planned = await line("plan", "web-01")
    assert planned.stdout.startswith("web-01: would change nothing: The policy never contains web-01")
