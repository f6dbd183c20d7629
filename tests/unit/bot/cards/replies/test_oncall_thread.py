"""What on-call is told at once, in their own copy of a card."""

from bot.cards.blocks.card import approval_card
from bot.cards.blocks.message import Reply
from bot.cards.blocks.oncall.containment_card import lockdown_card
from bot.cards.replies.thread import replies
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as b
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import CauseKind

ONCALL = "<!subteam^S0ONCALL1>"
UNOWNED = {"owner": b.owner(emails=(), source="no tag owner or contact"), "asked_whom": ()}


def thread(approval: Approval, kind: CopyKind = CopyKind.ONCALL) -> dict[str, Reply]:
    found = replies(approval, None, kind=kind, oncall_mention=ONCALL)
    assert all(check_blocks(reply.message.blocks, "message") == [] for reply in found)
    return {reply.key: reply for reply in found}


def said(reply: Reply) -> str:
    return str(reply.message.blocks[0]["text"]["text"])


def test_a_rejection_pages_with_who_whose_start_and_that_access_is_still_active() -> None:
    page = thread(b.approval(state=ApprovalState.REJECTED))["rejection"]
    assert page.pages
    text = said(page)
    assert text.startswith(
        f"{ONCALL}: *Alice Example* (alice@contoso.com) rejected a start."
        " Reason: \u201cI did not start this.\u201d"
    )
    assert "*Alice Example* (user, alice@contoso.com) started `vm-web-01`." in text
    assert "by the Azure role Virtual Machine Contributor on the whole subscription." in text
    assert "The VM is being contained" in text
    assert "*The caller's access is still active:*" in text


def test_only_the_copy_of_on_call_pages_about_it() -> None:
    for kind in (CopyKind.OWNER, CopyKind.CHANNEL):
        assert "rejection" not in thread(b.approval(state=ApprovalState.REJECTED), kind)
        assert "asked" not in thread(b.approval(**UNOWNED), kind)


def test_a_vm_without_an_owner_asks_on_call_by_name() -> None:
    page = thread(b.approval(**UNOWNED))["asked"]
    assert page.pages
    assert said(page).startswith(f"{ONCALL}: no owner is known for `vm-web-01`, so you are asked.")
    assert "Please confirm or reject in the message above by <!date^" in said(page)


def test_an_owner_who_was_asked_leaves_on_call_alone() -> None:
    assert not thread(b.approval())


def test_once_escalated_on_call_is_called_by_the_escalation_alone() -> None:
    found = thread(b.approval(**UNOWNED, escalated_at=b.NOW))
    assert list(found) == ["escalation"]


def test_the_card_says_once_that_there_is_no_owner_and_does_not_claim_a_wait() -> None:
    approval = b.approval(**UNOWNED, notice="no tag owner or contact")
    text = str(approval_card(approval, None, kind=CopyKind.ONCALL).blocks)
    assert text.count("no tag owner or contact") == 1
    assert "No answer yet" not in text


def test_owners_hear_in_their_thread_that_on_call_has_locked_their_vm_down() -> None:
    approval = b.approval(state=ApprovalState.WITHDRAWN)
    cause = b.cause(kind=CauseKind.LOCKDOWN, by=b.oncall(), reason="odd traffic")
    found = replies(approval, b.containment(cause=cause), kind=CopyKind.OWNER, oncall_mention=ONCALL)
    (told,) = [reply for reply in found if reply.key.startswith("lockdown.")]
    assert "Locked down by *Olga Oncall*" in said(told)
    assert "odd traffic" in said(told)
    assert not told.pages


def test_an_owner_nobody_asked_gets_the_lockdowns_card_with_why_it_comes_to_them() -> None:
    cause = b.cause(kind=CauseKind.LOCKDOWN, by=b.oncall(), reason="odd traffic")
    locked = b.containment(cause=cause, owner=b.owner())
    text = str(lockdown_card(locked, kind=CopyKind.OWNER).blocks)
    assert "Locked down by *Olga Oncall*" in text
    assert "You are told because you own this VM (tag owner)." in text
    assert "You are told" not in str(lockdown_card(locked).blocks)
