"""Twice, late, at the same instant: one approval, one decision, one containment, and everybody is told."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

from tests.scenario.scene import (
    APPROVALS,
    CONFIRM,
    NADIA,
    OLIVIA,
    REJECT,
    Asked,
    CardCopy,
    Entry,
    Scene,
    Started,
    eventually,
    grid_event,
)


async def _confirm(scene: Scene, who: str, copy: CardCopy) -> None:
    """Press Confirm without a look at the card before: meanwhile the other one would take the button away."""
    press = {"channel": copy.channel, "ts": copy.ts, "action_id": CONFIRM, "confirmed": True}
    answer = await scene.slack.post("/_act/click", user=who, **press)
    assert answer["ok"], answer


async def _told_by(scene: Scene, asked: Asked, person: str, count: int = 1) -> list[str]:
    """What this person was told in private since the start, that many times."""

    async def told() -> list[str] | None:
        found = [
            json.dumps(e["blocks"], ensure_ascii=False)
            for e in await scene.slack.record(asked.start.seq, "ephemeral")
            if e["user"] == person and asked.vm in json.dumps(e["blocks"])
        ]
        return found if len(found) >= count else None

    answers: list[str] = await eventually(f"{person} to be told {count} times", told)
    return answers


async def _buttons_stay(scene: Scene) -> None:
    """While Slack takes no edits, the second click finds its button, however late it comes."""
    await scene.slack.put("/_faults", [{"path": "chat.update", "status": 503}])


async def test_a_double_click_is_one_confirmation_and_both_are_told_that_it_counts(scene: Scene) -> None:
    asked = await scene.ask("colin")
    await _buttons_stay(scene)
    await asyncio.gather(*(scene.click("olivia", asked.dm, CONFIRM) for _ in range(2)))
    told = await _told_by(scene, asked, OLIVIA, 2)
    assert sum("No action will be taken" in answer for answer in told) == 2
    assert not any("not recorded" in answer for answer in told)
    await scene.audited("approval.confirmed", asked.start.vm_id)


async def test_a_dialog_submitted_twice_at_once_is_one_rejection(scene: Scene) -> None:
    asked = await scene.ask("colin")
    first = await scene.dialog("olivia", asked.dm)
    await asyncio.gather(*(scene.submit("olivia", first["id"], reason=f"reason {n}") for n in range(2)))
    await scene.until_contained(asked.dm)
    await scene.audited("approval.rejected", asked.start.vm_id)
    await scene.audited("containment.contained", asked.start.vm_id)
    assert len([e for e in await scene.changes(asked.start.vm_id) if e["path"].endswith("/deallocate")]) == 1


async def test_confirm_and_reject_at_the_same_instant_have_one_winner_and_the_loser_is_told(
    scene: Scene,
) -> None:
    asked = await scene.ask("colin")
    view = await scene.dialog("olivia", asked.dm)
    await asyncio.gather(
        scene.submit("olivia", view["id"], reason="not mine"), _confirm(scene, "nadia", asked.channel)
    )
    decisions = await scene.audit("approval.", vm_id=asked.start.vm_id)
    winners = [r for r in decisions if r["kind"] in ("approval.confirmed", "approval.rejected")]
    assert len(winners) == 1
    if winners[0]["kind"] == "approval.rejected":
        told = await _told_by(scene, asked, NADIA)
        assert "Rejected by *olivia*" in told[0]
        await scene.until_contained(asked.dm)
    else:
        state = await scene.slack.get("/_state")
        top = json.dumps(state["views"][OLIVIA][-1])
        assert "Confirmed by *nadia*" in top
        assert "not recorded" in top
        assert not await scene.changes(asked.start.vm_id)


async def test_owner_and_oncall_confirm_at_the_same_instant(scene: Scene) -> None:
    asked = await scene.ask("colin")
    await _buttons_stay(scene)
    await asyncio.gather(
        scene.click("olivia", asked.dm, CONFIRM), scene.click("nadia", asked.channel, CONFIRM)
    )
    told = [*await _told_by(scene, asked, OLIVIA), *await _told_by(scene, asked, NADIA)]
    assert sum("No action will be taken" in answer for answer in told) == 1
    assert sum("Your answer was not recorded" in answer for answer in told) == 1
    await scene.audited("approval.confirmed", asked.start.vm_id)


async def test_two_rejections_at_the_same_instant_are_one_containment(scene: Scene) -> None:
    asked = await scene.ask("colin")
    views = [await scene.dialog("olivia", asked.dm), await scene.dialog("nadia", asked.channel)]
    await asyncio.gather(
        *(
            scene.submit(who, view["id"], reason="not expected")
            for who, view in zip(("olivia", "nadia"), views, strict=True)
        )
    )
    for copy in asked.copies:
        await scene.until_contained(copy)
    await scene.audited("approval.rejected", asked.start.vm_id)
    await scene.audited("containment.contained", asked.start.vm_id)
    changes = [e["path"].rpartition("/")[2] for e in await scene.changes(asked.start.vm_id)]
    assert len(changes) == len(set(changes)), f"each change is made once: {changes}"


async def test_fifty_starts_of_one_vm_are_one_question_that_lists_them(scene: Scene) -> None:
    asked = await scene.ask("olivia")
    vm = {"id": asked.start.vm_id, "name": asked.vm}
    await asyncio.gather(*(scene.press_start(vm) for _ in range(49)))
    for copy in asked.copies:
        shown = await scene.until_shown(copy, "all starts", "*Started 49 times since*", ", 49 times, last")
        assert CONFIRM in json.dumps(shown)
    await scene.quiet()
    assert len(await scene.root_posts(asked.vm, asked.start.seq)) == 2
    await scene.audited("approval.opened", asked.start.vm_id)
    await scene.audited("approval.joined", asked.start.vm_id, count=49)


async def test_who_was_not_shown_a_start_by_somebody_else_is_shown_it_and_asked_again(scene: Scene) -> None:
    asked = await scene.ask("olivia")
    # While Slack takes no edits, the owner's copy shows her own start alone.
    await scene.slack.put("/_faults", [{"path": "chat.update", "status": 503}])
    await scene.press_start({"id": asked.start.vm_id, "name": asked.vm})

    async def joined() -> bool:
        return bool(await scene.audit("approval.joined", vm_id=asked.start.vm_id))

    await eventually("the second start to join", joined)
    await scene.click("olivia", asked.dm, CONFIRM)
    told = await _told_by(scene, asked, OLIVIA)
    assert "was started again since this card was shown to you" in told[0]
    assert CONFIRM in told[0]
    await scene.audited("approval.confirmed", asked.start.vm_id, count=0)
    await scene.slack.put("/_faults", [])
    await scene.until_shown(asked.dm, "the second start", "*Started 1 time since*")
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")
    (confirmed,) = await scene.audited("approval.confirmed", asked.start.vm_id)
    assert confirmed["details"]["starts"] == 2


async def test_a_click_on_an_old_copy_of_a_decided_card_is_told_who_decided(scene: Scene) -> None:
    """Somebody's Slack still shows the buttons: their click arrives after the decision."""
    asked = await scene.ask("colin")
    # While Slack takes no edits, both copies keep their buttons.
    await scene.slack.put("/_faults", [{"path": "chat.update", "status": 503}])
    await scene.click("olivia", asked.dm, CONFIRM)
    await _told_by(scene, asked, OLIVIA)
    await scene.click("nadia", asked.channel, CONFIRM)
    late = await _told_by(scene, asked, NADIA)
    assert "Your answer was not recorded" in late[0]
    assert "Confirmed by *olivia*" in late[0]
    opened = await scene.click("nadia", asked.channel, REJECT)
    assert "view_id" not in opened
    await _told_by(scene, asked, NADIA, 2)
    await scene.slack.put("/_faults", [])
    for copy in asked.copies:
        await scene.until_shown(copy, "the decision once Slack takes edits again", "Confirmed by *olivia*")
    assert not await scene.changes(asked.start.vm_id)


async def test_the_same_event_five_times_is_one_question(scene: Scene) -> None:
    asked = await scene.ask(how={"deliveries": 5})
    await scene.quiet()
    assert len(await scene.root_posts(asked.vm, asked.start.seq)) == 2
    await scene.audited("approval.opened", asked.start.vm_id)


async def test_the_same_event_after_the_decision_asks_nobody_again(scene: Scene) -> None:
    vm, correlation_id = await scene.new_vm(), str(uuid.uuid4())
    event = _event(vm, correlation_id, minutes_ago=5)
    asked = await _asked_by(scene, vm, event)
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "the decision", "Confirmed by")
    seq = await scene.slack.last_seq()
    for _ in range(5):  # other message ids, as after the window in which the queue itself finds duplicates
        await scene.send(event)
    await scene.quiet()
    assert not await scene.root_posts(asked.vm, seq)
    assert "Confirmed as expected" in await scene.headline(asked.dm)
    await scene.audited("approval.opened", asked.start.vm_id)


async def test_another_start_under_a_confirmed_starts_correlation_id_is_asked_about(scene: Scene) -> None:
    vm, correlation_id = await scene.new_vm(), str(uuid.uuid4())
    asked = await _asked_by(scene, vm, _event(vm, correlation_id, minutes_ago=5))
    await scene.click("olivia", asked.dm, CONFIRM)
    await scene.until_shown(asked.channel, "the decision", "Confirmed by")
    again = await _asked_by(scene, vm, _event(vm, correlation_id, minutes_ago=2))
    assert again.dm.ts != asked.dm.ts
    assert "Was this start expected?" in await scene.headline(again.dm)
    await scene.audited("approval.opened", vm["id"], count=2)


def _event(vm: Entry, correlation_id: str, *, minutes_ago: int) -> Entry:
    """That this VM was started some minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return grid_event(vm["id"], correlationId=correlation_id) | {"eventTime": at.isoformat()}


async def _asked_by(scene: Scene, vm: Entry, event: Entry) -> Asked:
    """The cards that ask about this event."""
    seq = await scene.slack.last_seq()
    start = Started(
        vm=vm["name"],
        vm_id=vm["id"],
        correlation_id=event["data"]["correlationId"],
        seq=seq,
        bus_seq=await scene.bus.last_seq(),
    )
    await scene.send(event)
    return Asked(start=start, copies=tuple(await scene.copies(start, 2)), azure_seq=0)


async def test_many_starts_at_once_all_get_their_cards(scene: Scene) -> None:
    asked = await asyncio.gather(*(scene.ask("nightly", prefix="burst") for _ in range(12)))
    assert len({copy.ts for each in asked for copy in each.copies}) == 24
    posts = [e for e in await scene.root_posts("burst-", asked[0].start.seq) if e["channel"] == APPROVALS]
    assert len(posts) == len({e["text"] for e in posts})
