"""HTTP mode: Slack posts signed requests to the bot, and nobody else's are taken."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest_asyncio

from deploy.sandbox.processes import free_port
from deploy.sandbox.slack.delivery.http_mode import signature
from deploy.sandbox.stage import eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import APPROVALS, CONFIRM, Scene

SECRET = "signing-secret-of-the-tests"


class OverHttp(System):
    """A system whose bot listens instead of connecting."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.port = free_port()
        self.health_port = free_port()
        self.request_url = f"http://127.0.0.1:{self.port}/slack/events"

    async def _spawn(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> dict[str, object]:
        if name == "slack":
            command = (*command, "--request-url", self.request_url, "--signing-secret", SECRET)
        if name == "bot" and environment is not None:
            environment = environment | {"STARTGATE_HEALTH_PORT": str(self.health_port)}
        return await super()._spawn(name, *command, environment=environment)

    def environment(self, who: str = "") -> dict[str, str]:
        given = super().environment(who)
        del given["STARTGATE_SLACK_APP_TOKEN"]
        listening = {"STARTGATE_SLACK_SIGNING_SECRET": SECRET, "STARTGATE_HTTP_PORT": str(self.port)}
        return given | listening


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listening(own: Start, tmp_path_factory: object) -> Scene:
    policy = write_policy(tmp_path_factory.mktemp("http"))  # type: ignore[attr-defined]
    return await own(OverHttp(policy=policy, speed=0, extra=QUICK))


async def _post(scene: Scene, body: str, headers: Mapping[str, str]) -> int:
    assert isinstance(scene.system, OverHttp)
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.post(scene.system.request_url, data=body, headers=sent) as answer,
    ):
        return answer.status


async def test_it_is_ready_before_any_card_so_that_slack_can_verify_it(listening: Scene) -> None:
    """Nothing was posted yet: Slack was asked who the bot is."""

    async def ready() -> bool:
        return bool((await _readiness(listening))["ready"])

    await eventually("the bot to be ready", ready)
    assert not await listening.slack.record(0, "posted")
    assert (await listening.slack.post("/_http", check="url_verification"))["ok"]


async def test_a_revoked_token_shows_with_its_reason(listening: Scene) -> None:
    await listening.slack.put("/_refusals", [{"method": "*", "error": "token_revoked"}])

    async def away() -> dict[str, object] | None:
        slack = (await _readiness(listening))["dependencies"]["slack"]
        return slack if slack["state"] == "away" else None

    try:
        told = await eventually("Slack to be away", away)
        assert "token_revoked" in str(told["last_error"])
    finally:
        await listening.slack.put("/_refusals", [])

    async def well() -> bool:
        return bool((await _readiness(listening))["ready"])

    await eventually("the bot to be ready again", well)


async def _readiness(scene: Scene) -> dict[str, Any]:
    assert isinstance(scene.system, OverHttp)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{scene.system.health_port}/readyz") as answer,
    ):
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_replayed_command_is_done_once(listening: Scene) -> None:
    vm = await listening.new_vm()
    seq = await listening.slack.last_seq()
    fields = {
        "command": "/vm-lockdown",
        "text": f"{vm['id']} --yes",
        "user_id": "U0NADIA003",
        "trigger_id": "1.2.3",
    }
    body = urlencode(fields | {"response_url": f"{listening.system.slack_url}/commands/T0SANDBOX1/1/x"})
    now = str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature(SECRET, now, body)}
    assert [await _post(listening, body, headers) for _ in range(2)] == [200, 401]
    await listening.oncall_card(vm["name"], seq)
    await listening.audited("lockdown.ordered", vm["id"])
    assert not await listening.audit("lockdown.joined", vm_id=vm["id"])


async def test_clicks_dialogs_and_commands_come_as_signed_requests(listening: Scene) -> None:
    asked = await listening.ask()
    answer = await listening.click("olivia", asked.dm, CONFIRM)
    assert answer["ok"], answer
    await listening.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
    rejected = await listening.ask()
    assert (await listening.reject("olivia", rejected.dm, "not mine"))["closed"]
    await listening.until_shown(rejected.channel, "the rejection", "Rejected by *olivia*")
    opened = await listening.command("nadia", "/vm-lockdown", wait_view_ms=3000)
    menu = {"view_id": opened["view_id"], "block_id": "vm", "action_id": "vm.any", "query": rejected.vm}
    offered = await listening.slack.post("/_act/options", user="nadia", **menu)
    assert [option["text"]["text"] for option in offered["options"]] == [rejected.vm]
    over = {e["over"] for e in await listening.slack.record(0, "delivered")}
    assert over == {"http"}


async def test_slack_can_verify_the_request_url(listening: Scene) -> None:
    assert (await listening.slack.post("/_http", check="url_verification"))["ok"]


async def test_a_wrong_an_old_and_a_missing_signature_are_refused(listening: Scene) -> None:
    asked = await listening.ask()
    body = "command=%2Fvm-lockdown&text=" + asked.vm + "&user_id=U0NADIA003"
    now, long_ago = str(int(time.time())), str(int(time.time()) - 3600)
    for timestamp, signed in (
        (now, signature("another secret", now, body)),
        (now, signature(SECRET, now, body + "x")),
        (long_ago, signature(SECRET, long_ago, body)),
    ):
        headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed}
        assert await _post(listening, body, headers) == 401
    assert await _post(listening, body, {}) == 401
    await listening.quiet()
    assert not await listening.changes(asked.start.vm_id, asked.azure_seq)
    assert [e["channel"] for e in await listening.root_posts(asked.vm, asked.start.seq)].count(APPROVALS) == 1
