"""*Not mine*: the owner passes a question on, whoever is named answers, and on-call sees the tag."""

from tests.scenario.scene import CONFIRM, OLIVIA, CardCopy, Scene, texts

NOT_MINE = "approval.not_mine"


async def test_a_question_goes_to_whom_the_owner_names(scene: Scene) -> None:
    asked = await scene.ask("nightly")
    opened = await scene.click("olivia", asked.dm, NOT_MINE, wait_view_ms=3000)
    own = await scene.slack.post(
        "/_act/submit", user="olivia", view_id=opened["view_id"], values={"who": OLIVIA}
    )
    assert "This is you" in str(own["errors"])
    answer = await scene.slack.post(
        "/_act/submit", user="olivia", view_id=opened["view_id"], values={"who": "U0SAM00004"}
    )
    assert answer["closed"], answer
    sent = await scene.slack.wait_for(
        "a copy for sam",
        lambda e: (
            e["kind"] == "posted"
            and e["channel"].startswith("D")
            and e["channel"] != asked.dm.channel
            and asked.vm in str(e["blocks"])
        ),
        since=asked.start.seq,
    )
    sams = CardCopy(channel=sent["channel"], ts=sent["ts"], at_ms=sent["at_ms"])
    assert "Passed on:" in await scene.shown(sams)
    proposal = await scene.slack.wait_for(
        "the proposal for the tag",
        lambda e: e["kind"] == "posted" and e["thread_ts"] == asked.channel.ts and "az tag update" in str(e),
        since=asked.start.seq,
    )
    assert "owner=sam@contoso.example" in "\n".join(texts(proposal["blocks"]))
    assert not await scene.changes(asked.start.vm_id), "no tag is written"
    await scene.click("sam", sams, CONFIRM)
    await scene.until_shown(asked.channel, "sam's answer", "Confirmed by *sam*")
    await scene.audited("approval.passed_on", asked.start.vm_id)


async def test_without_a_name_on_call_is_asked(scene: Scene) -> None:
    asked = await scene.ask("nightly")
    opened = await scene.click("olivia", asked.dm, NOT_MINE, wait_view_ms=3000)
    await scene.slack.post("/_act/submit", user="olivia", view_id=opened["view_id"], values={})
    await scene.oncall_card(asked.vm, asked.start.seq)
