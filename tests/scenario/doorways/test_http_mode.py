"""HTTP mode: Slack posts signed requests to the bot, and nobody else's are taken."""

import time
from collections.abc import Mapping

import aiohttp
import pytest_asyncio

from deploy.sandbox.processes import free_port
from deploy.sandbox.slack.delivery.http_mode import signature
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import APPROVALS, CONFIRM, Scene

SECRET = "signing-secret-of-the-tests"


class OverHttp(System):
    """A system whose bot listens instead of connecting."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.port = free_port()
        self.request_url = f"http://127.0.0.1:{self.port}/slack/events"

    async def _spawn(
        self, name: str, *command: str, environment: dict[str, str] | None = None
    ) -> dict[str, object]:
        if name == "slack":
            command = (*command, "--request-url", self.request_url, "--signing-secret", SECRET)
        return await super()._spawn(name, *command, environment=environment)

    def environment(self) -> dict[str, str]:
        given = super().environment()
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


async def test_clicks_dialogs_and_commands_come_as_signed_requests(listening: Scene) -> None:
    asked = await listening.ask()
    answer = await listening.click("olivia", asked.dm, CONFIRM)
    assert answer["ok"], answer
    await listening.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
    rejected = await listening.ask()
    assert (await listening.reject("olivia", rejected.dm, "not mine"))["closed"]
    await listening.until_shown(rejected.channel, "the rejection", "Rejected by *olivia*")
    await listening.command("nadia", "/vm-lockdown")
    await listening.told("U0NADIA003", "/vm-lockdown NAME", since=rejected.start.seq)
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
