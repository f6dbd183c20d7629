"""What ``/vm-approvals`` answers, within the fifty blocks of a message."""

from collections.abc import Sequence
from datetime import datetime

from bot.cards.blocks.answers import private
from bot.cards.blocks.kit import context, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.overview.rows import contained_row, question_blocks
from bot.cards.blocks.status import RESTORE_COMMAND
from bot.cards.blocks.text import code, counted
from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment
from workers.domain.starts.people import Actor

MOST_QUESTIONS = 15
MOST_CONTAINED = 30


def questions_list(
    questions: Sequence[Approval], reader: Actor, now: datetime, *, mine: bool = False
) -> Message:
    """Open questions, in this order; of many the first ones, and how many there are."""
    if not questions:
        said = "Nothing waits for your answer." if mine else "Nothing waits for an answer."
        return private(said, said)
    whose = "for your answer" if mine else "for an answer"
    title = f"{counted(len(questions), 'start')} {'waits' if len(questions) == 1 else 'wait'} {whose}"
    blocks = [section(f"*{title}*")]
    for one in questions[:MOST_QUESTIONS]:
        blocks += question_blocks(one, reader, now)
    return Message(title, [*blocks, *context([_more(len(questions) - MOST_QUESTIONS, "riskiest")])])


def contained_list(containments: Sequence[Containment], now: datetime) -> Message:
    """Contained VMs, in this order; of many the first ones, and how many there are."""
    if not containments:
        return private("No VM is contained", "No VM is contained now.")
    count = len(containments)
    title = f"{counted(count, 'VM')} {'is' if count == 1 else 'are'} contained"
    rows = [section(contained_row(one, now)) for one in containments[:MOST_CONTAINED]]
    undo = f"{code(f'{RESTORE_COMMAND} VM')} undoes a containment, after showing what comes back."
    return Message(
        title, [section(f"*{title}*"), *rows, *context([_more(count - MOST_CONTAINED, "worst"), undo])]
    )


def _more(left: int, which: str) -> str:
    return f"These are the {which}; {left} more are not listed." if left > 0 else ""
