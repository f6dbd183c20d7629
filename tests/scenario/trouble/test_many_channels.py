"""A workspace of thousands of channels, a policy that names two of them, and Slack's limits on."""

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import APPROVALS, Scene

MANY = 4600


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowded(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The policy's channels are at the end of the list."""
    policy = write_policy(tmp_path_factory.mktemp("crowded"))
    policy.write_text(policy.read_text().replace("#vm-approvals", "#zz-approvals"), encoding="utf-8")
    scene = await own(System(policy=policy, speed=0, extra=QUICK))
    bot = scene.system.processes["bot"]
    await bot.stop()
    await scene.slack.put("/_limits", {"tiers": True})
    await scene.slack.post("/_channels", name="team", count=MANY)
    await scene.slack.post("/_channels", name="zz-approvals", bot_is_member=True, join=["olivia"])
    refused = {"method": "conversations.list", "error": "ratelimited", "retry_after_s": 3, "times": 1}
    await scene.slack.put("/_refusals", [{**refused, "match": {"cursor": "bmV4dDoyMDAw"}}])
    await bot.start()
    return scene


async def _lists(scene: Scene) -> int:
    entries = await scene.slack.record(0, "api")
    return sum(entry["method"] == "conversations.list" for entry in entries)


async def test_the_card_is_in_the_channel_soon_and_the_owner_does_not_wait_for_it(crowded: Scene) -> None:
    asked = await crowded.ask()
    assert {copy.channel[0] for copy in asked.copies} == {"D", "C"}
    assert asked.copies[0].channel.startswith("D"), "the owner first"
    assert not any(copy.channel == APPROVALS for copy in asked.copies)
    await crowded.quiet()
    pages = await _lists(crowded)
    await crowded.system.processes["bot"].stop()
    await crowded.system.processes["bot"].start()
    again = await crowded.ask()
    assert {copy.channel for copy in again.copies} == {copy.channel for copy in asked.copies}
    assert await _lists(crowded) == pages, "what was found is kept in the store"
