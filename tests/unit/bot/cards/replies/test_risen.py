"""A risk that has risen is told in the thread, since nobody hears of an edit."""

import pytest

from bot.cards.replies.risen import risen_replies
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as b
from tests.unit.bot.cards.replies.test_thread import keys
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.starts.risk import Level

MALLORY = b.caller(name="Mallory", email="mallory@contoso.com", mfa=False, ip="192.0.2.66")


def asked(was: Level, **changes: object) -> Approval:
    event = b.start_event(caller=MALLORY)
    return b.approval(event=event, risk=b.insight(event).risk, level_when_opened=was, **changes)


@pytest.mark.parametrize("was", [Level.LOW, Level.MEDIUM])
def test_it_says_what_it_was_and_why_it_is_higher(was: Level) -> None:
    (reply,) = risen_replies(asked(was))
    assert check_blocks(reply.message.blocks, "message") == []
    assert reply.key == "risk.high"
    assert reply.message.text == "High risk: vm-web-01"
    text = reply.message.blocks[0]["text"]["text"]
    assert text.startswith(f"`vm-web-01`: the risk is high now; it was {was} when this was asked.")
    assert "*High risk: unauthorized access*" in text
    assert "the sign-in from 203.0.113.7" in text


def test_at_high_risk_it_asks_for_an_answer_also_if_the_start_was_announced_at_first() -> None:
    (reply,) = risen_replies(asked(Level.LOW))
    assert "Was this start expected? Please answer on the card by <!date^" in str(reply.message.blocks)
    (announced,) = risen_replies(asked(Level.LOW, state=ApprovalState.TOLD, terms=b.announced()))
    assert "Please answer" not in str(announced.message.blocks)


def test_it_stands_in_the_thread_of_an_open_question_only() -> None:
    assert keys(asked(Level.LOW)) == ["risk.high"]
    assert "risk.high" not in keys(asked(Level.LOW, state=ApprovalState.CONFIRMED))


def test_a_risk_that_is_as_it_was_asked_is_no_news() -> None:
    assert risen_replies(asked(Level.HIGH)) == []
    assert risen_replies(b.approval()) == []
