"""``startgate defender``: a subscription's plan and its cost: said, asked about, set and read back."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import Vm
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.system import POLICY
from tests.contract.arm.driver import sent
from tests.valkey_server import Valkey
from workers.cli import app


@pytest.fixture
def arm(arm: AzureServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> AzureServer:
    for name, value in {
        "SERVICEBUS_CONNECTION": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=s",
        "REDIS_URL": valkey.url,  # asked before each write whether all are paused
        "ARM_ENDPOINT": arm.url,
        "ARM_TOKEN": TOKEN,
        "POLICY": str(POLICY),
    }.items():
        monkeypatch.setenv(f"STARTGATE_{name}", value)
    return arm


async def startgate(*arguments: str, answer: str | None = None) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["defender", *arguments], input=answer)


def scope(arm: AzureServer) -> str:
    return f"/subscriptions/{arm.world.subscriptions[0].id}"


def machines(arm: AzureServer) -> list[Vm]:
    return [vm for vm in arm.estate.vms() if vm.id.lower().startswith(scope(arm)) and not vm.classic]


async def test_status_says_plan_coverage_and_cost(arm: AzureServer) -> None:
    result = await startgate("status", "contoso production")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "(5b5a0000-" in lines[0]
    assert lines[0].endswith("Defender for Servers off; no VM is covered")
    assert [line[:6] for line in lines[1:3]] == ["Plan 1", "Plan 2"]
    assert "an estimate by list prices of 20" in lines[1]
    assert "startgate defender enable 5b5a0000-" in lines[3]

    arm.plans.set(scope(arm), "Standard", "P2", enforce="True")
    result = await startgate("status", arm.world.subscriptions[0].id)
    assert result.exit_code == 0
    first, *costs = result.stdout.splitlines()
    assert first.endswith("Plan 2; all VMs are covered; no VM can have another plan")
    assert len(costs) == 1


async def test_the_estimate_counts_the_vms_that_are_billed(arm: AzureServer) -> None:
    for vm, power in zip(machines(arm), ["running", "stopped", "starting"], strict=False):
        vm.power = power  # type: ignore[assignment]
    for vm in machines(arm)[3:]:
        vm.power = "deallocated"
    found = json.loads((await startgate("status", "contoso production", "--json")).stdout)
    assert (found["vms"], found["billed_now"]) == (len(machines(arm)), 2)
    assert found["estimate"]["a_month_as_now"] == {"P1": 9.81, "P2": 29.2}
    assert found["estimate"]["a_month_at_most"]["P2"] == round(14.6 * len(machines(arm)), 2)
    assert (found["plan"], found["coverage"]) == (None, "NotCovered")


async def test_enable_asks_and_does_nothing_on_a_no(arm: AzureServer) -> None:
    result = await startgate("enable", "contoso production", answer="n\n")
    assert result.exit_code == 1
    assert "Defender for Servers off → Plan 2" in result.stdout
    assert "about $" in result.stdout
    assert "Nothing was changed." in result.stdout
    assert not sent(arm, "PUT")


async def test_enable_sets_the_plan_and_reads_it_back(arm: AzureServer) -> None:
    result = await startgate("enable", "contoso production", "--plan", "P1", answer="y\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].endswith("Defender for Servers Plan 1, read back")
    (put,) = sent(arm, "PUT", "/pricings/")
    assert put["path"].lower().startswith(f"{scope(arm)}/providers/".lower())
    assert put["request"] == {"properties": {"pricingTier": "Standard", "subPlan": "P1"}}

    again = await startgate("enable", "contoso production", "--plan", "P1")
    assert (again.exit_code, len(sent(arm, "PUT"))) == (0, 1)
    assert "nothing to do" in again.stdout


async def test_a_policy_that_only_observes_keeps_it_from_writing(
    arm: AzureServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"{POLICY.read_text(encoding='utf-8')}\nmode: observe\n", encoding="utf-8")
    monkeypatch.setenv("STARTGATE_POLICY", str(policy))

    result = await startgate("enable", arm.world.subscriptions[0].id, "--plan", "P1", answer="y\n")

    assert result.exit_code != 0
    assert "set mode: enforce" in result.output
    assert not sent(arm, "PUT", "/pricings/")


async def test_a_dry_run_writes_nothing(arm: AzureServer) -> None:
    result = await startgate("enable", "contoso production", "--dry-run")
    assert result.exit_code == 0
    assert "would change Defender for Servers off → Plan 2" in result.stdout
    assert not sent(arm, "PUT")


async def test_what_a_smaller_plan_ends_is_said_and_enforcing_stays(arm: AzureServer) -> None:
    arm.plans.set(scope(arm), "Standard", "P2", enforce="True")
    result = await startgate("enable", "contoso production", "--plan", "P1", "--yes")
    assert result.exit_code == 0
    assert "Just-in-time access" in result.stdout
    assert sent(arm, "PUT")[0]["request"]["properties"]["enforce"] == "True"


async def test_an_extension_that_azure_could_not_set_up_is_a_failure(arm: AzureServer) -> None:
    arm.plans.failing["AgentlessVmScanning"] = "Failed assigning roles\x1b[2J"
    result = await startgate("enable", "contoso production", "--yes")
    assert result.exit_code == 1
    assert "AgentlessVmScanning: Failed assigning roles" in result.stderr
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AuthorizationFailed", "we lack the right Microsoft.Security/pricings/write"),
        ("TooManyRequests", "TooManyRequests"),
    ],
)
async def test_a_refusal_is_said_with_its_remedy(arm: AzureServer, code: str, said: str) -> None:
    arm.refusals.put(Refusal(code=code, method="PUT"))
    result = await startgate("enable", "contoso production", "--yes")
    assert result.exit_code == 2
    assert said in result.stderr


async def test_an_unknown_subscription_is_named_with_those_there_are(arm: AzureServer) -> None:
    del arm
    result = await startgate("status", "nowhere")
    assert result.exit_code == 2
    assert "0 subscriptions are called 'nowhere'" in result.stderr
    assert "Contoso Production" in result.stderr
