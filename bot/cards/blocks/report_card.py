"""What on-call is told about the policy: in one line, what it would have done on a day that it observed."""

from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, counted, escape
from workers.domain.asking.reports import ObservedDay, PolicyReport

_MOST_PEOPLE = 8


def report_card(report: PolicyReport) -> Message:
    """The report as a message that mentions nobody."""
    if report.observed is not None:
        return _observed_day(report.observed)
    return Message("About the policy", [section("A newer version of Startgate reports something here.")])


def _observed_day(day: ObservedDay) -> Message:
    exposed = f" ({day.exposed} of them contained if nobody answered)" if day.exposed else ""
    head = (
        f"*Observed on {day.day} (UTC):* of {counted(day.starts, 'start')}, {day.asked} would have been asked"
        f" about{exposed}, {day.told} told of, {day.passed} passed and {day.contained} contained by a rule."
    )
    people = [f"{escape(whom, 80)} {count}" for whom, count in day.messages.items()]
    reached = f" Messages, at least: {listed(people, _MOST_PEOPLE, 'recipient')}." if people else ""
    mode = f" Nobody was asked and nothing was changed, because the mode is {code('observe')}."
    title = f"Observed on {day.day}: {counted(day.starts, 'start')}, nobody was asked"
    return Message(title, [section(f"{head}{reached}{mode}")])
