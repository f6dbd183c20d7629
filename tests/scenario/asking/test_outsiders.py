"""People whom Slack shows and who are not ours: guests, and members of a workspace that shares a channel."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scenario.scene import CONFIRM, OLIVIA, REJECT, Asked, Scene

GUS, PETRA = "U0GUS000005", "U0PETRA0006"
TAGS = {
    PETRA: ["petra@partner.example", PETRA],
    GUS: ["gus@contoso.example", GUS],
}
WORDS = {
    PETRA: "Your account belongs to another workspace. Only members of this one can do this.",
    GUS: "You're a guest in this workspace. The policy doesn't let guests do this.",
}
KEYS = {PETRA: "petra", GUS: "gus"}


@pytest_asyncio.fixture(loop_scope="session")
async def finding_connected(scene: Scene) -> AsyncIterator[Scene]:
    """Slack finds people of connected workspaces by their e-mail address, too."""
    await scene.slack.put("/_limits", {"email_finds_connected": True})
    yield scene
    await scene.slack.put("/_limits", {"email_finds_connected": False})


async def _refused(scene: Scene, asked: Asked, person: str) -> None:
    await scene.told(person, WORDS[person], since=asked.start.seq)
    await scene.quiet()
    assert CONFIRM in await scene.shown(asked.channel)
    refusals = await scene.audit("decision.refused", vm_id=asked.start.vm_id)
    assert [(person in r["by"], r["details"]["reason"]) for r in refusals][-1] == (True, WORDS[person])
    assert not await scene.changes(asked.start.vm_id)


@pytest.mark.parametrize(("person", "tag"), [(who, tag) for who, tags in TAGS.items() for tag in tags])
async def test_whom_a_tag_names_and_who_is_no_member_can_neither_confirm_nor_reject(
    finding_connected: Scene, person: str, tag: str
) -> None:
    scene = finding_connected
    asked = await scene.ask(copies=2, tags={"owner": tag})
    card = await scene.shown(asked.channel)
    assert ("guest of the workspace" if person == GUS else "belongs to another workspace") in card
    await scene.click(KEYS[person], asked.channel, CONFIRM)
    await _refused(scene, asked, person)
    opened = await scene.click(KEYS[person], asked.channel, REJECT)
    assert "view_id" not in opened, "no dialog opens"
    await _refused(scene, asked, person)


@pytest.mark.parametrize("person", list(WORDS))
async def test_commands_are_refused_with_the_true_reason(scene: Scene, person: str) -> None:
    seq = await scene.slack.last_seq()
    for command in ("/vm-lockdown web-01", "/vm-restore web-01"):
        await scene.command(KEYS[person], command, channel="vm-approvals")
        await scene.told(person, WORDS[person], since=seq)
        seq = await scene.slack.last_seq()


async def test_a_dialog_is_judged_when_it_is_submitted(scene: Scene) -> None:
    """Its opener was a member then, and is of another workspace now."""
    await scene.slack.post("/_people", key="tess", email="tess@contoso.example", channels=["vm-approvals"])
    asked = await scene.ask(tags={"owner": "tess@contoso.example"})
    opened = await scene.click("tess", asked.channel, REJECT, wait_view_ms=3000)
    await scene.slack.post("/_people", key="tess", team_id="T0PARTNER1")
    answer = await scene.submit("tess", opened["view_id"], reason="not mine")
    assert not answer.get("closed"), answer
    await scene.quiet()
    assert CONFIRM in await scene.shown(asked.channel)
    assert not await scene.changes(asked.start.vm_id)


async def test_a_member_who_became_a_guest_can_confirm_nothing_seconds_later(scene: Scene) -> None:
    await scene.slack.post("/_people", key="tom", email="tom@contoso.example", channels=["vm-approvals"])
    first = await scene.ask(tags={"owner": "tom@contoso.example"})
    second = await scene.ask(tags={"owner": "tom@contoso.example"})
    await scene.click("tom", first.dm, CONFIRM)
    await scene.until_shown(first.channel, "his answer", "Confirmed by *tom*")
    await scene.slack.post("/_people", key="tom", is_restricted=True)
    seq = await scene.slack.last_seq()
    await _after_seconds()
    await scene.click("tom", second.dm, CONFIRM)
    tom = next(p["id"] for p in (await scene.slack.get("/_state"))["people"] if p["key"] == "tom")
    await scene.told(tom, WORDS[GUS], since=seq)
    assert CONFIRM in await scene.shown(second.channel)


async def test_while_slack_cant_say_who_somebody_is_they_are_told_so_and_can_answer_later(
    scene: Scene,
) -> None:
    asked = await scene.ask()
    await _after_seconds()
    await scene.slack.put("/_refusals", [{"method": "users.info", "error": "ratelimited"}])
    try:
        await scene.click("olivia", asked.dm, CONFIRM)
        await scene.told(OLIVIA, "Slack did not say right now who you are. Try again", since=asked.start.seq)
        assert CONFIRM in await scene.shown(asked.channel)
    finally:
        await scene.slack.put("/_refusals", [])
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "her answer", "Confirmed by *olivia*")


async def _after_seconds() -> None:
    """Until what Slack said last is too old for what is dangerous."""
    await asyncio.sleep(5.2)
