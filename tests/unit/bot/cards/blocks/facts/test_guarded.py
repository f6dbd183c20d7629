"""A VM of the guarded set: the card, the dialog and on-call's page say that it is never contained."""

import json
from typing import Any

import pytest

from bot.answers.deciding.reject_blocks import decided_dialog, reject_dialog
from bot.cards.blocks.answers import recorded
from bot.cards.blocks.card import approval_card
from bot.cards.replies.thread import replies
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as b
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.policy.model import OnSilence

NEVER = "The policy never contains this VM (domain controllers)"


def guarded(**changes: Any) -> Approval:
    return b.approval(guarded="domain controllers", **changes)


def shown(approval: Approval, kind: CopyKind = CopyKind.OWNER) -> str:
    message = approval_card(approval, None, kind=kind)
    assert check_blocks(message.blocks, "message") == []
    return json.dumps(message.blocks, ensure_ascii=False)


def test_the_open_question_says_what_reject_does_and_no_more_once_it_is_answered() -> None:
    assert f"*{NEVER}.* Reject calls on-call; nothing is changed in Azure." in shown(guarded())
    assert NEVER not in shown(guarded(state=ApprovalState.CONFIRMED))
    assert "never contains" not in shown(b.approval())


@pytest.mark.parametrize("on_silence", [OnSilence.ISOLATE, OnSilence.CONTAIN])
def test_silence_is_not_said_to_contain_it(on_silence: OnSilence) -> None:
    text = shown(guarded(terms=b.terms(on_silence=on_silence)))
    assert "on-call decides" in text
    assert "the VM is contained" not in text
    assert "the VM is isolated" not in text


def test_the_reject_dialog_lists_no_step_and_says_whom_it_calls() -> None:
    view = reject_dialog(guarded())
    assert check_view(view, "modal") == []
    text = json.dumps(view, ensure_ascii=False)
    assert NEVER in text
    assert "Rejecting calls on-call" in text
    assert "Isolate" not in text
    assert view["submit"]["text"] == "Reject, call on-call"
    assert view["private_metadata"] == guarded().id


def test_on_call_is_paged_to_act_by_hand() -> None:
    rejected = guarded(state=ApprovalState.REJECTED)
    found = replies(rejected, None, kind=CopyKind.ONCALL, oncall_mention="<!subteam^S0ONCALL1>")
    page = next(reply for reply in found if reply.key == "rejection")
    text = str(page.message.blocks[0]["text"]["text"])
    assert page.pages
    assert f"*{NEVER}, so nothing was changed in Azure, and you have to act:*" in text
    assert "being contained" not in text


def test_nobody_is_told_that_it_is_being_contained() -> None:
    rejected = guarded(state=ApprovalState.REJECTED)
    told = json.dumps([recorded(rejected).blocks, decided_dialog(rejected)], ensure_ascii=False)
    assert "on-call was called" in told
    assert "being contained" not in told
