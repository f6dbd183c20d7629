"""``policy check`` with a token at hand: the unmodified SDK asks Slack about whom the policy names."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner, Result

from deploy.sandbox.slack.server import SlackServer
from workers.cli import app

KNOWN = """owner:
  fallback: "#vm-approvals"
  fallbacks:
    - {resource_group: rg-a, ask: [olivia@contoso.example, U0SAM00004, S0ONCALL01, C0ONCALL001]}
oncall: {usergroup: S0ONCALL01, users: [U0NADIA003], channel: "#vm-oncall"}
"""
UNKNOWN = """owner:
  fallback: "#vm-aprovals"
  fallbacks:
    - {resource_group: rg-a, ask: [nobody@contoso.example, U0NOBODY99, S0NOBODY99, C0NOBODY999]}
    - {resource_group: rg-b, ask: [U0DORA00007, U0BUILDBOT8, U0NOBODY99]}
oncall: {usergroup: S0ONCALL01, channel: "#vm-oncall"}
quiet_hours: {who: ["#web"], begin: "22:00", end: "07:00"}
"""


class Desk:
    def __init__(self, slack: SlackServer, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.policy, self.monkeypatch = policy, monkeypatch
        monkeypatch.setenv("STARTGATE_SLACK_API_URL", str(slack.ready()["api_url"]).rstrip("/"))
        self.token("xoxb-sandbox")

    def token(self, token: str) -> None:
        self.monkeypatch.setenv("STARTGATE_SLACK_BOT_TOKEN", token)

    async def check(self, text: str, *more: str) -> Result:
        """In a thread: the command waits for the stand-in, which runs here."""
        self.policy.write_text(text)
        arguments = ["policy", "check", str(self.policy), *more]
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)


@pytest.fixture
async def desk(slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(slack, tmp_path / "policy.yaml", monkeypatch)


async def test_whom_slack_knows_is_no_warning(desk: Desk) -> None:
    result = await desk.check(KNOWN, "--strict")
    assert result.exit_code == 0, result.output
    assert "Slack was asked about 7 names." in result.stdout


async def test_each_name_that_slack_does_not_know_is_told_once_with_its_place(desk: Desk) -> None:
    result = await desk.check(UNKNOWN)
    assert result.exit_code == 0, "warnings"
    said = [line.removeprefix(f"{desk.policy}:") for line in result.stderr.splitlines()]
    assert [line.partition(": ")[0] + ": " + line.split(": ")[2] for line in said] == [
        "2:3: #vm-aprovals",
        "4:36: nobody@contoso.example",
        "4:60: U0NOBODY99",
        "4:72: S0NOBODY99",
        "4:84: C0NOBODY999",
        "5:36: U0DORA00007",
        "5:49: U0BUILDBOT8",
        "7:1: #web",
    ]
    assert "owner.fallback: #vm-aprovals: Slack shows the bot no such channel." in said[0]
    assert "this account is deactivated" in said[5]
    assert "this is a bot" in said[6]
    assert (await desk.check(UNKNOWN, "--strict")).exit_code == 1


async def test_a_channel_without_the_bot_is_told(desk: Desk, http: aiohttp.ClientSession) -> None:
    async with http.post("/_channels", json={"name": "elsewhere"}) as answer:
        assert answer.status == 200
    result = await desk.check(KNOWN.replace("#vm-approvals", "#elsewhere"))
    assert "the bot is not in this channel" in result.stderr


async def test_without_a_token_and_where_slack_is_no_help_it_never_fails(desk: Desk) -> None:
    desk.token("xoxb-wrong")
    result = await desk.check(UNKNOWN, "--strict")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "could not be asked whether it knows whom the policy names: Slack answers invalid_auth" in (
        result.stdout
    )
    desk.token("")
    result = await desk.check(UNKNOWN, "--strict")
    assert result.exit_code == 0
    assert "no bot token is set" in result.stdout
    desk.token("xoxb-sandbox")
    desk.monkeypatch.setenv("STARTGATE_SLACK_API_URL", "http://127.0.0.1:9/api")
    result = await desk.check(UNKNOWN, "--strict")
    assert result.exit_code == 0
    assert "Slack does not answer" in result.stdout
    desk.monkeypatch.setenv("STARTGATE_SLACK_API_URL", "http://slack.example/api")
    result = await desk.check(UNKNOWN, "--strict")
    assert result.exit_code == 0, "a token is not sent in the clear"
