"""A decided card: the outcome leads, and the evidence is shown as what it was at the start."""

import pytest

from bot.cards.blocks.card import AT_THE_START, approval_card
from bot.cards.blocks.message import Block
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as b
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import ContainmentState

DECIDED = [state for state in ApprovalState if not b.approval(state=state).open]


def blocks(approval: Approval, contained: ContainmentState | None = None) -> list[Block]:
    containment = b.containment(state=contained) if contained else None
    message = approval_card(approval, containment, kind=CopyKind.OWNER)
    assert check_blocks(message.blocks, "message") == []
    return message.blocks


def with_evidence(found: list[Block]) -> Block:
    (one,) = [block for block in found if "Running" in str(block) or "Open to the Internet" in str(block)]
    return one


@pytest.mark.parametrize("state", DECIDED)
def test_its_evidence_is_labelled_as_of_the_start_below_the_outcome(state: ApprovalState) -> None:
    found = blocks(b.approval(state=state))
    evidence = with_evidence(found)
    assert evidence["text"]["text"] == AT_THE_START == "*At the start*"
    assert found.index(evidence) == 2
    assert "fields" not in found[1]
    lead = found[1]["text"]["text"].splitlines()
    assert "started" not in lead[0]
    assert "Alice Example" in lead[-1]


def test_a_contained_vm_does_not_read_as_running() -> None:
    found = blocks(b.approval(state=ApprovalState.REJECTED), ContainmentState.CONTAINED)
    assert "CONTAINED" in found[0]["text"]["text"]
    assert "*Contained:*" in found[1]["text"]["text"]
    assert with_evidence(found)["text"]["text"] == AT_THE_START


def test_an_open_question_shows_its_evidence_as_what_is() -> None:
    found = blocks(b.approval())
    assert found.index(with_evidence(found)) == 1
    assert AT_THE_START not in str(found)
