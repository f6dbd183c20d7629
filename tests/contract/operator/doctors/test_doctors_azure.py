"""What the workers' doctor sees in Azure: events, the log, api-versions, the queues' properties."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.hosting.servicebus import HOST
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.stage import eventually
from tests.contract.operator.doctors.test_doctors import World
from tests.doctoring import make
from tests.valkey_server import Valkey
from workers.arm.session.api_versions import ApiVersions
from workers.arm.session.clients import Azure
from workers.cli import app
from workers.operator.looks.queues import queue_checks
from workers.operator.looks.subscriptions import azure_checks
from workers.operator.looks.versions import version_check
from workers.telemetry.first_look import look_now_and_then
from workers.telemetry.health import Health
from workers.use_cases.read_policy import policy_check


@pytest_asyncio.fixture
async def world(
    valkey: Valkey, bus_server: BusServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    async with World(valkey, bus_server, monkeypatch) as made:
        yield made


async def told(
    azure: Azure, versions: dict[str, str] | None = None, host: str | None = HOST
) -> dict[str, str]:
    """Name of a check → its line."""
    lines: list[str] = []
    checks = [
        *azure_checks(azure, "starts"),
        version_check(azure, ApiVersions(versions or {})),
        *queue_checks(azure, host),
    ]
    await make(checks, lines.append)
    return {check.name: line for check, line in zip(checks, lines, strict=True)}


Break = Callable[[AzureServer], object]
FINDINGS: dict[str, tuple[Break, str, str]] = {
    "no events": (
        lambda arm: arm.topics.silent.update(arm.estate.subscriptions),
        "Azure events",
        "? Azure events: Contoso Production: no Event Grid topic tells of it",
    ),
    "the log is refused": (
        lambda arm: arm.refusals.put(Refusal(path="eventtypes", code="AuthorizationFailed")),
        "Azure Activity Log",
        "we lack the right Microsoft.Insights/eventtypes",
    ),
    "a version that is not served": (
        lambda arm: arm.providers.lagging.add("microsoft.network/networkinterfaces"),
        "Azure api-versions",
        "not served in this cloud: Microsoft.Network/networkInterfaces 2026-03-01 (the newest is 2019-07-01)",
    ),
    "no duplicate detection": (
        lambda arm: arm.namespaces.queues["starts"].update(requiresDuplicateDetection=False),
        "queue starts, properties",
        "✗ queue starts, properties: requiresDuplicateDetection is False, not True",
    ),
    "nudges dropped as duplicates": (
        lambda arm: arm.namespaces.queues["work"].update(requiresDuplicateDetection=True),
        "queue work, properties",
        "✗ queue work, properties: requiresDuplicateDetection is True, not False",
    ),
    "sessions": (
        lambda arm: arm.namespaces.queues["starts"].update(requiresSession=True),
        "queue starts, properties",
        "requiresSession is True, not False",
    ),
    "too few deliveries": (
        lambda arm: arm.namespaces.queues["notices"].update(maxDeliveryCount=1),
        "queue notices, properties",
        "maxDeliveryCount is 1, less than 10",
    ),
    "a lock that is too short": (
        lambda arm: arm.namespaces.queues["starts"].update(lockDuration="PT5S"),
        "queue starts, properties",
        "lockDuration is PT5S, none of PT30S",
    ),
    "what expires is lost": (
        lambda arm: arm.namespaces.queues["starts"].update(deadLetteringOnMessageExpiration=False),
        "queue starts, properties",
        "what expires is lost",
    ),
    "a queue that is missing": (
        lambda arm: arm.namespaces.queues.pop("notices"),
        "queue notices, properties",
        "✗ queue notices, properties: there is no such queue",
    ),
}


async def test_all_is_well_as_it_was_deployed(azure: Azure) -> None:
    found = await told(azure)
    assert [line for line in found.values() if not line.startswith("✓")] == []


@pytest.mark.parametrize(("broken", "check", "said"), FINDINGS.values(), ids=FINDINGS.keys())
async def test_what_is_wrong_is_named(
    arm: AzureServer, azure: Azure, broken: Break, check: str, said: str
) -> None:
    broken(arm)
    found = await told(azure)
    assert said in found[check]
    others = {name: line for name, line in found.items() if name != check and not line.startswith("✓")}
    assert others == {}


async def test_a_version_that_a_setting_names_is_looked_at_and_sent(arm: AzureServer) -> None:
    older = {"Microsoft.Network": "2019-07-01"}
    arm.providers.lagging.update({"microsoft.network/networkinterfaces"})
    async with Azure(arm.url, None, SecretStr(TOKEN), api_versions=older) as azure:
        assert (await told(azure, older))["Azure api-versions"].startswith("✓")
        async for _ in azure.network(next(iter(arm.estate.subscriptions))).bastion_hosts.list():
            pass
    sent = [one.data for one in arm.record.since(0, "request") if "bastionHosts" in one.data["path"]]
    assert [one["query"]["api-version"] for one in sent] == ["2019-07-01"]


async def test_queues_that_azure_does_not_show_are_a_warning(azure: Azure) -> None:
    for host in (None, "sb-other.servicebus.windows.net"):
        line = (await told(azure, host=host))["queue starts, properties"]
        assert line.startswith("? ")
        assert "az servicebus queue show --name starts" in line


async def test_the_table_names_each_state_and_ends_with_their_counts(world: World) -> None:
    world.azure.refusals.put(Refusal(path="eventtypes", code="AuthorizationFailed"))
    result = await asyncio.to_thread(CliRunner().invoke, app, ["doctor"])
    *rows, counts = result.stdout.splitlines()
    assert result.exit_code == 1
    assert rows[0].split() == ["ok", "settings", "complete"]
    row = next(n for n, one in enumerate(rows) if one.startswith("fail  Azure Activity Log"))
    assert "→ give the named right" in "".join(rows[row : row + 8])
    assert counts.endswith("1 fail")


@pytest.mark.usefixtures("world")
async def test_json_has_every_row_and_whether_all_is_well() -> None:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"])
    told = json.loads(result.stdout)
    assert told["ok"]
    assert result.exit_code == 0
    assert {one["state"] for one in told["checks"]} == {"ok", "warn"}
    assert {"name", "state", "what", "remedy"} == set(told["checks"][0])


async def test_a_policy_that_is_valid_and_not_meant_so_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('oncall: {users: [U0NADIA003]}\nrules:\n- {name: all, when: "true", verdict: pass}\n')
    lines: list[str] = []
    assert await make([policy_check(path)], lines.append)
    assert lines[0].startswith("? policy: valid, but: ")
    assert "lets everybody's start pass" in lines[0]


async def test_what_fails_at_start_stands_in_health_until_it_is_mended(tmp_path: Path) -> None:
    path, health = tmp_path / "policy.yaml", Health()

    async def shown() -> bool:
        return bool(health.as_json()["troubles"])

    async def gone() -> bool:
        return not health.as_json()["troubles"]

    looking = asyncio.create_task(look_now_and_then(health, [policy_check(path)], every_s=0.01))
    try:
        await eventually("it to be shown", shown)
        assert "can't be read" in health.as_json()["troubles"]["doctor: policy"]["reason"]
        path.write_text("oncall: {users: [U0NADIA003]}\n")
        await eventually("it to be gone", gone)
    finally:
        looking.cancel()
