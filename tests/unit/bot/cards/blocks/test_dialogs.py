"""The dialogs, and the answers only one person sees."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bot.answers.deciding import confirm_blocks, reject_blocks
from bot.cards.blocks import answers, inputs
from bot.cards.blocks import text as text_blocks
from bot.cards.blocks.card import approval_card, buttons
from bot.cards.blocks.message import Message
from bot.cards.blocks.plans import before_lockdown
from bot.commands import lockdown_blocks
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as b
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.foresight.lookups import Foresight, Lookup, OfLockdown
from workers.domain.containment.options.backup_options import AfterRestore, BackupOptions
from workers.domain.containment.plans import Change, Impact, Plan, PlannedStep, StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat


def checked(view: dict[str, Any]) -> str:
    """The view as one text, once Slack would take it."""
    assert check_view(view, "modal") == []
    return json.dumps(view, ensure_ascii=False)


def said(message: Message) -> str:
    assert check_blocks(message.blocks, "message") == []
    text: str = message.blocks[0]["text"]["text"]
    return text


def block(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    return next(found for found in view["blocks"] if found.get("block_id") == block_id)


def test_the_reject_dialog_lists_every_step_with_its_details() -> None:
    text = checked(reject_blocks.plan_dialog(b.approval()))
    for planned in b.plan().steps:
        assert planned.change.summary in text
        for detail in planned.change.details:
            assert detail in text
    assert "2026-11-24 03:50 UTC" in text


HARM = (
    Impact(text="load balancer shop: backend pool <!channel> loses its last member", severe=True),
    Impact(text="memory is lost"),
)


def test_the_reject_dialog_says_what_goes_with_the_vm() -> None:
    plan = b.plan(impact=HARM)
    text = checked(reject_blocks.plan_dialog(b.approval(plan=plan)))
    assert "What goes with it" in text
    assert "Memory is lost." in text
    assert "<!channel>" not in text
    assert "What goes with it" not in checked(reject_blocks.plan_dialog(b.approval(plan=b.plan(impact=()))))


def test_an_open_card_names_only_the_worst_in_one_line() -> None:
    def lines(**changes: Any) -> list[str]:
        blocks = approval_card(b.approval(**changes), None, kind=CopyKind.OWNER).blocks
        assert check_blocks(blocks, "message") == []
        return [e["text"] for block in blocks if block["type"] == "context" for e in block["elements"]]

    three = (*HARM, *(Impact(text=f"public IP {n} is lost", severe=True) for n in (1, 2)))
    (line,) = [one for one in lines(plan=b.plan(impact=three)) if "Containing it" in one]
    assert line.endswith("public IP 1 is lost; and 1 more effect.")
    assert "memory" not in line
    assert "Containing it" not in str(lines(plan=b.plan(impact=HARM[1:])))
    closed = lines(plan=b.plan(impact=three), state=ApprovalState.CONFIRMED)
    assert "Containing it" not in str(closed)


def test_the_reject_dialog_asks_for_a_reason_first_and_says_in_two_lines_what_it_does() -> None:
    approval = b.approval()
    view = reject_blocks.reject_dialog(approval)
    text = checked(view)
    assert (view["callback_id"], view["private_metadata"]) == ("approval.reject", approval.id)
    assert (view["submit"]["text"], view["close"]["text"]) == ("Reject and contain", "Back")
    asked = [one["block_id"] for one in view["blocks"] if one["type"] == "input"]
    assert asked == ["why", "reason"]
    assert view["blocks"].index(block(view, "why")) == 1
    why = block(view, "why")["element"]
    assert why["type"] == "radio_buttons"
    assert why["initial_option"]["value"] == "stranger"
    assert block(view, "reason")["optional"]
    assert "Rejecting contains the VM *immediately*: isolate" in text
    assert "`/vm-restore vm-web-01`" in text
    for planned in b.plan().steps:
        assert not any(detail in text for detail in planned.change.details), "the rest is folded"
    assert reject_blocks.PLAN in text


@pytest.mark.parametrize(
    ("why", "words", "reason"),
    [
        ("stranger", "", "I didn't start it and don't know who did"),
        ("wrong_time", "Bob, a day early", "I know who it was, but this is the wrong time: Bob, a day early"),
        ("other", "it should be gone", "it should be gone"),
        ("other", "  ", ""),
        ("", "from an older dialog", "from an older dialog"),
    ],
)
def test_the_reason_of_a_rejection_is_what_was_chosen_and_said(why: str, words: str, reason: str) -> None:
    chosen = {"why": {"why": {"selected_option": {"value": why}}}} if why else {}
    values = {**chosen, "reason": {"reason": {"value": words}}}
    assert reject_blocks.said_why({"state": {"values": values}}) == reason


def test_a_start_of_high_risk_is_confirmed_with_its_two_strongest_signs_and_a_reason() -> None:
    approval = b.approval(risk=high_risk())
    view = confirm_blocks.confirm_dialog(approval)
    text = checked(view)
    first, second, third = approval.risk.signals  # type: ignore[union-attr]
    assert first.sentence[1:] in text
    assert second.sentence[1:] in text
    assert third.sentence[1:] not in text
    assert not block(view, "reason")["optional"]
    assert view["private_metadata"] == f"{approval.id}:1"
    confirm, *_ = buttons(approval)["elements"]
    assert "confirm" not in confirm, "the dialog asks, so Slack need not"
    assert "confirm" in buttons(b.approval())["elements"][0]


def high_risk() -> Risk:
    signals = tuple(
        Signal(id=f"s{n}", threat=Threat.UNAUTHORIZED, weight=60 - n, sentence=f"sign number {n} was seen")
        for n in range(3)
    )
    return Risk(level=Level.HIGH, signals=signals)


def test_the_reject_dialog_says_what_undoes_it() -> None:
    text = checked(reject_blocks.plan_dialog(b.approval()))
    assert "`/vm-restore vm-web-01`" in text
    assert "every network interface gets its former security group back" in text


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ("keep", "protection goes on with daily backups"),
        ("stop", "protection is stopped, and recovery points"),
    ],
)
def test_the_reject_dialog_says_what_a_restore_leaves_of_the_protection(after: str, said: str) -> None:
    profile = LockdownProfile(backup=BackupOptions(after_restore=AfterRestore(after)))
    text = checked(reject_blocks.plan_dialog(b.approval(terms=b.terms(lockdown=profile))))
    assert said in text


def test_without_a_plan_the_dialog_says_what_each_step_does_in_general() -> None:
    text = checked(reject_blocks.plan_dialog(b.approval(plan=Plan(profile="standard"))))
    assert "state isn't fully known yet" in text
    assert "stop and deallocate the VM" in text


def test_a_step_that_is_done_already_is_said_to_be_so() -> None:
    change = Change(summary="already deallocated", nothing_to_do=True)
    plan = b.plan(steps=(PlannedStep(step=StepName.STOP, change=change),))
    assert "Already done: nothing to change." in checked(reject_blocks.plan_dialog(b.approval(plan=plan)))


def test_a_step_that_this_vm_does_not_take_is_said_to_be_skipped_and_why() -> None:
    left_out = Change(summary="no backup", skipped="its OS disk is ephemeral")
    plan = b.plan(steps=(PlannedStep(step=StepName.BACKUP, change=left_out),))
    text = checked(reject_blocks.plan_dialog(b.approval(plan=plan)))
    assert "*3. Back up:* skipped. Its OS disk is ephemeral." in text


def test_who_rejects_sees_who_stays_connected() -> None:
    rule = AllowRule(name="bastion", source="10.0.9.0/26", ports=("22", "3389"))
    profile = LockdownProfile(isolate=IsolateOptions(allow=(rule,)))
    text = checked(reject_blocks.plan_dialog(b.approval(terms=b.terms(lockdown=profile))))
    assert "Exception: bastion (10.0.9.0/26) can still connect on TCP 22, 3389" in text


def test_the_loser_of_a_race_is_told_who_won_and_what_happens_now() -> None:
    text = checked(reject_blocks.decided_dialog(b.approval(state=ApprovalState.REJECTED)))
    assert "Rejected by *Alice Example*" in text
    assert "being contained" in text
    assert "Your answer was not recorded." in text


@pytest.mark.parametrize("state", ApprovalState)
def test_a_late_answer_finds_words_in_every_state(state: ApprovalState) -> None:
    view = reject_blocks.decided_dialog(b.approval(state=state))
    checked(view)
    assert "submit" not in view


def test_the_menu_of_vms_asks_for_its_options_and_remembers_what_was_typed() -> None:
    view = lockdown_blocks.lockdown_dialog(2, "web", "odd", ["standard"])
    assert "2 VMs match `web`. Which one is meant?" in checked(view)
    menu = block(view, "vm")["element"]
    assert (menu["type"], menu["min_query_length"]) == ("external_select", 0)
    assert inputs.typed_before(view) == "web"


def test_where_there_is_one_profile_it_is_not_asked_for() -> None:
    def asked(names: list[str], chosen: str) -> list[str]:
        view = lockdown_blocks.lockdown_dialog(2, "", "", names, chosen=chosen)
        checked(view)
        return [one["block_id"] for one in view["blocks"] if one["type"] == "input"]

    assert asked(["standard"], "standard") == ["vm"]
    assert asked(["standard", "hard"], "hard") == ["vm", "profile"]


def test_the_profile_that_was_typed_or_chosen_is_the_one() -> None:
    view = lockdown_blocks.lockdown_dialog(2, "web", "odd", ["standard", "hard"], chosen="hard")
    assert block(view, "profile")["element"]["initial_option"]["value"] == "hard"
    assert lockdown_blocks.typed_with_it(view)[:2] == ("web", "hard")
    state = {"values": {"profile": {"profile": {"selected_option": {"value": "standard"}}}}}
    assert lockdown_blocks.typed_with_it({**view, "state": state}).profile == "standard"


def test_an_option_tells_same_named_vms_apart() -> None:
    option = inputs.vm_option(b.known_vm())
    assert option["text"]["text"] == "vm-web-01"
    assert option["description"]["text"] == "running, rg-web, Contoso Production"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (ContainmentState.CONTAINED, "contained since"),
        (ContainmentState.RUNNING, "being contained since"),
        (ContainmentState.INCOMPLETE, "incomplete since"),
        (ContainmentState.RESTORING, "being restored since"),
    ],
)
def test_an_option_says_since_when_a_vm_is_contained_in_the_readers_time(
    state: ContainmentState, says: str
) -> None:
    held = b.containment(state=state, verified_at=b.NOW, opened_at=b.NOW)
    zone = timezone(timedelta(hours=-5))
    option = inputs.vm_option(b.known_vm(), held, zone=zone, now=b.NOW)
    assert option["description"]["text"].startswith(f"{says} {text_blocks.plain_time(b.NOW, zone, b.NOW)}, ")
    assert len(option["description"]["text"]) <= 75


def test_a_time_in_a_menu_has_its_date_unless_it_is_today() -> None:
    zone = timezone(timedelta(hours=-5))
    at = datetime(2026, 11, 24, 2, 44, tzinfo=UTC)
    assert text_blocks.plain_time(at, zone, at) == "9:44 PM"
    assert text_blocks.plain_time(at, zone, at + timedelta(hours=9)) == "Nov 23, 9:44 PM"
    assert text_blocks.plain_time(at) == "Nov 24, 2:44 AM UTC"


def test_an_option_keeps_both_ends_of_names_that_are_too_long() -> None:
    long = b.known_vm(
        ref=b.vm_ref(name=f"vm-{'x' * 80}-01", group=f"rg-{'y' * 80}-prod"),
        subscription_name=f"Contoso {'z' * 60} Test",
    )
    option = inputs.vm_option(long)
    assert option["text"]["text"].endswith("-01")
    about = option["description"]["text"]
    assert len(about) <= 75
    assert "-prod, Contoso" in about
    assert about.endswith(" Test")


def test_a_candidates_value_is_the_same_for_every_spelling_of_its_id() -> None:
    loud = b.vm_ref(name="VM-WEB-01").changed(resource_id=b.vm_ref().resource_id.upper())
    assert inputs.value_of(loud) == inputs.value_of(b.vm_ref())
    assert len(inputs.value_of(b.vm_ref(name="x" * 500))) <= 150


def lockdown_lookup(**changes: Any) -> Lookup:
    order = OfLockdown(reason="beaconing to 192.0.2.1", note="asked anyway")
    lookup = Lookup(
        id=f"q0{'0' * 24}",
        vm=b.vm_ref(),
        profile=LockdownProfile(),
        by=b.oncall(),
        asked_at=b.NOW,
        lockdown=order,
    )
    return lookup.changed(**changes)


def test_a_lockdown_shows_what_it_does_and_asks_with_the_reason_that_was_typed() -> None:
    view = before_lockdown.lockdown_confirm_dialog(lockdown_lookup(), line=b.known_vm())
    text = checked(view)
    for words in ("vm-web-01", "running when last seen", "*immediately*", "Asking Azure", "asked anyway"):
        assert words in text
    assert block(view, "reason")["element"]["initial_value"] == "beaconing to 192.0.2.1"
    assert view["submit"]["text"] == "Lock down"
    assert view["private_metadata"] == lockdown_lookup().id
    held = b.containment(state=ContainmentState.CONTAINED)
    assert "contained already" in checked(
        before_lockdown.lockdown_confirm_dialog(lockdown_lookup(), held=held)
    )


def test_a_vm_that_is_never_contained_can_not_be_locked_down_in_the_dialog() -> None:
    found = Foresight(plan=b.plan(), guarded="The policy never contains it (web).")
    view = before_lockdown.lockdown_confirm_dialog(lockdown_lookup(foresight=found))
    assert "never contains it" in checked(view)
    assert "submit" not in view


def test_a_refusal_says_that_nothing_was_changed() -> None:
    message = answers.refused("Only on-call can do this.", "<!subteam^S0ONCALL1>")
    for text in (said(message), checked(answers.as_dialog(message))):
        assert "Only on-call can do this. Ask <!subteam^S0ONCALL1>." in text
        assert "Nothing was changed, and the attempt was logged." in text


def test_an_answer_on_record_says_what_follows() -> None:
    assert "No action will be taken." in said(answers.recorded(b.approval(state=ApprovalState.CONFIRMED)))
    assert "is being contained" in said(answers.recorded(b.approval(state=ApprovalState.REJECTED)))


def test_a_late_click_is_told_who_decided() -> None:
    approval = b.approval(state=ApprovalState.CONFIRMED)
    text = said(answers.already_decided(approval, Answer.CONFIRM, b.oncall()))
    assert "Confirmed by *Alice Example*" in text
    assert "Your answer was not recorded." in text


def test_the_same_answer_of_the_same_person_is_recorded() -> None:
    approval = b.approval(state=ApprovalState.CONFIRMED)
    assert approval.decision is not None
    alice = approval.decision.by
    assert answers.already_decided(approval, Answer.CONFIRM, alice) == answers.recorded(approval)
    assert "not recorded" in said(answers.already_decided(approval, Answer.REJECT, alice))


def test_a_lockdown_says_where_to_follow_it() -> None:
    assert "<#C0ONCALL1>" in said(lockdown_blocks.lockdown_started(b.containment(), channel="C0ONCALL1"))


def test_a_contained_vm_is_not_contained_twice() -> None:
    text = said(lockdown_blocks.already_contained(b.containment(state=ContainmentState.CONTAINED)))
    assert "is already contained. No new action was started." in text
    assert "`/vm-restore vm-web-01`" in text


def test_an_unknown_name_gives_the_way_on() -> None:
    assert "42 VMs are known. Check the spelling" in said(lockdown_blocks.vm_not_found("wbe", 42))
    assert "check that they are running" in said(lockdown_blocks.vm_not_found("wbe", 0))


def test_a_failure_of_ours_gives_a_reference_and_no_details() -> None:
    assert "`4f2a`" in said(answers.went_wrong("4f2a"))


def test_an_old_plan_shows_its_age() -> None:
    old = b.approval(plan=b.plan(as_of=b.NOW - timedelta(hours=2)))
    assert "2026-11-24 01:50 UTC" in checked(reject_blocks.reject_dialog(old))
    assert "2026-11-24 01:50 UTC" in checked(reject_blocks.plan_dialog(old))
