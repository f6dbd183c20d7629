"""What whoever answers the question about the cap is told."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import counted, escape, when
from workers.domain.containment.brakes.cap import CapAsked


def going_on(count: int) -> Message:
    """So many go on now."""
    return private("Going on", f"Going on with {counted(count, 'containment')}.")


def held_back(asked: CapAsked) -> Message:
    """Nothing that waits goes on for now."""
    until = asked.answer.until if asked.answer is not None else None
    at = f" until {when(until)}" if until is not None else ""
    return private("Held back", f"{counted(len(asked.waiting), 'containment')} held back{at}.")


def too_late(outcome: str) -> Message:
    """Somebody was first."""
    return private("Already answered", f"{escape(outcome, 300)} Your answer was not recorded.")
