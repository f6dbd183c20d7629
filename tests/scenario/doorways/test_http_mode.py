"""HTTP mode: Slack posts signed requests to the bot, and nobody else's are taken.

The tests of some other files run once more here, over HTTP. ``--slack http`` runs all scenario tests so.
"""

import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio

from deploy.sandbox.processes import free_port
from deploy.sandbox.slack.delivery.http_mode import signature
from deploy.sandbox.stage import eventually
from deploy.sandbox.system import SIGNING_SECRET, System
from tests.scenario.asking import test_card, test_in_words, test_not_mine, test_races
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.containment import test_lockdown_command
from tests.scenario.doorways import test_reading
from tests.scenario.scene import APPROVALS, CONFIRM, Scene


class WithHealth(System):
    """A system whose bot tells its health on a port that is known."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.health_port = free_port()

    def environment(self, who: str = "") -> dict[str, str]:
        health = {"STARTGATE_HEALTH_PORT": str(self.health_port)} if who == "bot" else {}
        return super().environment(who) | health


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listening(own: Start, tmp_path_factory: object) -> Scene:
    policy = write_policy(tmp_path_factory.mktemp("http"))  # type: ignore[attr-defined]
    return await own(WithHealth(policy=policy, speed=0, extra=QUICK, over_http=True))


@pytest.fixture(scope="module")
def shared(listening: Scene) -> Scene:
    """What the tests of other files share is the system over HTTP here."""
    return listening


@pytest.fixture(scope="module", autouse=True)
def started() -> None:
    """No step fails all the while here."""


@pytest.fixture
def scene(scene: Scene, doorway: str) -> Scene:
    """For tests of other files; where all run over HTTP, they do in their own files."""
    if doorway == "http":
        pytest.skip("runs over HTTP in its own file")
    return scene


async def _post(scene: Scene, body: str, headers: Mapping[str, str]) -> int:
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
    assert isinstance(scene.system, WithHealth)
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
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature(SIGNING_SECRET, now, body)}
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
        (now, signature(SIGNING_SECRET, now, body + "x")),
        (long_ago, signature(SIGNING_SECRET, long_ago, body)),
    ):
        headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed}
        assert await _post(listening, body, headers) == 401
    assert await _post(listening, body, {}) == 401
    await listening.quiet()
    assert not await listening.changes(asked.start.vm_id, asked.azure_seq)
    assert [e["channel"] for e in await listening.root_posts(asked.vm, asked.start.seq)].count(APPROVALS) == 1


def _again(*files: ModuleType) -> dict[str, Any]:
    """The tests of other files, by name."""
    found: dict[str, Any] = {}
    for file in files:
        tests = {name: test for name, test in vars(file).items() if name.startswith("test_")}
        assert tests
        assert not tests.keys() & (found.keys() | globals().keys()), "two tests of one name"
        found |= tests
    return found


known = test_lockdown_command.known
globals().update(
    _again(test_card, test_in_words, test_not_mine, test_races, test_lockdown_command, test_reading)
)
