"""What ``/vm-report`` says in words: for whoever sees no picture, too."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import counted, duration
from workers.use_cases.orders.reading.report import (
    ANSWERS,
    CONFIRMED,
    REJECTED,
    SILENCE,
    VERDICTS,
    Day,
    Report,
)


def summary(report: Report) -> str:
    """The totals, without mark-up."""
    starts = ", ".join(f"{report.total(verdict)} {verdict}" for verdict in VERDICTS)
    said = ", ".join(f"{report.total(answer)} {answer}" for answer in ANSWERS)
    usual, slow = report.usual_answer, report.slow_answer
    took = (
        f" Half of the answers took at most {duration(usual)}, nine of ten at most {duration(slow)}."
        if usual is not None and slow is not None
        else " Nobody has answered."
    )
    asked = report.total(CONFIRMED) + report.total(REJECTED) + report.total(SILENCE)
    silent = f" Of {asked} questions that ended, {report.total(SILENCE)} got no answer." if asked else ""
    return f"Starts in {counted(len(report.days), 'day')}: {starts}. Answers: {said}.{took}{silent}"


def alt_text(report: Report) -> str:
    """What a screen reader says of the picture: each day with its starts, within Slack's 1000 characters."""
    days = "; ".join(f"{day.day.isoformat()} {_of_day(day)}" for day in report.days)
    return f"Starts by day and verdict. {days}"[:1000]


def _of_day(day: Day) -> str:
    return ", ".join(f"{day.counts[one]} {one}" for one in VERDICTS if day.counts[one]) or "none"


def sent(report: Report) -> Message:
    """The files are in the reader's direct messages."""
    return private("Report", f"{summary(report)}\nThe picture and the table are in your messages from me.")
