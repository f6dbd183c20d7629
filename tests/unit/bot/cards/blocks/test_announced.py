"""Cards of starts about which nobody is asked: announced ones, and those whose VM a rule contains."""

import pytest

from bot.answers.deciding.reject_blocks import decided_dialog, reject_dialog
from bot.cards.audience import Subjects
from bot.cards.blocks.answers import already_decided
from bot.cards.blocks.overview.rows import question_blocks
from bot.cards.blocks.overview.vm_status import vm_status
from bot.cards.replies.thread import replies
from tests import builders as b
from tests.unit.bot.cards.blocks.test_card import block_types, card, everything, headline
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.use_cases.orders.reading.overview import VmStatus

TOLD = b.approval(state=ApprovalState.TOLD)
OVER = b.approval(
    state=ApprovalState.EXPIRED,
    terms=b.announced(),
    closed_because="nobody rejected it in time; the VM is left as it is",
)
RULED = b.approval(state=ApprovalState.RULED, containment_id=b.containment().id)
BY_RULE = b.cause(kind=CauseKind.RULE, reason=RULED.closed_because, approval_id=RULED.id)


def test_an_announcement_has_reject_alone_and_says_that_it_is_one_by_which_rule_and_until_when() -> None:
    message = card(TOLD)
    (reject,) = message.blocks[-1]["elements"]
    assert (reject["action_id"], reject["style"]) == ("approval.reject", "danger")
    assert headline(message) == "\U0001f4e3 Started, no answer needed: vm-web-01"
    said = everything(message)
    assert "Announced by the rule *weekly tests*. You can reject the start until <!date^" in said
    assert "otherwise no action is taken" in said
    assert "Telling you because the tag `owner` on this VM names you" in said
    assert "If nobody answers" not in said
    assert message.text.endswith("No answer needed; reject it if it was not expected.")


@pytest.mark.parametrize("kind", [CopyKind.CHANNEL, CopyKind.ONCALL])
def test_no_copy_of_an_announcement_asks_or_pages(kind: CopyKind) -> None:
    assert "No answer yet" not in everything(card(TOLD, kind=kind))
    assert replies(TOLD, None, kind=kind, oncall_mention="<!subteam^S0ONCALL1>") == []


def test_rejecting_opens_the_same_dialog_as_a_question() -> None:
    asked = b.approval()
    assert reject_dialog(TOLD)["blocks"] == reject_dialog(asked)["blocks"]


def test_whoever_confirms_it_all_the_same_is_told_that_there_is_nothing_to_confirm() -> None:
    said = str(already_decided(TOLD, Answer.CONFIRM, b.actor()).blocks)
    assert "only announced: there is nothing to confirm" in said


def test_once_its_time_is_over_the_button_goes_and_nobody_is_told() -> None:
    message = card(OVER)
    assert headline(message) == "\u2796 Announced, not rejected: vm-web-01"
    assert "actions" not in block_types(message)
    assert "Nobody rejected it in time" in everything(message)
    assert replies(OVER, None, kind=CopyKind.OWNER, oncall_mention="") == []
    assert "was not recorded" in str(decided_dialog(OVER))


def test_a_rule_that_contains_is_told_with_who_and_why_and_how_to_undo_it() -> None:
    containment = b.containment(cause=BY_RULE)
    for kind in (CopyKind.OWNER, CopyKind.ONCALL):
        message = card(RULED, containment, kind=kind)
        assert headline(message) == "\u26d4 By a rule, containing: vm-web-01"
        assert "actions" not in block_types(message)
        said = everything(message)
        assert "Nobody was asked. The rule nightly contains this VM without asking." in said
        assert "*Alice Example* (user, alice@contoso.com) started `vm-web-01`" in said
    (page, *_) = replies(RULED, containment, kind=CopyKind.ONCALL, oncall_mention="<!subteam^S0ONCALL1>")
    assert page.pages
    text = str(page.message.blocks)
    assert "<!subteam^S0ONCALL1>: the rule *nightly* contains `vm-web-01` without asking." in text
    assert "`/vm-restore vm-web-01` undoes it" in text


def test_contained_is_said_only_once_it_is_proven() -> None:
    contained = b.containment(cause=BY_RULE, state=ContainmentState.CONTAINED)
    assert headline(card(RULED, contained)) == "\U0001f512 CONTAINED: vm-web-01"


def test_a_guarded_vm_is_on_calls_to_act_on() -> None:
    guarded = b.approval(
        state=ApprovalState.RULED,
        guarded="domain controllers",
        closed_because="the rule nightly contains this VM, but the policy never does",
    )
    assert headline(card(guarded)) == "\U0001f6e1\ufe0f Not contained, needs on-call: vm-web-01"
    (page, *_) = replies(guarded, None, kind=CopyKind.ONCALL, oncall_mention="")
    assert "nothing was changed in Azure, and you have to act" in str(page.message.blocks)


def test_what_a_pause_holds_back_is_said_of_an_announcement_too() -> None:
    assert Subjects(TOLD, None).waiting


@pytest.mark.parametrize("state", ApprovalState)
@pytest.mark.parametrize("kind", CopyKind)
def test_no_two_replies_of_a_thread_have_the_same_key(state: ApprovalState, kind: CopyKind) -> None:
    approval, containment = b.approval(state=state), b.containment()
    keys = [one.key for one in replies(approval, containment, kind=kind, oncall_mention="")]
    assert len(keys) == len(set(keys))


def test_in_a_list_it_has_reject_alone_and_says_that_no_answer_is_needed() -> None:
    row, buttons = question_blocks(TOLD, b.actor(), b.NOW)
    assert "Announced, no answer needed; it can be rejected until <!date^" in row["text"]["text"]
    assert [one["action_id"] for one in buttons["elements"]] == ["approval.reject"]


@pytest.mark.parametrize("observes", [True, False])
def test_the_status_of_a_vm_says_what_is_only_announced_and_that_the_policy_only_observes(
    observes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    status = VmStatus(
        vm=b.vm_ref(), line=None, questions=[TOLD], containment=None, pause=Pause(), observes=observes
    )
    said = str(vm_status(status, [], now=b.NOW).blocks)
    assert "*Announced*" in said
    assert ("mode: enforce" in said) is observes
