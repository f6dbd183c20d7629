"""What whoever answers several questions at once is told."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import clock, counted
from workers.domain.asking.decisions import Answer
from workers.use_cases.asking.answer_all import Given


def ordered(answer: Answer, given: Given) -> Message:
    """So many get this answer now, or need a second person; the card shows each as it is recorded."""
    doing = "Confirming" if answer is Answer.CONFIRM else "Rejecting"
    starts = counted(given.starts - given.seconds, "start")
    lines = [f"{doing} {starts}."] if given.starts > given.seconds else []
    title = f"{doing} {starts}"
    if given.seconds:
        asked = counted(given.seconds, "start")
        need = "needs" if given.seconds == 1 else "need"
        until = f" until {clock(given.until)}" if given.until else ""
        lines.append(f"{asked} {need} a second person to confirm, too. Somebody else can{until}.")
        title = f"A second person is asked: {asked}"
    return private(title, f"{' '.join(lines)} The card shows each as it is recorded.")


def nothing_left() -> Message:
    """Others have answered all of them, or they need an answer each."""
    return private(
        "Nothing to answer",
        "None of these starts waits for an answer to all of them any more. Nothing was recorded.",
    )
