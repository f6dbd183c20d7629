"""Whom a tag names: nobody, somebody who left, somebody by id, several; the card must reach somebody."""

import uuid

import pytest

from tests.scenario.scene import APPROVALS, CONFIRM, NADIA, OLIVIA, ONCALL, ONCALL_GROUP, Scene, texts


async def _only_in_channels(scene: Scene, tags: dict[str, str]) -> str:
    """The card's text; no direct message went out, and on-call is called at once."""
    asked = await scene.ask(copies=2, tags=tags)
    await scene.quiet()
    posts = await scene.root_posts(asked.vm, asked.start.seq)
    assert {post["channel"] for post in posts} == {APPROVALS, ONCALL}
    called = [e for e in await scene.slack.record(asked.start.seq, "posted") if e["channel"] == ONCALL]
    page = next(e for e in called if asked.vm in str(e["blocks"]) and ONCALL_GROUP in str(e["mentions"]))
    assert "so you are asked" in str(page["blocks"])
    return "\n".join(texts((await scene.message(asked.channel))["blocks"]))


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        pytest.param({}, "No tag owner or contact", id="no tags"),
        pytest.param({"owner": "  "}, "No tag owner or contact", id="a blank tag"),
        pytest.param({"owner": "the web team"}, "neither an e-mail address nor a Slack user id", id="words"),
        pytest.param(
            {"owner": "left-the-firm@contoso.example"},
            "left-the-firm@contoso.example, whom Slack does not know",
            id="an address that nobody has",
        ),
        pytest.param({"contact": "U0NOBODY99"}, "U0NOBODY99, whom Slack does not know", id="no such user"),
    ],
)
async def test_without_an_owner_the_channel_is_asked_and_told_why(
    scene: Scene, tags: dict[str, str], note: str
) -> None:
    shown = await _only_in_channels(scene, tags)
    assert note.lower() in shown.lower(), shown


async def test_whoever_left_the_firm_is_not_asked(scene: Scene) -> None:
    key = f"left{uuid.uuid4().hex[:10]}"
    email = f"{key}@contoso.example"
    await scene.slack.post("/_people", key=key, name="Larry Left", email=email, deleted=True)
    shown = await _only_in_channels(scene, {"owner": email})
    assert f"{email}, whom Slack does not know" in shown


async def test_an_owner_nobody_knows_leaves_the_answer_to_oncall(scene: Scene) -> None:
    asked = await scene.ask(copies=2, tags={})
    await scene.click("colin", asked.channel, CONFIRM)
    await scene.told("U0COLIN002", "Only on-call (no owner is known) can", since=asked.start.seq)
    await scene.click("nadia", asked.channel, CONFIRM)
    await scene.until_shown(asked.channel, "nadia's answer", "Confirmed by *nadia*")


async def test_an_owner_named_by_slack_id_is_asked(scene: Scene) -> None:
    asked = await scene.ask(tags={"owner": OLIVIA})
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.dm, "her answer", "Confirmed by *olivia*")


async def test_one_unknown_owner_among_several_is_named_and_the_others_are_asked(scene: Scene) -> None:
    tags = {"owner": "left-the-firm@contoso.example, olivia@contoso.example"}
    asked = await scene.ask(tags=tags)
    shown = "\n".join(texts((await scene.message(asked.channel))["blocks"]))
    assert "left-the-firm@contoso.example, whom Slack does not know" in shown
    assert f"<@{OLIVIA}>" in shown


async def test_the_first_tag_of_the_policy_wins_whatever_its_case(scene: Scene) -> None:
    asked = await scene.ask(tags={"contact": "colin@contoso.example", "OWNER": "nadia@contoso.example"})
    state = await scene.slack.get("/_state", user="nadia")
    assert asked.dm.channel in {channel["id"] for channel in state["channels"]}
    assert f"<@{NADIA}>" in await scene.shown(asked.channel)


async def test_a_tag_that_names_nobody_hides_no_other_and_is_shown(scene: Scene) -> None:
    asked = await scene.ask(
        tags={"owner": "the web team", "contact": "Olivia Owner <olivia@contoso.example>"}
    )
    shown = "\n".join(texts((await scene.message(asked.channel))["blocks"]))
    assert "Owner from tag `contact`" in shown
    assert "these name nobody: the web team (tag owner)" in shown.lower()
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.dm, "her answer", "Confirmed by *olivia*")


async def test_of_more_than_five_owners_the_first_five_get_messages_and_any_of_them_may_answer(
    scene: Scene,
) -> None:
    keys = [f"own{uuid.uuid4().hex[:10]}" for _ in range(7)]
    for key in keys:
        await scene.slack.post("/_people", key=key, name=key, email=f"{key}@contoso.example")
    await scene.slack.post("/_channels", name="vm-approvals", join=[keys[6]])
    tag = ", ".join(["gone@contoso.example", *(f"{key}@contoso.example" for key in keys)])
    asked = await scene.ask(copies=6, tags={"owner": tag})
    assert sum(copy.channel.startswith("D") for copy in asked.copies) == 5
    shown = "\n".join(texts((await scene.message(asked.channel))["blocks"]))
    assert "only the first 5 owners got a message, and any owner may answer" in shown
    await scene.click(keys[6], asked.channel, CONFIRM)
    await scene.until_shown(asked.channel, "the last one's answer", f"Confirmed by *{keys[6]}*")
