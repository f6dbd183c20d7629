"""Slack refuses one recipient: everybody else gets the card, and what a channel refuses goes to the other."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.scenario.scene import APPROVALS, COLIN, CONFIRM, ONCALL, ONCALL_GROUP, Asked, Entry, Scene

ON_SCHEDULE_S = 75
"""What a channel refused is tried again every half minute."""


@pytest_asyncio.fixture(loop_scope="session")
async def troubled(scene: Scene) -> AsyncIterator[Scene]:
    """The shared system; what Slack refused, and where the bot was removed, is mended after it."""
    yield scene
    await scene.slack.put("/_refusals", [])
    for channel in ("vm-approvals", "vm-oncall"):
        await scene.slack.post("/_channels", name=channel, bot_is_member=True, archived=False)


async def _start(scene: Scene, **seed: Any) -> Asked:
    vm = await scene.new_vm(**seed)
    return Asked(start=await scene.press_start(vm), copies=(), azure_seq=0)


async def _posted(scene: Scene, asked: Asked, *, channel: str, **options: Any) -> Entry:
    """A message in this channel that names the VM."""
    return await scene.slack.wait_for(
        f"{asked.vm} in {channel}",
        lambda e: e["kind"] == "posted" and e["channel"] == channel and asked.vm in str(e),
        since=asked.start.seq,
        **options,
    )


async def _nothing_is_dead(scene: Scene, asked: Asked) -> None:
    """Since this start; what others put aside is theirs."""
    letters = await scene.bus.record(asked.start.bus_seq, "dead-lettered")
    assert not [one for one in letters if one["queue"] == "notices"]


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("users.lookupByEmail", "missing_scope"),
        ("conversations.open", "cannot_dm_bot"),
        ("conversations.open", "user_disabled"),
        ("conversations.open", "user_not_visible"),
        ("conversations.open", "missing_scope"),
        ("chat.postMessage", "messages_tab_disabled"),
        ("chat.postMessage", "restricted_action"),
    ],
)
async def test_one_owner_whom_slack_refuses_is_a_notice_and_the_others_are_asked(
    troubled: Scene, method: str, error: str
) -> None:
    scene = troubled
    # A new person, since the bot remembers whom it found and what it opened.
    owen = await scene.newcomer("owen")
    address = owen.email
    by = {"match": {"email": address}} if method == "users.lookupByEmail" else {"person": owen.key}
    await scene.slack.put("/_refusals", [{"method": method, "error": error, **by}])
    asked = await scene.ask(tags={"owner": f"{address}, olivia@contoso.example"})
    for copy in asked.copies:
        await scene.until_shown(copy, "the notice", address, error)
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "her answer", "Confirmed by *olivia*")
    await _nothing_is_dead(scene, asked)


async def test_a_tag_that_names_a_bot_and_somebody_who_left_asks_in_the_channel(troubled: Scene) -> None:
    scene = troubled
    asked = await scene.ask(copies=2, tags={"owner": "U0BUILDBOT8, U0DORA00007"})
    shown = await scene.shown(asked.channel)
    assert "U0BUILDBOT8, who is a bot; U0DORA00007, who is deactivated in Slack" in shown
    await scene.quiet()
    await scene.audited("approval.asked", asked.start.vm_id)


@pytest.mark.parametrize("how", [{"bot_is_member": False}, {"archived": True}])
async def test_without_the_approvals_channel_on_calls_has_the_card_and_the_mention(
    troubled: Scene, how: Entry
) -> None:
    scene = troubled
    await scene.slack.post("/_channels", name="vm-approvals", **how)
    asked = await _start(scene, tags={})
    card = await _posted(scene, asked, channel=ONCALL)
    page = await scene.slack.wait_for(
        "the page below it",
        lambda e: e["kind"] == "posted" and e["thread_ts"] and "this card belongs in" in str(e["blocks"]),
        since=card["seq"],
    )
    assert page["channel"] == ONCALL
    assert f"<!subteam^{ONCALL_GROUP}>: this card belongs in <#{APPROVALS}>" in str(page["blocks"])
    await scene.quiet()
    await scene.audited("approval.asked", asked.start.vm_id)
    await scene.slack.post("/_channels", name="vm-approvals", bot_is_member=True, archived=False)
    again = await _posted(scene, asked, channel=APPROVALS, within_s=ON_SCHEDULE_S)
    assert again["at_ms"] - card["at_ms"] > 20_000, "on a schedule, not at once"


async def test_where_every_channel_refuses_and_nobody_is_known_nobody_was_asked(troubled: Scene) -> None:
    scene = troubled
    for channel in ("vm-approvals", "vm-oncall"):
        await scene.slack.post("/_channels", name=channel, bot_is_member=False)
    asked = await _start(scene, tags={})
    await scene.quiet()
    await scene.audited("approval.opened", asked.start.vm_id)
    assert not await scene.audit("approval.asked", vm_id=asked.start.vm_id)
    await scene.slack.post("/_channels", name="vm-oncall", bot_is_member=True)
    await _posted(scene, asked, channel=ONCALL, within_s=ON_SCHEDULE_S)
    await scene.quiet()
    await scene.audited("approval.asked", asked.start.vm_id)
    await _nothing_is_dead(scene, asked)


async def test_a_rejection_whose_channel_is_gone_still_contains_and_tells_its_owner(troubled: Scene) -> None:
    scene = troubled
    await scene.slack.post("/_channels", name="vm-approvals", archived=True)
    asked = await scene.ask(tags={"owner": "colin@contoso.example"})
    await scene.reject("colin", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    record, *_ = await scene.audited("approval.rejected", asked.start.vm_id)
    assert COLIN in record["by"]
