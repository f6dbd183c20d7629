"""What ``/vm-approvals`` answers, within the fifty blocks of a message."""

from collections.abc import Sequence
from datetime import datetime

from bot.cards.blocks.answers import private
from bot.cards.blocks.kit import context, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.overview.rows import contained_row, question_blocks
from bot.cards.blocks.status import RESTORE_COMMAND
from bot.cards.blocks.text import code, counted, escape
from workers.domain.asking.approvals import Approval
from workers.domain.asking.urgency import by_urgency
from workers.domain.containment.containment import Containment
from workers.domain.starts.people import Actor
from workers.use_cases.orders.reading.overview import Waiting

MOST_QUESTIONS = 15
MOST_CONTAINED = 30


def waiting_list(waiting: Waiting, now: datetime) -> Message:
    """What waits for the reader, the most urgent first; and for whom, where they stand in for somebody."""
    doubt = escape(waiting.reader.doubt, 300)
    if not waiting.questions:
        said = "Nothing waits for your answer."
        return private(said, f"{said} {doubt}".strip())
    mine = by_urgency(waiting.questions)
    rows = [
        question_blocks(one, waiting.reader, now, in_stead_of=waiting.in_stead_of.get(one.id)) for one in mine
    ]
    return _listed(rows, "for your answer", doubt)


def questions_list(questions: Sequence[Approval], reader: Actor, now: datetime) -> Message:
    """Open questions, in this order; of many the first ones, and how many there are."""
    if not questions:
        return private("Nothing waits for an answer.", "Nothing waits for an answer.")
    return _listed([question_blocks(one, reader, now) for one in questions], "for an answer")


def _listed(rows: Sequence[Sequence[Block]], whose: str, doubt: str = "") -> Message:
    title = f"{counted(len(rows), 'start')} {'waits' if len(rows) == 1 else 'wait'} {whose}"
    blocks = [section(f"*{title}*"), *(block for row in rows[:MOST_QUESTIONS] for block in row)]
    return Message(title, [*blocks, *context([_more(len(rows) - MOST_QUESTIONS, "riskiest"), doubt])])


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
