"""``startgate plan`` against the stand-ins: it reads, says what would be done, and changes nothing."""

import shlex
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import NicSeed, VmSeed
from tests.contract.arm.driver import lock, machine
from tests.contract.operator.command_line import CommandLine
from tests.valkey_server import Valkey
from workers.domain.containment.spec import StepName

WRITES = ("PUT", "PATCH", "DELETE")


@pytest_asyncio.fixture
async def line(arm: AzureServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    made = CommandLine(arm, valkey, monkeypatch)
    await made.take_inventory()
    return made


async def test_the_first_line_says_what_would_be_done(line: CommandLine, arm: AzureServer) -> None:
    machine(arm, "web-01").power = "running"
    result = await line("plan", "web-01")
    assert result.exit_code == 0, result.output
    first, *rest = result.stdout.splitlines()
    assert first.startswith("web-01: would isolate 1 NIC with startgate-lockdown-standard-westeurope-")
    assert "deallocate the VM, protect the VM with Azure Backup" in first
    assert any("web-01: running → deallocated" in one for one in rest)


async def test_a_plan_changes_nothing(line: CommandLine) -> None:
    assert (await line("plan", "web-01")).exit_code == 0
    assert line.sent(*WRITES) == []
    questions = ("backupStatus", "Microsoft.ResourceGraph")
    assert [path for path in line.sent("POST") if not any(one in path for one in questions)] == []


async def test_the_json_has_every_step_with_its_change_and_its_commands(line: CommandLine) -> None:
    found = await line.json("plan", "db-01")
    assert [step["step"] for step in found["steps"]] == ["isolate", "stop", "backup"]
    assert found["not_known"] == []
    assert found["vm"].endswith("/virtualMachines/db-01")
    nics = [
        words for words in found["steps"][0]["by_hand"] if words[:4] == ["az", "network", "nic", "update"]
    ]
    assert len(nics) == 2


async def test_as_az_prints_the_commands_in_order(line: CommandLine, arm: AzureServer) -> None:
    machine(arm, "web-01").power = "running"
    result = await line("plan", "web-01", "--as", "az")
    lines = [one for one in result.stdout.splitlines() if not one.startswith("#")]
    commands = [shlex.split(one) for one in lines]
    assert [" ".join(words[1:4]) for words in commands if words[0] == "az"] == [
        "network nsg create",
        "network nsg rule",
        "network nsg rule",
        "network nsg rule",
        "network nic update",
        "vm deallocate --subscription",
        "backup vault create",
        "backup protection enable-for-vm",
        "backup protection backup-now",
    ]
    deny = next(words for words in commands if "deny-all-inbound" in words)
    assert deny[deny.index("--source-address-prefixes") + 1] == "*"
    assert deny[deny.index("--priority") + 1] == "4096"
    nic = next(words for words in commands if "nic" in words)
    assert nic[nic.index("--ids") + 1] == machine(arm, "web-01").nic_ids()[0]


async def test_what_is_so_already_has_no_command(line: CommandLine) -> None:
    result = await line("plan", "web-01", "--as", "az")  # it is deallocated
    assert "# 2. Stop: deallocated already: nothing to do" in result.stdout
    assert "az vm deallocate" not in result.stdout


async def test_a_name_that_fits_several_is_not_guessed(line: CommandLine) -> None:
    result = await line("plan", "web")
    assert result.exit_code == 1
    assert "2 VMs match 'web'" in result.output
    assert "/virtualMachines/web-01" in result.output


async def test_an_unknown_vm_or_profile_says_the_remedy(line: CommandLine, arm: AzureServer) -> None:
    result = await line("plan", "nowhere\x1b[31m")
    assert (result.exit_code, "\x1b" in result.output) == (1, False)
    assert "Give its resource id" in result.output
    result = await line("plan", "web-01", "--profile", "none")
    assert result.exit_code == 1
    assert "has no lockdown profile 'none'. It has: standard" in result.output
    gone = machine(arm, "web-01").id.replace("web-01", "web-99")
    result = await line("plan", gone)
    assert result.exit_code == 1
    assert "no longer exists" in result.output


async def test_azure_away_is_told_apart_from_a_finding(line: CommandLine, arm: AzureServer) -> None:
    await arm.stop()
    assert (await line("plan", "web-01")).exit_code == 2


async def test_every_step_of_the_table_has_a_command_or_says_how_else(
    line: CommandLine, arm: AzureServer, tmp_path: Path
) -> None:
    machine(arm, "web-01").power = "running"
    policy = tmp_path / "policy.yaml"
    steps = ", ".join(StepName)
    policy.write_text(f"oncall: {{usergroup: S0ONCALL01}}\nlockdowns: {{standard: {{steps: [{steps}]}}}}\n")
    line.policy(policy)
    found = await line.json("plan", "web-01")
    none = {step["step"] for step in found["steps"] if not step["by_hand"]}
    assert none == {"jit"}  # the Azure CLI only shows and deletes such policies
    unsaid = [one for one in found["steps"] if one["step"] in none and not one["skipped"]]
    result = await line("plan", "web-01", "--as", "az")
    assert result.stdout.count("# No command is known: ") == len(unsaid)
    for command in (one for one in result.stdout.splitlines() if not one.startswith("#")):
        assert shlex.split(command)[0] == "az"
        assert "{" not in command.replace('{"properties"', "").replace('{"pricingTier"', "")


async def test_a_hostile_name_breaks_out_of_no_command_and_no_comment(
    line: CommandLine, arm: AzureServer
) -> None:
    name = "x';$(id)`id`\"#\\"
    made = add_vm(arm.estate, arm.world, VmSeed(name=name, group="rg-shop", nics=[NicSeed()]))
    machine(arm, name).power = "running"
    result = await line("plan", made.id, "--as", "az")
    assert result.exit_code == 0, result.output
    commands = [shlex.split(one) for one in result.stdout.splitlines() if not one.startswith("#")]
    assert {words[0] for words in commands} == {"az"}
    (stop,) = [words for words in commands if words[:3] == ["az", "vm", "deallocate"]]
    assert stop[stop.index("--name") + 1] == name


async def test_somebodys_lock_is_said_before_the_steps(line: CommandLine, arm: AzureServer) -> None:
    lock(arm, machine(arm, "web-01").id)
    found = await line.json("plan", "web-01")
    assert "the read-only lock freeze on" in found["obstacles"][0]
    lines = (await line("plan", "web-01")).stdout.splitlines()
    assert lines[2].startswith("! the read-only lock freeze on")
    assert lines[3].startswith("1. Isolate")
