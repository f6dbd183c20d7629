"""``/vm-status`` and ``/vm-approvals`` on the running system: private, and only what the reader may see."""

from tests.scenario.scene import NADIA, OLIVIA, SAM, Scene, texts


async def test_a_vm_s_status_is_told_to_its_owner_and_to_nobody_else(scene: Scene) -> None:
    asked, stranger = await scene.ask(), await scene.newcomer()
    seq = await scene.slack.last_seq()
    await scene.command("olivia", f"/vm-status {asked.start.vm_id}")
    told = await scene.told(OLIVIA, asked.vm, "Open question", "Last starts", since=seq)
    assert "Was this start expected?" in "\n".join(texts(told["blocks"]))
    await scene.command(stranger.key, f"/vm-status {asked.start.vm_id}")
    refused = await scene.told(stranger.id, "Only its owner or on-call can see", since=seq)
    assert asked.vm not in str(refused["blocks"])
    (record,) = [one for one in await scene.audit("status.refused") if stranger.id in one["by"]]
    assert asked.vm in str(record["details"])


async def test_what_waits_can_be_answered_from_the_list(scene: Scene) -> None:
    owner = await scene.newcomer()
    asked = await scene.ask("colin", tags=owner.tags)
    seq = await scene.slack.last_seq()
    await scene.command(owner.key, "/vm-approvals")
    told = await scene.told(owner.id, "for your answer", since=seq)
    buttons = [one for block in told["blocks"] if block["type"] == "actions" for one in block["elements"]]
    confirm = next(one for one in buttons if one["accessibility_label"].endswith(asked.vm))
    await scene.slack.post(
        "/_act/click",
        user=owner.key,
        channel=told["channel"],
        ts=told["ts"],
        action_id=confirm["action_id"],
        value=confirm["value"],
        confirmed=True,
    )
    await scene.until_shown(asked.channel, "the answer", f"Confirmed by *{owner.key}*")
    await scene.command("nadia", "/vm-approvals open")
    await scene.told(NADIA, "for an answer", since=seq)
    await scene.command("sam", "/vm-approvals contained")
    await scene.told(SAM, "Only on-call can see", since=seq)


async def test_a_report_comes_as_picture_and_table_to_who_asked_alone(scene: Scene) -> None:
    await scene.ask("colin")
    seq = await scene.slack.last_seq()
    await scene.command("nadia", "/vm-report 2d")
    await scene.told(NADIA, "Starts in 2 days", since=seq)
    sent = await scene.slack.wait_for(
        "the files", lambda e: e["kind"] == "posted" and bool(e.get("files")), since=seq
    )
    picture, table = sent["files"]
    assert (picture["name"].endswith(".png"), table["name"].endswith(".csv")) == (True, True)
    assert "Starts by day and verdict." in picture["alt_txt"]
    people = next(c for c in (await scene.slack.get("/_state"))["channels"] if c["id"] == sent["channel"])
    assert NADIA in people["members"]
    assert people["kind"] == "im"
    await scene.command("sam", "/vm-report")
    await scene.told(SAM, "Only on-call can see", since=seq)
