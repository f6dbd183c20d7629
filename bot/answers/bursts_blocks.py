"""What whoever answers several questions at once is told."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import counted
from workers.domain.asking.decisions import Answer


def ordered(answer: Answer, count: int) -> Message:
    """So many get this answer now; the card shows each as it is recorded."""
    doing = "Confirming" if answer is Answer.CONFIRM else "Rejecting"
    starts = counted(count, "start")
    return private(f"{doing} {starts}", f"{doing} {starts}. The card shows each as it is recorded.")


def nothing_left() -> Message:
    """Others have answered all of them, or they need an answer each."""
    return private(
        "Nothing to answer",
        "None of these starts waits for an answer to all of them any more. Nothing was recorded.",
    )
