"""Slack throttles, fails, cuts connections and goes away: nothing is posted twice and nothing is lost."""

import pytest

from tests.scenario.scene import APPROVALS, CONFIRM, Asked, Entry, Scene

DISCONNECTS = ["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
LATE_MS = 20_000
"""Later, not Slack's word was followed, but the half minute after which all is looked at again."""


async def _start(scene: Scene, fault: Entry | None = None) -> tuple[Entry, Asked]:
    """A new VM is started; the fault is for what is said about this VM alone, whatever else goes on."""
    vm = await scene.new_vm()
    if fault is not None:
        await scene.slack.put("/_faults", [fault | {"body": vm["name"]}])
    azure_seq = await scene.azure.last_seq()
    start = await scene.press_start(vm)
    return vm, Asked(start=start, copies=(), azure_seq=azure_seq)


async def _hits(scene: Scene, asked: Asked) -> list[Entry]:
    """What the fault hit."""
    return await scene.slack.record(asked.start.seq, "fault")


async def _two_copies_and_no_more(scene: Scene, asked: Asked) -> None:
    copies = await scene.copies(asked.start, 2)
    await scene.quiet()
    posts = await scene.root_posts(asked.vm, asked.start.seq)
    assert len(posts) == 2, [post["channel"] for post in posts]
    dm = next(copy for copy in copies if copy.channel != APPROVALS)
    await scene.click("olivia", dm, CONFIRM)
    for copy in copies:
        await scene.until_shown(copy, "the answer", "Confirmed by *olivia*")


async def test_a_throttled_post_is_sent_again_after_the_time_slack_asked_for(scene: Scene) -> None:
    fault = {"path": "/api/chat.postMessage", "status": 429, "retry_after_s": 2, "times": 2}
    _, asked = await _start(scene, fault)
    await _two_copies_and_no_more(scene, asked)
    hit = await _hits(scene, asked)
    assert len(hit) == 2, "nothing is sent again before the time has passed"
    first = (await scene.root_posts(asked.vm, asked.start.seq))[0]
    assert first["at_ms"] - hit[-1]["at_ms"] > 1900
    assert first["at_ms"] - hit[-1]["at_ms"] < LATE_MS, "and not much later either"


async def test_a_failing_slack_is_tried_again(scene: Scene) -> None:
    fault = {"path": "/api/chat.postMessage", "status": 500, "times": 2}
    _, asked = await _start(scene, fault)
    await _two_copies_and_no_more(scene, asked)
    assert len(await _hits(scene, asked)) == 2


async def test_a_post_whose_answer_was_lost_is_found_and_not_sent_again(scene: Scene) -> None:
    fault = {"path": "/api/chat.postMessage", "drop": "after", "times": 1}
    _, asked = await _start(scene, fault)
    await scene.slack.wait_for("the fault", lambda e: e["kind"] == "fault", since=asked.start.seq)
    await _two_copies_and_no_more(scene, asked)


async def test_a_lost_edit_is_made_again(scene: Scene) -> None:
    asked = await scene.ask()
    fault = {"path": "/api/chat.update", "body": asked.vm, "drop": "after", "times": 2}
    await scene.slack.put("/_faults", [fault])
    await scene.click("olivia", asked.dm, CONFIRM)
    for copy in asked.copies:
        await scene.until_shown(copy, "the answer", "Confirmed by *olivia*")
    lost = await _hits(scene, asked)
    assert len(lost) == 2
    for copy in asked.copies:
        # Slack made the edits, but the bot never learnt it.
        await scene.slack.wait_for(
            f"the edit of {copy.channel} once more",
            lambda e, at=copy: e["kind"] == "updated" and (e["channel"], e["ts"]) == (at.channel, at.ts),
            since=lost[-1]["seq"],
        )


async def test_a_slack_that_is_away_for_seconds_gets_the_card_afterwards(scene: Scene) -> None:
    await scene.slack.put("/_faults", [{"path": "/api/", "drop": "before"}])
    _, asked = await _start(scene)

    def tried(entry: Entry) -> bool:
        """The first time it posts; afterwards it looks first whether that arrived."""
        return bool(entry["kind"] == "fault" and entry["path"].startswith("/api/"))

    first = await scene.slack.wait_for("an attempt", tried, since=asked.start.seq)
    await scene.slack.wait_for(
        "another attempt", lambda e: tried(e) and e["at_ms"] > first["at_ms"] + 500, since=first["seq"]
    )
    assert not await scene.root_posts(asked.vm, asked.start.seq)
    await scene.slack.put("/_faults", [])
    await _two_copies_and_no_more(scene, asked)
    letters = await scene.bus.record(asked.start.bus_seq, "dead-lettered")
    assert not [one for one in letters if one["queue"] == "notices"], "an outage burns no delivery counts"


@pytest.mark.parametrize("reason", DISCONNECTS)
async def test_clicks_work_again_after_slack_asked_to_reconnect(scene: Scene, reason: str) -> None:
    await _clicks_work_after(scene, {"disconnect": reason})


async def test_clicks_work_again_after_the_connection_broke(scene: Scene) -> None:
    await _clicks_work_after(scene, {"drop": True})


async def _clicks_work_after(scene: Scene, trouble: Entry) -> None:
    asked = await scene.ask()
    seq = await scene.slack.last_seq()
    touched = await scene.slack.post("/_socket", **trouble)
    assert touched["touched"] >= 1
    await scene.slack.wait_for(
        "the bot to connect again",
        lambda e: e["kind"] == "socket" and e["what"] == "connected",
        since=seq,
    )
    answer = await scene.click("olivia", asked.dm, CONFIRM)
    assert answer["ok"], answer
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
