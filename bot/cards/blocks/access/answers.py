"""What both persons are told privately: that a second one is needed, and what their press has done."""

from bot.cards.blocks.access.card import how_to_end, wanted
from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import clock, escape
from workers.domain.asking.access import AccessRequest, AccessState


def second_needed(asked: AccessRequest) -> Message:
    """The first person has asked. Nothing has changed yet."""
    return private(
        "A second person is needed",
        f"*Nothing has changed yet.* You want {wanted(asked)}. It takes two persons: somebody else has to"
        f" approve it by {clock(asked.request.expires_at)}. On-call's channel was asked, and you are told"
        " what becomes of it.",
    )


def replied(asked: AccessRequest) -> Message:
    """The second person's press counts."""
    if asked.state is AccessState.APPROVED:
        return private("Approved", f"Approved and done.{how_to_end(asked)}")
    return private("Declined", "Declined. Nothing was changed.")


def ended_already(outcome: str) -> Message:
    """Somebody was faster, or its time is over."""
    return private("Already ended", f"{escape(outcome, 300)} Your answer was not recorded.")
