"""Two bots, as they are deployed: the same ways of a person over two Socket Mode connections and over HTTP.

Whichever process a click reaches, and whichever takes a notice, each thing is done once.
"""

import asyncio
import json
from collections import Counter

import pytest
import pytest_asyncio

from deploy.sandbox.processes import free_port
from deploy.sandbox.stage import eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import APPROVALS, CONFIRM, Scene

STARTS = 8


class TwoBots(System):
    """Two bots that take notices.

    Over sockets each has a connection of its own, and Slack gives each payload to one of them, in turn. By
    HTTP Slack reaches the first.
    """

    async def _start(self) -> None:
        await super()._start()
        beside = self.environment("bot")
        if self.over_http:
            beside["STARTGATE_HTTP_PORT"] = str(free_port())
        await self._spawn("bot-2", "-m", "bot", "run", environment=beside)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["socket", "http"])
async def two(
    request: pytest.FixtureRequest, own: Start, doorway: str, tmp_path_factory: pytest.TempPathFactory
) -> Scene:
    if doorway == "http" and request.param == "socket":
        pytest.skip("is about Socket Mode's connections")
    policy = write_policy(tmp_path_factory.mktemp("two"))
    return await own(TwoBots(policy=policy, speed=0, extra=QUICK, over_http=request.param == "http"))


async def test_each_start_is_posted_once_though_both_take_notices(two: Scene) -> None:
    seq = await two.slack.last_seq()
    asked = await asyncio.gather(*(two.ask() for _ in range(STARTS)))
    await two.quiet()
    posted = [
        entry
        for entry in await two.slack.record(seq, "posted")
        if entry["channel"] == APPROVALS and not entry["thread_ts"]
    ]
    told = Counter(one.vm for one in asked for entry in posted if one.vm in json.dumps(entry["blocks"]))
    assert told == {one.vm: 1 for one in asked}


async def test_answers_of_every_kind_reach_whichever_bot_and_count_once(two: Scene) -> None:
    confirmed, rejected = await two.ask("colin"), await two.ask("colin")
    # One for each connection, at once. The first answer takes the buttons away, so Slack takes no edits.
    await two.slack.put("/_faults", [{"path": "chat.update", "status": 503}])
    clicks = await asyncio.gather(*(two.click("olivia", confirmed.dm, CONFIRM) for _ in range(2)))
    assert all(click["ok"] for click in clicks)
    await two.slack.put("/_faults", [])
    await two.until_shown(confirmed.channel, "the answer", "Confirmed by *olivia*")
    assert (await two.reject("olivia", rejected.dm, "not mine"))["closed"]
    await two.until_shown(rejected.channel, "the rejection", "Rejected by *olivia*")
    opened = await two.command("nadia", "/vm-lockdown", wait_view_ms=3000)
    assert "view_id" in opened, opened
    await two.audited("approval.confirmed", confirmed.start.vm_id)
    await two.audited("approval.rejected", rejected.start.vm_id)


async def test_an_event_that_is_sent_again_is_done_once(two: Scene) -> None:
    asked = await two.ask("olivia", nics=[{"open": []}])
    seq = await two.slack.last_seq()
    await two.slack.put("/_events", {"copies": 3})
    try:
        said = {"channel": asked.dm.channel, "thread_ts": asked.dm.ts, "text": "yes, that was me"}
        answer = await two.slack.post("/_act/message", user="olivia", **said)
        assert answer["ok"], answer
        await two.until_shown(asked.dm, "her answer", "Confirmed by *olivia*")

        async def sent_thrice() -> bool:
            sent = [
                one["envelope"]["payload"]["event_id"]
                for one in await two.slack.record(seq, "delivered")
                if one["envelope"]["type"] == "events_api" and "yes, that was me" in json.dumps(one)
            ]
            return len(sent) == 3 and len(set(sent)) == 1

        await eventually("the event to be sent three times", sent_thrice)
    finally:
        await two.slack.put("/_events", {"copies": 1})
    await two.quiet()
    await two.audited("approval.confirmed", asked.start.vm_id)
    thread = [one for one in await two.slack.record(seq, "posted") if one["thread_ts"] == asked.dm.ts]
    assert len([one for one in thread if "Undo" in json.dumps(one)]) == 1
    assert await two.slack.record(seq, "ephemeral") == []


async def test_when_one_of_them_dies_the_other_does_its_work(two: Scene) -> None:
    """The one that Slack does not reach by HTTP; over sockets Slack goes on with the other connection."""
    await two.system.processes["bot-2"].kill()
    asked = await two.ask()
    assert (await two.click("olivia", asked.dm, CONFIRM))["ok"]
    await two.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
