"""A card whose confirmation takes two persons: who asked for it and why, and the button for somebody else."""

from datetime import timedelta
from typing import Any

from bot.answers.deciding.confirm_blocks import confirm_dialog
from bot.cards.blocks.card import approval_card
from bot.cards.replies.thread import replies
from tests import builders as b
from tests.unit.bot.cards.blocks.test_card import card, everything
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.two_persons import ConfirmRequest

REQUEST = ConfirmRequest(
    by=b.actor(), at=b.NOW, reason="the <!here> release", expires_at=b.NOW + timedelta(minutes=15)
)


def question(**changes: Any) -> Approval:
    terms = b.approval().terms.changed(second_within=timedelta(minutes=15))
    return b.approval(terms=terms, **{"confirm_request": REQUEST, **changes})


def actions(approval: Approval, reader: str = "") -> list[str]:
    blocks = approval_card(approval, None, kind=CopyKind.OWNER, reader=reader).blocks
    return [one["action_id"] for block in blocks if block["type"] == "actions" for one in block["elements"]]


def test_before_anybody_asked_it_says_that_it_takes_two() -> None:
    assert "It takes two persons to confirm this start." in everything(card(question(confirm_request=None)))


def test_the_second_person_sees_the_first_ones_name_and_reason() -> None:
    said = everything(card(question(), kind=CopyKind.CHANNEL))
    assert "*Alice Example*" in said
    assert "wants to confirm this start. Reason: \u201cthe" in said
    assert "<!here>" not in said
    assert "Confirm makes you the second person, until <!date^" in said
    assert actions(question())[:2] == ["approval.confirm", "approval.reject"]


def test_the_second_persons_dialog_says_who_asked_and_why() -> None:
    said = str(confirm_dialog(question())["blocks"])
    assert "*Alice Example* (alice@contoso.com) wants to confirm this start." in said
    assert "release" in said
    assert "It takes two persons" in str(confirm_dialog(question(confirm_request=None))["blocks"])


def test_the_first_persons_own_copy_has_no_button_to_confirm() -> None:
    message = approval_card(question(), None, kind=CopyKind.OWNER, reader="Alice@contoso.com")
    assert "You asked for this start to be confirmed" in everything(message)
    assert "approval.confirm" not in actions(question(), reader="Alice@contoso.com")
    assert "approval.reject" in actions(question(), reader="Alice@contoso.com")


def test_a_decided_card_names_both() -> None:
    decision = b.decision(answer="confirm", by=b.oncall(), reason="").changed(requested=REQUEST)
    said = everything(card(b.approval(state="CONFIRMED", decision=decision)))
    assert "Confirmed by *Olga Oncall*" in said
    assert "Asked for by *Alice Example*" in said


def test_the_thread_asks_for_the_second_person_and_calls_on_call_only_in_its_channel() -> None:
    for kind, pages in ((CopyKind.OWNER, False), (CopyKind.ONCALL, True)):
        found = replies(question(), None, kind=kind, oncall_mention="<!subteam^S0ONCALL1>")
        (second,) = [one for one in found if one.key.startswith("second.")]
        assert ("<!subteam^" in everything(second.message), second.pages) == (pages, pages)
        assert "It takes two persons: somebody else has to confirm" in everything(second.message)


def test_when_the_time_is_over_the_thread_says_so() -> None:
    expired = question(confirm_request=REQUEST.changed(expired=True))
    found = replies(expired, None, kind=CopyKind.OWNER, oncall_mention="")
    (over,) = [one for one in found if one.key.startswith("second.")]
    assert over.key.endswith(".over")
    assert "Nobody else confirmed it in time" in everything(over.message)
    assert "It takes two persons to confirm this start." in everything(card(expired))
