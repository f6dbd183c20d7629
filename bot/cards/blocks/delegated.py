"""On a card that waits for an answer: who may give it in an owner's stead."""

from collections.abc import Sequence

from bot.cards.blocks.kit import context, listed
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import mention, when
from workers.domain.asking.approvals import Approval
from workers.domain.asking.delegations import Delegation

_MOST = 5


def with_delegations(
    card: Message, approval: Approval | None, delegations: Sequence[Delegation], *, waits: bool = False
) -> Message:
    """The card with a line about those that count for it, before its buttons.

    Args:
        card: without it.
        approval: the question; of several for one owner, the first.
        delegations: all that count at the moment.
        waits: whether another of several questions waits for an answer.
    """
    if approval is None or not (approval.open or waits):
        return card
    parts = [
        f"{mention(one.to)} in the stead of {mention(one.giver)} until {when(one.until)}"
        for one in delegations
        if one.as_giver.owns(approval.owner)
    ]
    if not parts:
        return card
    *body, buttons = card.blocks
    line = context([f"Can answer, too: {listed(parts, _MOST, 'person')}."])
    return Message(card.text, [*body, *line, buttons])
