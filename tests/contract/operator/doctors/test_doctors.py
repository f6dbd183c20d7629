"""Both doctors against the stand-ins: fine when all is well, and each thing that is wrong has its line."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple, Self

import pytest
import pytest_asyncio
import typer
import yaml
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from bot.doctor import SCOPES
from bot.doctor import doctor as bot_doctor
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.system import ARM_TOKEN, MANIFEST, POLICY
from tests import builders as a
from tests.doctoring import lines_of, make
from tests.valkey_server import Valkey
from workers.cli import app
from workers.domain.containment.spec import StepName
from workers.domain.ports.clock import SystemClock
from workers.store.checks import redis_checks
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.orders.pause import PauseWrites

RIGHTS = [f"✗ Azure rights to {step.spec.verb}" for step in StepName]
"""The sandbox's policy has lockdowns that use every step."""

bot_app = typer.Typer()
bot_app.command("doctor")(bot_doctor)


class Told(NamedTuple):
    """What a doctor said: a line for each finding, all that it printed, and its exit code."""

    stdout: str
    output: str
    exit_code: int

    @classmethod
    def of(cls, result: Result) -> Self:
        return cls("\n".join(lines_of(result.stdout)), result.output, result.exit_code)


class World:
    """The stand-ins, and an environment that leads to them."""

    def __init__(self, valkey: Valkey, bus: BusServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.valkey, self.bus, self.environment = valkey, bus, monkeypatch
        self.azure, self.slack = AzureServer(), SlackServer()

    async def __aenter__(self) -> Self:
        await self.azure.start()
        await self.slack.start()
        identity = self.slack.state.identity
        for name, value in {
            "SERVICEBUS_CONNECTION": self.bus.connection,
            "REDIS_URL": self.valkey.url,
            "ARM_ENDPOINT": self.azure.url,
            "ARM_TOKEN": ARM_TOKEN,
            "SLACK_API_URL": f"{self.slack.url}/api",
            "SLACK_BOT_TOKEN": identity.bot_token,
            "SLACK_APP_TOKEN": identity.app_token,
            "POLICY": str(POLICY),
        }.items():
            self.set(name, value)
        async with connect(SecretStr(self.valkey.url)) as client:
            await client.config_set("appendonly", "yes")
        return self

    async def __aexit__(self, *_: object) -> None:
        async with connect(SecretStr(self.valkey.url)) as client:
            await client.config_set("appendonly", "no")
        await self.slack.stop()
        await self.azure.stop()

    def set(self, name: str, value: str) -> None:
        self.environment.setenv(f"STARTGATE_{name}", value)

    async def workers_doctor(self) -> Told:
        return Told.of(await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"]))

    async def bot_doctor(self) -> Told:
        return Told.of(await asyncio.to_thread(CliRunner().invoke, bot_app, ["--json"]))


@pytest_asyncio.fixture
async def world(
    valkey: Valkey, bus_server: BusServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    async with World(valkey, bus_server, monkeypatch) as made:
        yield made


def wrong(result: Told) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("✗")]


async def test_the_workers_doctor_is_content_when_all_is_well(world: World) -> None:
    result = await world.workers_doctor()
    assert (wrong(result), result.exit_code) == ([], 0), result.output
    assert "✓ Azure classic VMs: may list those of Contoso Production, Contoso" in result.stdout
    assert ARM_TOKEN not in result.output


async def test_the_bots_doctor_is_content_when_all_is_well(world: World) -> None:
    result = await world.bot_doctor()
    assert (wrong(result), result.exit_code) == ([], 0), result.output
    for name in ("#vm-approvals", "#vm-oncall", "user group S0ONCALL01", "Socket Mode"):
        assert name in result.stdout
    identity = world.slack.state.identity
    assert identity.bot_token not in result.output
    assert identity.app_token not in result.output


async def test_the_workers_doctor_names_everything_that_is_wrong_at_once(
    world: World, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("oncall: {}\n")
    world.set("POLICY", str(policy))
    world.set("ARM_TOKEN", "another-token")
    async with connect(SecretStr(world.valkey.url)) as client:
        await client.config_set("appendonly", "no")
    result = await world.workers_doctor()
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in wrong(result)] == [
        "✗ policy",
        "✗ Redis persistence",
        "✗ Azure subscriptions",
        "✗ Azure VMs",
        "✗ Azure classic VMs",
        "✗ Azure Activity Log",
        "✗ Azure events",
        "✗ Azure api-versions",
    ], result.output
    assert all(" → " in line for line in wrong(result))
    assert "another-token" not in result.output


async def test_the_workers_doctor_names_the_right_that_azure_denies(world: World) -> None:
    world.azure.refusals.put(Refusal(code="AuthorizationFailed", path="Microsoft.Compute/virtualMachines$"))
    line, *rights = wrong(await world.workers_doctor())
    assert [each.split(":")[0] for each in rights] == RIGHTS
    assert line.startswith("✗ Azure VMs: Contoso ")
    assert "could not list the VMs: we lack the right Microsoft.Compute/virtualMachines/read" in line


async def test_the_workers_doctor_names_a_refused_list_of_classic_vms(world: World) -> None:
    path = "Microsoft.ClassicCompute/virtualMachines$"
    world.azure.refusals.put(Refusal(code="AuthorizationFailed", path=path))
    line, *rights = wrong(await world.workers_doctor())
    assert [each.split(":")[0] for each in rights] == RIGHTS
    assert line.startswith("✗ Azure classic VMs: Contoso ")
    assert "we lack the right Microsoft.ClassicCompute/virtualMachines/read" in line


async def test_the_workers_doctor_is_content_where_nobody_registered_classic_vms(world: World) -> None:
    path = "Microsoft.ClassicCompute/virtualMachines$"
    world.azure.refusals.put(Refusal(code="MissingSubscriptionRegistration", path=path))
    assert wrong(await world.workers_doctor()) == []


async def test_the_workers_doctor_ends_when_nothing_is_there(world: World) -> None:
    await world.bus.stop()
    await world.azure.stop()
    world.set("REDIS_URL", "redis://:hunter22@127.0.0.1:1/0")
    result = await world.workers_doctor()
    assert result.exit_code == 1
    assert len(wrong(result)) == 17 + len(RIGHTS), result.output
    assert "hunter22" not in result.output


async def test_missing_settings_are_lines_like_all_others(world: World) -> None:
    world.set("POLICY", "")
    world.set("SLACK_BOT_TOKEN", "")
    result = await world.bot_doctor()
    assert result.exit_code == 1
    assert [line.split(" is not set")[0] for line in wrong(result)] == [
        "✗ settings: STARTGATE_POLICY",
        "✗ settings: STARTGATE_SLACK_BOT_TOKEN",
    ]
    assert (await world.workers_doctor()).exit_code == 1


async def test_the_bots_doctor_names_missing_scopes_and_what_they_are_for(world: World) -> None:
    scopes = world.slack.state.switches.scopes
    world.slack.state.switches.scopes = type(scopes)(s for s in scopes if s != "usergroups:read")
    result = await world.bot_doctor()
    assert result.exit_code == 1
    lines = wrong(result)
    assert "missing: usergroups:read (knows who is on call)" in lines[0]
    assert "missing_scope, needs usergroups:read" in lines[1]


async def test_the_bots_doctor_names_wrong_tokens(world: World) -> None:
    world.set("SLACK_BOT_TOKEN", "xoxb-somebody-else")
    world.set("SLACK_APP_TOKEN", "xapp-somebody-else")
    result = await world.bot_doctor()
    assert result.exit_code == 1
    assert sum("invalid_auth" in line for line in wrong(result)) >= 3, result.output
    assert "somebody-else" not in result.output


@pytest.mark.parametrize("named", ["#vm-oncall", "C0ONCALL001"])
async def test_the_bots_doctor_says_that_a_channel_is_archived(
    world: World, tmp_path: Path, named: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f'oncall: {{users: [U0OLGA001], channel: "{named}"}}\n')
    world.slack.state.workspace.channels["C0ONCALL001"].archived = True
    world.set("POLICY", str(policy))
    lines = wrong(await world.bot_doctor())
    assert f"✗ Slack channel {named}: it is archived" in [line.split(" → ")[0] for line in lines]


async def test_the_bots_doctor_names_channels_that_the_bot_is_not_in(world: World, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('owner: {fallback: "#nowhere"}\noncall: {users: [U0NADIA003], channel: "#vm-oncall"}\n')
    world.set("POLICY", str(policy))
    oncall = next(c for c in world.slack.state.workspace.channels.values() if c.name == "vm-oncall")
    oncall.members.remove(world.slack.state.identity.bot_user)
    lines = wrong(await world.bot_doctor())
    assert [line.split(" → ")[0] for line in lines] == [
        "✗ Slack channel #nowhere: the bot can't see it",
        "✗ Slack channel #vm-oncall: the bot is not in it and can't post there",
    ]


async def test_the_bots_doctor_names_ids_on_call_that_reach_nobody(world: World, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "oncall: {users: [U0NADIA003, U0NOBODY99, U0DORA00007, U0BUILDBOT8, U0GUS000005, U0PETRA0006]}\n"
    )
    world.set("POLICY", str(policy))
    result = await world.bot_doctor()
    assert "✓ Slack user U0NADIA003: Nadia Night is on call" in result.stdout
    assert [line.split(" → ")[0] for line in wrong(result)] == [
        "✗ Slack user U0NOBODY99: Slack does not show who this is: user_not_found",
        "✗ Slack user U0DORA00007: dora, who is deactivated in Slack, can't be on call",
        "✗ Slack user U0BUILDBOT8: Build Bot, who is a bot, can't be on call",
        "✗ Slack user U0GUS000005: Gus Guest, who is a guest of the workspace, can't be on call",
        "✗ Slack user U0PETRA0006: Petra Partner, who belongs to another workspace, can't be on call",
    ]


@pytest.mark.parametrize("named", ["#vm-oncall", "C0ONCALL001"])
async def test_the_bots_doctor_asks_each_channel_whether_the_bot_is_in_it(
    world: World, tmp_path: Path, named: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f'oncall: {{users: [U0NADIA003], channel: "{named}"}}\n')
    world.set("POLICY", str(policy))
    channel = world.slack.state.workspace.channels["C0ONCALL001"]
    channel.members.remove(world.slack.state.identity.bot_user)
    lines = wrong(await world.bot_doctor())
    assert [line.split(" → ")[0] for line in lines] == [
        f"✗ Slack channel {named}: the bot is not in it and can't post there"
    ]
    asked = [entry.data["method"] for entry in world.slack.record.since(0, "api")]
    assert asked.count("conversations.info") == 2


def test_the_doctor_asks_for_the_scopes_that_the_manifest_grants() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    assert set(SCOPES) == set(manifest["oauth_config"]["scopes"]["bot"])


@pytest.mark.parametrize(
    ("configuration", "line"),
    [
        ({"appendonly": "no", "save": "3600 1"}, "✗ Redis persistence: snapshots only"),
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "✗ Redis eviction: maxmemory-policy is"),
    ],
)
async def test_a_redis_that_may_forget_is_named(
    valkey: Valkey, configuration: dict[str, str], line: str
) -> None:
    told: list[str] = []
    async with connect(SecretStr(valkey.url)) as client:
        before = {name: str((await client.config_get(name))[name]) for name in configuration}
        try:
            for name, value in configuration.items():
                await client.config_set(name, value)
            assert not await make(redis_checks(client, RedisStore(client)), told.append)
        finally:
            for name, value in before.items():
                await client.config_set(name, value)
    assert any(each.startswith(line) for each in told), told


async def test_a_redis_that_forbids_to_look_is_not_called_wrong(valkey: Valkey) -> None:
    told: list[str] = []
    async with connect(SecretStr(valkey.url)) as admin:
        await admin.acl_setuser(
            "guest", enabled=True, nopass=True, keys=["sg:*"], commands=["+@all", "-config"]
        )
        url = valkey.url.replace("//", "//guest:any@")
        try:
            async with connect(SecretStr(url)) as client:
                assert await make(redis_checks(client, RedisStore(client)), told.append), told
        finally:
            await admin.acl_deluser("guest")
    assert any(each.startswith("? Redis persistence: AOF is off as far as INFO says") for each in told), told


async def test_a_redis_of_another_time_is_named(valkey: Valkey) -> None:
    told: list[str] = []
    async with connect(SecretStr(valkey.url)) as client:
        assert not await make(redis_checks(client, RedisStore(client), now_s=lambda: 1e9), told.append)
    assert any("s apart → have both synchronise" in each for each in told), told


async def test_both_doctors_say_that_changes_are_paused_by_whom_and_how_that_ends(world: World) -> None:
    async with connect(SecretStr(world.valkey.url)) as client:
        store, clock = RedisStore(client), SystemClock()
        second = AskSecond(store=store, clock=clock, policy=a.policy)
        await PauseWrites(store=store, clock=clock, second=second).begin("Olga", "the wrong VMs")
    for result in (await world.workers_doctor(), await world.bot_doctor()):
        (line,) = [line for line in result.stdout.splitlines() if "pause" in line]
        assert line.startswith("? pause: changes in Azure are paused by Olga until ")
        assert line.endswith(": the wrong VMs. `startgate resume` ends it")
        assert result.exit_code == 0
