"""A VM that is contained time and again makes its thread longer, not its card."""

from bot.cards.replies.thread import replies, without_past_rounds
from tests import builders as a
from workers.domain.asking.cards import Card, Copy, CopyKind, Post
from workers.domain.containment.containment import Containment, ContainmentState

POST = Post(intent="i", intended_at=a.NOW, ts="1.0", shows="x")
OF_THE_QUESTION = {"reminder": POST, "decision": POST}


def card_after(held: Containment, before: Card) -> Card:
    """Every reply that is due now is posted."""
    card = without_past_rounds(before, held)
    for reply in replies(None, held, kind=CopyKind.OWNER, oncall_mention=""):
        card = card.with_post("owner:D1", reply.key, POST)
    return card


def test_a_card_holds_the_replies_of_this_round_and_of_its_question() -> None:
    card = Card(
        id=a.approval().id,
        copies=(Copy(kind=CopyKind.OWNER, channel="D1", root=POST, replies=OF_THE_QUESTION),),
    )
    sizes = []
    for round_ in range(1, 12):
        held = a.containment(state=ContainmentState.CONTAINED, round=round_)
        card = card_after(held, card)
        sizes.append(len(card.copies[0].replies))
    assert set(sizes[1:]) == {sizes[1]}, "it does not grow"
    keys = set(card.copies[0].replies)
    assert keys >= {"reminder", "decision", "again.11", "steps.11", "result.11"}
    assert not any(".10" in key or key.endswith(".1") for key in keys)


def test_a_card_without_a_containment_is_left_alone() -> None:
    card = Card(id=a.approval().id)
    assert without_past_rounds(card, None) is card
