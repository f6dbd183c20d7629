"""``startgate recommendations``: what Defender for Cloud has open for a VM, printed safely."""

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.security.findings import Recommendation, SecurityAlert
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import machine
from tests.contract.operator.command_line import CommandLine
from tests.valkey_server import Valkey


@pytest.fixture
def startgate(arm: AzureServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(arm, valkey, monkeypatch)


def web_01(arm: AzureServer) -> str:
    return machine(arm, "web-01").id


async def test_alerts_and_recommendations_are_shown_with_severity_and_remedy(
    arm: AzureServer, startgate: CommandLine
) -> None:
    vm = machine(arm, "web-01")
    arm.findings.alert(vm, SecurityAlert(name="Malware\x1b[2J", severity="High"))
    arm.findings.recommend(vm, Recommendation(name="Patch it", severity="Low", remedy="Install\nupdates."))
    arm.findings.recommend(vm, Recommendation(name="Encrypt it", severity="High", remedy="x" * 1500))

    result = await startgate("recommendations", vm.id)

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "web-01: 1 alert and 2 recommendations open; Defender for Servers: off, from the subscription"
    )
    assert lines[1].startswith("! alert, high: Malware")
    assert [line for line in lines[2:] if line.startswith("-")] == ["- high: Encrypt it", "- low: Patch it"]
    assert lines[3].strip() == "x" * 1500
    assert lines[5] == "    Install updates."
    assert "\x1b" not in result.stdout


async def test_nothing_open_is_said_and_the_plan_is_the_vms_own(
    arm: AzureServer, startgate: CommandLine
) -> None:
    arm.plans.set(web_01(arm), "Standard", "P1")
    result = await startgate("recommendations", web_01(arm))
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "web-01: no alerts and no recommendations open; Defender for Servers: Plan 1"
    )
    found = await startgate.json("recommendations", web_01(arm))
    assert (found["plan"], found["plan_is_its_own"], found["alerts"]) == ("P1", True, [])


async def test_a_name_is_found_in_the_inventory_and_an_unknown_one_is_said(startgate: CommandLine) -> None:
    await startgate.take_inventory()
    assert (await startgate("recommendations", "web-01")).exit_code == 0
    unknown = await startgate("recommendations", "nothing-like-it")
    assert (unknown.exit_code, "No VM matches" in unknown.stderr) == (1, True)


async def test_a_vm_that_is_gone_and_a_classic_one_are_said(arm: AzureServer, startgate: CommandLine) -> None:
    gone = await startgate("recommendations", f"{web_01(arm)}-gone")
    assert gone.exit_code == 1
    assert "not found" in gone.stderr
    classic = await startgate("recommendations", machine(arm, "legacy-01").id)
    assert (classic.exit_code, "classic" in classic.stderr) == (1, True)


async def test_a_throttled_query_could_not_be_found_out(arm: AzureServer, startgate: CommandLine) -> None:
    arm.refusals.put(Refusal(code="TooManyRequests", path="ResourceGraph"))
    result = await startgate("recommendations", web_01(arm))
    assert result.exit_code == 2
    assert "TooManyRequests" in result.stderr
