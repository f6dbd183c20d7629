"""The dialogs, and the answers only one person sees."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.answers import reject_blocks
from bot.cards.blocks import answers, inputs
from bot.cards.blocks.card import approval_card
from bot.cards.blocks.message import Message
from bot.commands import lockdown_blocks
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as b
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.options.backup_options import AfterRestore, BackupOptions
from workers.domain.containment.plans import Change, Impact, Plan, PlannedStep, StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile


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
    text = checked(reject_blocks.reject_dialog(b.approval()))
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
    text = checked(reject_blocks.reject_dialog(b.approval(plan=plan)))
    assert "What goes with it" in text
    assert "Memory is lost." in text
    assert "<!channel>" not in text
    assert "What goes with it" not in checked(reject_blocks.reject_dialog(b.approval(plan=b.plan(impact=()))))


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


def test_the_reject_dialog_carries_the_id_and_asks_for_a_reason() -> None:
    approval = b.approval()
    view = reject_blocks.reject_dialog(approval)
    assert (view["callback_id"], view["private_metadata"]) == ("approval.reject", approval.id)
    assert view["submit"]["text"] == "Reject and contain"
    assert view["close"]["text"] == "Back"
    reason = block(view, "reason")
    assert not reason.get("optional")
    element = reason["element"]
    assert (element["min_length"], element["max_length"], element["multiline"]) == (3, 500, True)


def test_the_reject_dialog_says_what_undoes_it() -> None:
    text = checked(reject_blocks.reject_dialog(b.approval()))
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
    text = checked(reject_blocks.reject_dialog(b.approval(terms=b.terms(lockdown=profile))))
    assert said in text


def test_without_a_plan_the_dialog_says_what_each_step_does_in_general() -> None:
    text = checked(reject_blocks.reject_dialog(b.approval(plan=Plan(profile="standard"))))
    assert "state isn't fully known yet" in text
    assert "stop and deallocate the VM" in text


def test_a_step_that_is_done_already_is_said_to_be_so() -> None:
    change = Change(summary="already deallocated", nothing_to_do=True)
    plan = b.plan(steps=(PlannedStep(step=StepName.STOP, change=change),))
    assert "Already done: nothing to change." in checked(reject_blocks.reject_dialog(b.approval(plan=plan)))


def test_a_step_that_this_vm_does_not_take_is_said_to_be_skipped_and_why() -> None:
    left_out = Change(summary="no backup", skipped="its OS disk is ephemeral")
    plan = b.plan(steps=(PlannedStep(step=StepName.BACKUP, change=left_out),))
    text = checked(reject_blocks.reject_dialog(b.approval(plan=plan)))
    assert "*3. Back up:* skipped. Its OS disk is ephemeral." in text


def test_who_rejects_sees_who_stays_connected() -> None:
    rule = AllowRule(name="bastion", source="10.0.9.0/26", ports=("22", "3389"))
    profile = LockdownProfile(isolate=IsolateOptions(allow=(rule,)))
    text = checked(reject_blocks.reject_dialog(b.approval(terms=b.terms(lockdown=profile))))
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


def test_a_single_candidate_is_chosen_already_and_several_are_not() -> None:
    one = lockdown_blocks.lockdown_dialog([b.known_vm()], "web", "", LockdownProfile())
    assert "1 VM matches `web`." in checked(one)
    menu = block(one, "vm")["element"]
    assert menu["initial_option"]["value"] == inputs.candidate_value(b.known_vm())
    two = [b.known_vm(), b.known_vm(ref=b.vm_ref(name="vm-web-02"))]
    several = lockdown_blocks.lockdown_dialog(two, "web", "", LockdownProfile())
    assert "2 VMs match `web`." in checked(several)
    assert "initial_option" not in block(several, "vm")["element"]


def test_a_menu_holds_a_hundred_and_says_that_there_are_more() -> None:
    many = [b.known_vm(ref=b.vm_ref(name=f"vm-{n:03}")) for n in range(130)]
    view = lockdown_blocks.lockdown_dialog(many, "", "", LockdownProfile())
    assert "130 VMs are known. The first 100 are listed" in checked(view)
    assert len(block(view, "vm")["element"]["options"]) == 100


def test_an_option_tells_same_named_vms_apart() -> None:
    option = block(lockdown_blocks.lockdown_dialog([b.known_vm()], "", "", LockdownProfile()), "vm")[
        "element"
    ]["options"][0]
    assert option["text"]["text"] == "vm-web-01"
    assert option["description"]["text"] == "running, rg-web, Contoso Production"


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
    loud = b.vm_ref().changed(resource_id=b.vm_ref().resource_id.upper())
    value = inputs.candidate_value(b.known_vm())
    assert inputs.candidate_value(b.known_vm(ref=loud)) == value
    assert len(value) <= 150


def test_what_was_typed_as_a_reason_is_kept_in_the_dialog() -> None:
    view = lockdown_blocks.lockdown_dialog([b.known_vm()], "web", "beaconing to 192.0.2.1", LockdownProfile())
    checked(view)
    assert block(view, "reason")["element"]["initial_value"] == "beaconing to 192.0.2.1"


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
