"""What the owner is shown, and what Confirm does."""

import asyncio
import json

import pytest

from tests.scenario.scene import APPROVALS, CONFIRM, OLIVIA, REJECT, Scene, texts


async def test_the_card_shows_what_an_owner_needs_to_decide(scene: Scene) -> None:
    asked = await scene.ask(
        "intruder",
        size="Standard_D4s_v5",
        location="northeurope",
        subscription=1,
        nics=[{"public_ip": "20.60.9.1", "open": ["22", "8443"]}, {"open": ["3389"]}],
    )
    vm = await scene.vm_now(asked.start.vm_id)
    for copy in asked.copies:
        shown = "\n".join(texts((await scene.message(copy))["blocks"]))
        for what in (
            f"`{asked.vm}`",
            f"`{vm['group']}`",
            "Contoso Development",
            "northeurope",
            "Standard_D4s_v5",
            "Running",
            "*Mallory Guest* (user, mallory@elsewhere.example)",
            "Azure PowerShell, `192.0.2.66`",
            "*without MFA*",
            "<!date^",
            "Azure role *Owner*\non the whole subscription",
            "`20.60.9.1`",
            "`22` Tcp",
            "`8443` Tcp",
            "If nobody answers by <!date^",
            "on-call decides",
        ):
            assert what in shown, f"{what!r} is not on the copy in {copy.channel}:\n{shown}"
        assert "3389" not in shown, "without a public IP the Internet does not reach it"


async def test_a_service_principal_is_told_from_a_person(scene: Scene) -> None:
    asked = await scene.ask("nightly")
    shown = await scene.shown(asked.dm)
    assert "b0000000-0000-4000-8000-000000000005" in shown, "its token carries no name, but the client's id"
    assert "service principal" in shown
    assert "MFA" not in shown, "it does not apply"


async def test_the_owner_is_asked_alone_and_the_channel_gets_a_copy(scene: Scene) -> None:
    asked = await scene.ask()
    assert {copy.channel[0] for copy in asked.copies} == {"D", "C"}
    assert asked.channel.channel == APPROVALS
    state = await scene.slack.get("/_state")
    dm = next(channel for channel in state["channels"] if channel["id"] == asked.dm.channel)
    assert OLIVIA in dm["members"]
    mentions = [e for e in await scene.slack.record(asked.start.seq, "mention") if e["ts"] == asked.dm.ts]
    assert not mentions, "a direct message needs no mention"


async def test_confirm_asks_once_more_and_changes_nothing_until_then(scene: Scene) -> None:
    asked = await scene.ask("colin")
    asked_first = await scene.click("olivia", asked.dm, CONFIRM, confirmed=False)
    assert asked.vm in json.dumps(asked_first["needs_confirm"])
    await scene.quiet()
    assert CONFIRM in await scene.shown(asked.dm)
    await scene.audited("approval.confirmed", asked.start.vm_id, count=0)


async def test_a_confirmation_is_on_every_copy_with_who_and_when_and_no_buttons(scene: Scene) -> None:
    asked = await scene.ask("colin")
    answer = await scene.click("olivia", asked.dm, CONFIRM)
    assert answer["ok"], answer
    assert answer["ack_ms"] < 3000
    await asyncio.gather(
        *(
            scene.until_shown(copy, "who and when", "Confirmed by *olivia* (olivia@contoso.example) <!date^")
            for copy in asked.copies
        )
    )
    for copy in asked.copies:
        shown = await scene.shown(copy)
        assert CONFIRM not in shown
        assert REJECT not in shown
        assert "Confirmed as expected" in await scene.headline(copy)
    await scene.told(OLIVIA, "No action will be taken", asked.vm, since=asked.start.seq)
    record, *_ = await scene.audited("approval.confirmed", asked.start.vm_id)
    assert record["by"] == f"olivia ({OLIVIA})"
    assert record["details"]["owner"] is True
    assert not await scene.changes(asked.start.vm_id, asked.azure_seq), "a confirmed start changes nothing"


async def test_several_owners_are_all_asked_and_one_answer_is_enough(scene: Scene) -> None:
    tags = {"contact": "olivia@contoso.example; colin@contoso.example"}
    asked = await scene.ask(copies=3, tags=tags)
    dms = [copy for copy in asked.copies if copy.channel.startswith("D")]
    assert len(dms) == 2
    state = await scene.slack.get("/_state", user="colin")
    colins = next(c for c in dms if c.channel in {channel["id"] for channel in state["channels"]})
    await scene.click("colin", colins, CONFIRM)
    for copy in asked.copies:
        await scene.until_shown(copy, "colin's answer", "Confirmed by *colin*")
        assert CONFIRM not in await scene.shown(copy)


async def test_the_reject_dialog_wants_a_reason(scene: Scene) -> None:
    asked = await scene.ask()
    view = await scene.dialog("olivia", asked.dm)
    for given in ("", "no"):
        refused = await scene.submit("olivia", view["id"], why="other", reason=given)
        assert refused["errors"], f"{given!r} is no reason"
    closed = await scene.slack.post("/_act/close", user="olivia", view_id=view["id"])
    assert closed["closed"]
    await scene.quiet()
    assert REJECT in await scene.shown(asked.dm), "a dialog that is closed decides nothing"
    assert not await scene.changes(asked.start.vm_id, asked.azure_seq)


async def test_a_start_of_high_risk_is_confirmed_with_a_reason_only(scene: Scene) -> None:
    asked = await scene.ask("intruder")
    copy = {"channel": asked.dm.channel, "ts": asked.dm.ts}
    opened = await scene.slack.post(
        "/_act/click", user="olivia", action_id=CONFIRM, wait_view_ms=3000, **copy
    )
    view = (await scene.slack.get("/_state"))["views"][OLIVIA][-1]
    assert view["id"] == opened["view_id"]
    assert "High risk" in str(view["blocks"])
    for given in ("", "no"):
        assert (await scene.submit("olivia", view["id"], reason=given))["errors"]
    assert CONFIRM in await scene.shown(asked.dm)
    assert (await scene.submit("olivia", view["id"], reason="our own drill"))["closed"]
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*", "our own drill")


@pytest.mark.parametrize("below", ["nothing", "a reply"])
async def test_below_a_card_that_somebody_deleted_nothing_is_posted(scene: Scene, below: str) -> None:
    """Slack takes a reply to a deleted card as a message of its own, without a word."""
    asked = await scene.ask(copies=2)
    if below == "a reply":  # a parent with replies leaves a tombstone
        await scene.slack.post(
            "/_act/message", user="olivia", channel=APPROVALS, thread_ts=asked.channel.ts, text="hm"
        )
    await scene.slack.post("/_act/delete", user="olivia", channel=APPROVALS, ts=asked.channel.ts)
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    await scene.quiet()
    state = await scene.slack.get("/_state")
    messages = next(c for c in state["channels"] if c["id"] == APPROVALS)["messages"]
    cards = [m for m in messages if not m.get("thread_ts") and m["ts"] > asked.channel.ts]
    cards += [m for m in messages if m.get("thread_ts") == m["ts"] and m["ts"] > asked.channel.ts]
    about = [m for m in cards if asked.vm in str(m)]
    assert len(about) == 1, [m["text"] for m in about]
    thread = [m["text"] for m in messages if m.get("thread_ts") == about[0]["ts"] != m["ts"]]
    assert any("CONTAINED" in text for text in thread), thread


async def test_an_owner_who_started_it_is_asked_whether_it_was_them(scene: Scene) -> None:
    asked = await scene.ask("olivia")
    text = f"Your account started {asked.vm} in {asked.start.vm_id.split('/')[4]}. Was it you?"
    own = (await scene.message(asked.dm))["blocks"]
    # What its other starts just now add to the risk stands before it.
    assert any(said.endswith(text) for said in texts(own)), texts(own)
    for_all = "\n".join(texts((await scene.message(asked.channel))["blocks"]))
    assert "Your account" not in for_all
    assert f"Olivia Owner (olivia@contoso.example) started {asked.vm} in " in for_all
    assert "keeps running" not in for_all


async def test_a_card_is_withdrawn_soon_after_its_vm_was_stopped(scene: Scene) -> None:
    asked = await scene.ask()
    await scene.azure.post("/_vm/power", vm=asked.start.vm_id, power="deallocated")
    for copy in asked.copies:
        await scene.until_shown(copy, "that it was withdrawn", "withdrawn")
        assert CONFIRM not in await scene.shown(copy)
    await scene.audited("approval.withdrawn", asked.start.vm_id)
