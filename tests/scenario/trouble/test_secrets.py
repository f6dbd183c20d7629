"""What must hold after all that the other tests did: no secret anywhere, and no message posted twice."""

import json
from collections import Counter

from tests.scenario.scene import Scene, leaks

MOST_MB = 120
MOVED = "This card belongs in another channel"


async def test_no_secret_is_in_any_log(scene: Scene) -> None:
    for name in ("bot", "workers"):
        log = scene.system.processes[name].log_path.read_text(encoding="utf-8")
        assert log
        assert not leaks(log)
        assert "Bearer" not in log


async def test_no_secret_is_in_the_audit(scene: Scene) -> None:
    told = await scene.startgate("audit", "show", "--json")
    assert "approval.asked" in told
    assert not leaks(told)


async def test_no_secret_is_in_any_message(scene: Scene) -> None:
    said = [
        e
        for e in await scene.slack.record()
        if e["kind"] in ("posted", "updated", "ephemeral", "view", "response_url")
    ]
    assert said
    assert not leaks(json.dumps(said))


async def test_no_message_was_ever_posted_twice(scene: Scene) -> None:
    """Whatever died or was cut off, even when a dead process's lock runs out.

    An intent that was lost and made anew would post a message twice, so what people see is counted, too: the
    copies of a card in one channel, and replies in one thread that say the same. A channel may have its own
    copy beside one that another channel refused, and a card that somebody deleted is posted anew.
    """
    posted = [e for e in await scene.slack.record(kind="posted") if e.get("metadata") is not None]
    assert posted
    intents = [e["metadata"]["event_payload"]["intent"] for e in posted]
    replies = [
        (e["channel"], e["thread_ts"], e["text"], json.dumps(e["blocks"])) for e in posted if e["thread_ts"]
    ]
    moved = {(channel, root) for channel, root, text, _ in replies if text == MOVED}
    gone = {(e["channel"], e["ts"]) for e in await scene.slack.record(kind="deleted")}
    cards = [
        (e["metadata"]["event_payload"]["card"], e["channel"], (e["channel"], e["ts"]) in moved)
        for e in posted
        if not e["thread_ts"] and (e["channel"], e["ts"]) not in gone
    ]
    for seen in (intents, cards, replies):
        assert not [one for one, count in Counter(seen).items() if count > 1]


async def test_the_bot_stays_small(scene: Scene) -> None:
    assert 0 < scene.system.processes["bot"].resident_mb() < MOST_MB
