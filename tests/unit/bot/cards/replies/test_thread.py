"""The replies below a card: which there are, what they say, and whom they call."""

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.blocks.message import Reply
from bot.cards.blocks.text import message_link
from bot.cards.replies.containment.afterwards import EVIDENCE, RESTORE_IT, STATUS
from bot.cards.replies.containment.by_hand import remedy
from bot.cards.replies.thread import replies
from deploy.sandbox.slack.blockkit import check_blocks
from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout
from tests import builders as b
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import Containment, ContainmentState, Restart, StepState
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.steps import MAX_REDONE

ONCALL = "<!subteam^S0ONCALL1>"


def thread(
    approval: Approval | None = None,
    containment: Containment | None = None,
    *,
    kind: CopyKind = CopyKind.OWNER,
) -> list[Reply]:
    found = replies(approval, containment, kind=kind, oncall_mention=ONCALL)
    for reply in found:
        assert check_blocks(reply.message.blocks, "message") == []
    keys = [reply.key for reply in found]
    assert len(keys) == len(set(keys))
    return found


def keys(*args: Any, **kwargs: Any) -> list[str]:
    return [reply.key for reply in thread(*args, **kwargs)]


def said(found: list[Reply], key: str) -> str:
    text: str = next(r for r in found if r.key == key).message.blocks[0]["text"]["text"]
    return text


def buttons(found: list[Reply], key: str) -> dict[str, str]:
    """The actions that a reply offers, with their values."""
    blocks = next(r for r in found if r.key == key).message.blocks
    return {e["action_id"]: e["value"] for block in blocks for e in block.get("elements", [])}


def called(found: list[Reply]) -> list[str]:
    return [m["id"] for r in found for m in mentions_in_layout(r.message.blocks, "")]


def one_step(**changes: Any) -> Containment:
    """A running containment whose first step is as given, and the others not begun."""
    return b.containment(
        state=ContainmentState.RUNNING,
        steps=(
            b.step(**{"name": StepName.ISOLATE, **changes}),
            b.step(name=StepName.STOP),
            b.step(name=StepName.BACKUP),
        ),
    )


def test_a_fresh_card_has_no_replies() -> None:
    assert thread(b.approval()) == []


@pytest.mark.parametrize("kind", CopyKind)
def test_only_the_owners_thread_reminds_and_it_calls_who_was_asked(kind: CopyKind) -> None:
    found = thread(b.approval(reminded_at=b.NOW), kind=kind)
    if kind is CopyKind.OWNER:
        assert called(found) == [b.ALICE]
        assert "Was the start of `vm-web-01` expected?" in said(found, "reminder")
    else:
        assert found == []


def test_only_the_on_call_thread_escalates_and_it_says_who_was_asked_and_when() -> None:
    approval = b.approval(reminded_at=b.NOW, escalated_at=b.NOW)
    assert keys(approval, kind=CopyKind.OWNER) == ["reminder"]
    found = thread(approval, kind=CopyKind.ONCALL)
    assert called(found) == ["S0ONCALL1", b.ALICE]
    assert "Asked: <@U0ALICE01>, <!date^" in said(found, "escalation")
    assert [r.key for r in found if r.pages] == ["escalation"]


def test_reminder_and_escalation_link_the_card() -> None:
    approval = b.approval(reminded_at=b.NOW, escalated_at=b.NOW)
    link = message_link("https://contoso.slack.com/", "D0ALICE01", "1764000000.000100", "the card")
    assert link == "<https://contoso.slack.com/archives/D0ALICE01/p1764000000000100|the card>"
    for kind in (CopyKind.OWNER, CopyKind.ONCALL):
        (found,) = [
            r
            for r in replies(approval, None, kind=kind, oncall_mention=ONCALL, card_link=link)
            if r.key in ("reminder", "escalation")
        ]
        assert link in found.message.says
        assert check_blocks(found.message.blocks, "message") == []


@pytest.mark.parametrize(
    ("url", "channel", "ts"),
    [("", "D0ALICE01", "1.1"), ("http://evil", "D0ALICE01", "1.1"), ("https://x/", "#name", "1.1"),
     ("https://x/", "D0ALICE01", None)],
)  # fmt: skip
def test_where_the_card_can_not_be_linked_nothing_stands(url: str, channel: str, ts: str | None) -> None:
    assert message_link(url, channel, ts, "the card") == ""


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (ContainmentState.RUNNING, None),
        (ContainmentState.CONTAINED, {RESTORE_IT, STATUS, EVIDENCE}),
        (ContainmentState.INCOMPLETE, {"containment.retry", RESTORE_IT, STATUS, EVIDENCE}),
        (ContainmentState.RESTORED, {STATUS, EVIDENCE}),
    ],
)
def test_the_summary_offers_what_can_be_done_then(state: ContainmentState, offered: set[str] | None) -> None:
    found = [r for r in thread(None, b.containment(state=state)) if r.key.startswith(("result", "restored"))]
    shown = [set(buttons(found, one.key)) for one in found]
    assert shown == ([offered] if offered else [])


def test_nobody_is_reminded_of_what_is_decided() -> None:
    decided = b.approval(state=ApprovalState.CONFIRMED, reminded_at=b.NOW, escalated_at=b.NOW)
    assert keys(decided, kind=CopyKind.OWNER) == []
    assert keys(decided, kind=CopyKind.ONCALL) == []


def test_on_call_is_still_called_when_the_question_expired_and_nothing_was_done() -> None:
    expired = b.approval(state=ApprovalState.EXPIRED, escalated_at=b.NOW)
    found = thread(expired, kind=CopyKind.ONCALL)
    assert [r.key for r in found] == ["escalation"]
    assert "`/vm-lockdown vm-web-01`" in said(found, "escalation")


@pytest.mark.parametrize("kind", [CopyKind.OWNER, CopyKind.CHANNEL])
@pytest.mark.parametrize("state", [one for one in ApprovalState if one is not ApprovalState.PENDING])
def test_no_reply_repeats_what_the_card_says_of_the_end(state: ApprovalState, kind: CopyKind) -> None:
    assert thread(b.approval(state=state), kind=kind) == []


def test_a_step_not_begun_has_no_reply() -> None:
    assert keys(None, one_step()) == []


def test_a_steps_reply_keeps_its_key_and_changes_its_words() -> None:
    started = thread(None, one_step(state=StepState.STARTED))
    done = thread(None, one_step(state=StepState.DONE))
    assert [r.key for r in started] == [r.key for r in done] == ["steps.1"]
    assert "*Isolate*: in progress." in said(started, "steps.1")
    assert "*Isolated* <!date^" in said(done, "steps.1")
    assert started[0].message.digest != done[0].message.digest


def test_one_message_tells_every_step() -> None:
    (found,) = [
        r for r in thread(None, b.containment(state=ContainmentState.CONTAINED)) if r.key == "steps.1"
    ]
    lines = [block["text"]["text"] for block in found.message.blocks]
    assert [line.partition(" <!date")[0] for line in lines] == ["*Isolated*", "*Stopped*", "*Backup started*"]
    assert found.message.text == "vm-web-01: 3 of 3 steps done"


def test_a_step_under_way_tells_how_far_it_is_and_which_attempt() -> None:
    found = thread(None, one_step(state=StepState.STARTED, attempt=2, note="1 of 2 NICs done"))
    assert "in progress, attempt 2 of 7." in said(found, "steps.1")
    assert "1 of 2 NICs done." in said(found, "steps.1")


def test_a_step_that_waits_for_another_attempt_says_why_and_until_when() -> None:
    waiting = one_step(attempt=1, note="waiting for Azure: 429", look_at=b.NOW + timedelta(minutes=1))
    text = said(thread(None, waiting), "steps.1")
    assert "*Isolate*: will be retried. Waiting for Azure: 429. Next attempt <!date^" in text


def test_a_step_held_up_before_its_first_attempt_counts_still_speaks() -> None:
    assert keys(None, one_step(attempt=0, note="waiting for Azure: away")) == ["steps.1"]


def test_a_step_done_says_when_and_that_azure_was_asked_and_no_identifier_changes_its_spelling() -> None:
    nic = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/web-02-nic"
    change = Change(summary="isolate 1 NIC", before={nic: None})
    done = one_step(state=StepState.DONE, change=change, note="web-02-nic with lockdown, rules read back")
    text = said(thread(None, done), "steps.1")
    assert text.startswith("*Isolated* <!date^")
    assert text.endswith("UTC>, verified in Azure. `web-02-nic` with lockdown.")
    waiting = one_step(state=StepState.STARTED, change=change, note="vm-web-01: busy")
    assert "`vm-web-01`: busy." in said(thread(None, waiting), "steps.1")


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("db-01-nic: busy", "db-01-nic: busy."),
        ("nic2 is busy", "nic2 is busy."),
        ("waiting for Azure", "Waiting for Azure."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_an_identifier_does(note: str, shown: str) -> None:
    waiting = one_step(state=StepState.STARTED, note=note)
    assert said(thread(None, waiting), "steps.1").endswith(f" {shown}")


def test_a_failed_step_gives_its_reason_and_what_to_do_by_hand() -> None:
    text = said(thread(None, one_step(state=StepState.FAILED)), "steps.1")
    assert "failed after 5 attempts" in text
    assert "Reason: Azure refused: ScopeLocked." in text
    assert "By hand" not in text, "that is said to on-call, once"


def refused_while_others_go_on(**changes: Any) -> Containment:
    refused = b.step(name=StepName.STOP, state=StepState.FAILED, note="Azure refused: ScopeLocked")
    refused = refused.changed(ended_at=b.NOW, **changes)
    going = b.step(name=StepName.BACKUP, state=StepState.STARTED)
    isolated = b.step(state=StepState.DONE)
    return b.containment(state=ContainmentState.RUNNING, steps=(isolated, refused, going))


def test_a_step_that_waiting_will_not_mend_calls_on_call_while_others_go_on() -> None:
    found = thread(None, refused_while_others_go_on(paged_at=b.NOW))
    key = "failed.stop.contained.1"
    assert [r.key for r in found if r.pages] == [key]
    assert called(found) == ["S0ONCALL1"]
    text = said(found, key)
    assert "*Stop* of `vm-web-01` failed, and waiting won't help. Azure refused: ScopeLocked." in text
    assert text.count("az vm deallocate") == 1
    assert "az vm deallocate" not in "".join(said(found, r.key) for r in found if r.key != key)
    assert buttons(found, key) == {"containment.retry": b.containment().id}


def test_the_end_does_not_repeat_the_remedy_that_on_call_was_told() -> None:
    told = refused_while_others_go_on(paged_at=b.NOW)
    ended = told.with_step(b.step(name=StepName.BACKUP, state=StepState.DONE)).to(ContainmentState.INCOMPLETE)
    found = thread(None, ended)
    assert "*Stop*: not done. Azure refused: ScopeLocked." in said(found, "result.1")
    assert "By hand" not in said(found, "result.1")
    assert buttons(found, "result.1")["containment.retry"] == b.containment().id


def test_a_failure_that_on_call_was_not_told_of_yet_calls_nobody() -> None:
    assert not called(thread(None, refused_while_others_go_on()))


def test_contained_comes_last_with_the_time_of_reading_back() -> None:
    found = thread(b.approval(state=ApprovalState.REJECTED), b.containment(state=ContainmentState.CONTAINED))
    assert [r.key for r in found] == [
        "steps.1",
        "result.1",
    ]
    text = said(found, "result.1")
    assert not any(r.pages for r in found)
    assert "`vm-web-01` is isolated and stopped; backup started. Verified in Azure <!date^" in text
    assert "`/vm-restore vm-web-01`" in text


def test_incomplete_calls_on_call_with_what_is_left() -> None:
    found = thread(None, b.containment(state=ContainmentState.INCOMPLETE))
    text = said(found, "result.1")
    assert called(found) == ["S0ONCALL1"]
    assert "Done so far: isolated and stopped." in text
    assert [r.key for r in found if r.pages] == ["result.1"], "how each step went can wait, this can't"
    assert "*Back up*: not done. Azure refused: ScopeLocked. By hand:" in text


def test_a_refused_containment_asks_nobody_to_do_it_by_hand() -> None:
    refused = b.containment(
        state=ContainmentState.INCOMPLETE,
        steps=(b.step(state=StepState.SKIPPED, note="the rejection on record is somebody else's"),),
    )
    text = said(thread(None, refused), "result.1")
    assert "*Isolate*: skipped. The rejection on record is somebody else's." in text
    assert "By hand" not in text


def test_being_contained_again_starts_new_replies_and_leaves_the_old_ones() -> None:
    again = b.containment(state=ContainmentState.CONTAINED, round=2)
    assert keys(None, again) == [
        "again.2",
        "steps.2",
        "result.2",
    ]


def test_a_restored_vm_is_said_to_be_so() -> None:
    found = thread(None, b.containment(state=ContainmentState.RESTORED))
    assert "The containment of `vm-web-01` was undone" in said(found, "restored.1")


def test_without_an_on_call_mention_nobody_is_called_by_accident() -> None:
    incomplete = b.containment(state=ContainmentState.INCOMPLETE)
    found = replies(None, incomplete, kind=CopyKind.ONCALL, oncall_mention="")
    assert said(found, "result.1").startswith("On-call: ")


def test_a_command_is_offered_only_where_a_shell_can_read_nothing_into_it() -> None:
    for other_way in (False, True):
        stop = b.step(name=StepName.STOP, change=Change(summary="stop it", other_way=other_way))
        assert "`az vm " in remedy(stop, b.vm_ref())
        for name in ("vm;reboot", "$(id)", "-n", "vm`id`", "vm web"):
            assert "az vm" not in remedy(stop, b.vm_ref(name=name))
        assert "az vm" not in remedy(stop, b.vm_ref(classic=True))


def test_a_vm_that_cannot_be_deallocated_is_never_to_be_deallocated_by_hand() -> None:
    power_off = Change(summary="power off the VM", other_way=True)
    failed = b.step(name=StepName.STOP, state=StepState.FAILED, change=power_off)
    containment = b.containment(state=ContainmentState.INCOMPLETE, steps=(failed,))
    words = said(thread(containment=containment), "result.1")
    assert "`az vm stop " in words
    assert "az vm deallocate" not in words
    assert "choose Stop" not in words


class TestUndoneBySomebody:
    def test_on_call_is_paged_once_a_step_had_to_be_done_again_too_often(self) -> None:
        containment = one_step(name=StepName.ISOLATE, state=StepState.STARTED, redone=MAX_REDONE)
        found = [reply for reply in thread(containment=containment) if reply.key == "redone.isolate.1"]
        assert [reply.pages for reply in found] == [True]
        assert called(found) == ["S0ONCALL1"]
        assert "somebody keeps undoing" in said(found, "redone.isolate.1")

    def test_nobody_is_paged_before_that(self) -> None:
        containment = one_step(name=StepName.ISOLATE, state=StepState.STARTED, redone=MAX_REDONE - 1)
        assert not [key for key in keys(containment=containment) if key.startswith("redone")]


class TestLate:
    def test_on_call_is_told_what_a_step_waits_for(self) -> None:
        containment = one_step(
            name=StepName.ISOLATE, state=StepState.STARTED, note="the NIC is Updating", paged_at=b.NOW
        ).changed(paged_at=b.NOW)
        found = [reply for reply in thread(containment=containment) if reply.key.startswith("late.")]
        assert [reply.pages for reply in found] == [True]
        assert called(found) == ["S0ONCALL1"]
        words = said(found, found[0].key)
        assert "not contained yet" in words
        assert "the NIC is Updating" in words or "The NIC is Updating" in words
        assert "Back up" not in words, "only what is late"

    def test_a_whole_that_takes_long_lists_all_it_waits_for(self) -> None:
        containment = one_step(name=StepName.ISOLATE, state=StepState.DONE).changed(paged_at=b.NOW)
        found = [reply for reply in thread(containment=containment) if reply.key.startswith("late.")]
        words = said(found, found[0].key)
        assert "*Stop*, not begun" in words
        assert "*Back up*, not begun" in words
        assert "Isolate" not in words


def test_a_round_that_nobody_announced_calls_on_call_with_what_was_found() -> None:
    drift = ("NIC *web-nic* has no NSG, not startgate-lockdown-x", "the VM is running")
    found = thread(containment=b.containment(state=ContainmentState.RUNNING, round=2, drift=drift))
    (reply,) = [reply for reply in found if reply.key == "again.2"]
    assert reply.pages
    assert called(found) == ["S0ONCALL1"]
    text = said(found, "again.2")
    assert "undone outside Startgate" in text
    assert "\u2022 The VM is running." in text
    assert "*web-nic*" not in text, "names are no mark-up"
    assert "was started while it was contained" not in text


def test_on_call_is_called_once_for_a_contained_vm_that_is_started() -> None:
    restart = Restart(by="Mallory <!channel>", at=b.NOW)
    contained = b.containment(state=ContainmentState.CONTAINED, round=2)
    found = thread(None, contained.changed(restart=restart))
    (page,) = [reply for reply in found if reply.pages]
    text = said(found, page.key)
    assert "`vm-web-01` was started by *Mallory &lt;!channel&gt;* although it is contained" in text
    later = thread(None, contained.changed(restart=restart, round=3))
    assert [reply.key for reply in later if reply.pages] == [page.key], "a later round pages nobody anew"
