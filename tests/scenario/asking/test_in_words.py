"""An owner answers in words, through Slack's events."""

import json

from deploy.sandbox.stage import eventually
from tests.scenario.scene import OLIVIA, SAM, Asked, Scene

UNDO = "approval.undo"


async def _low(scene: Scene) -> Asked:
    """The owner starts her own VM, which nobody reaches from outside."""
    return await scene.ask("olivia", nics=[{"open": []}])


async def _says(scene: Scene, who: str, asked: Asked, text: str) -> None:
    answer = await scene.slack.post(
        "/_act/message", user=who, channel=asked.dm.channel, thread_ts=asked.dm.ts, text=text
    )
    assert answer["ok"], answer


async def test_a_yes_in_the_thread_confirms_and_can_be_undone(scene: Scene) -> None:
    asked = await _low(scene)
    await _says(scene, "olivia", asked, "Ja, war ich")
    await scene.until_shown(asked.dm, "her answer", "Confirmed by *olivia*")

    undo = await scene.slack.wait_for(
        "the button Undo",
        lambda e: e["kind"] == "posted" and e.get("thread_ts") == asked.dm.ts and UNDO in json.dumps(e),
        since=asked.start.seq,
    )
    assert "\u201cJa, war ich\u201d" in json.dumps(undo["blocks"], ensure_ascii=False)
    await scene.slack.post(
        "/_act/click", user="olivia", channel=asked.dm.channel, ts=undo["ts"], action_id=UNDO
    )
    await scene.told(OLIVIA, "is open again", since=asked.start.seq)

    async def reopened() -> bool:
        return "approval.confirm" in await scene.shown(asked.dm)

    await eventually("the buttons to be back", reopened)
    await scene.audited("approval.confirmed", asked.start.vm_id)
    await scene.audited("approval.reopened", asked.start.vm_id)


async def test_a_yes_to_the_bot_itself_is_about_its_one_open_question(scene: Scene) -> None:
    owner = await scene.newcomer()
    asked = await scene.ask(owner.key, tags=owner.tags, nics=[{"open": []}])
    await scene.slack.post("/_act/message", user=owner.key, channel="app", text="yes, that was me")
    await scene.until_shown(asked.dm, "the answer", f"Confirmed by *{owner.key}*")


async def test_a_yes_to_the_bot_itself_records_nothing_where_two_questions_are_open(scene: Scene) -> None:
    owner = await scene.newcomer()
    both = [await scene.ask(owner.key, tags=owner.tags, nics=[{"open": []}]) for _ in range(2)]
    seq = await scene.slack.last_seq()
    await scene.slack.post("/_act/message", user=owner.key, channel="app", text="yes, that was me")
    told = await scene.told(owner.id, "2 questions are open here", since=seq)
    assert "Nothing was recorded" in json.dumps(told)
    for asked in both:
        assert "approval.confirm" in await scene.shown(asked.dm)


async def test_at_high_risk_and_from_a_stranger_words_record_nothing(scene: Scene) -> None:
    asked = await scene.ask("intruder")
    await _says(scene, "olivia", asked, "yes")
    await scene.told(OLIVIA, "At this risk it takes the button", since=asked.start.seq)
    answer = await scene.slack.post(
        "/_act/message", user="sam", channel=asked.channel.channel, thread_ts=asked.channel.ts, text="yes"
    )
    assert answer["ok"], answer
    await scene.told(SAM, "Only the VM's owner or on-call can confirm", since=asked.start.seq)
    await scene.quiet()
    await scene.audited("approval.confirmed", asked.start.vm_id, count=0)
