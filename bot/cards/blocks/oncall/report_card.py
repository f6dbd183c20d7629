"""What on-call is told about the policy: what it would have done on a day, and rules that are drafted."""

from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, counted, escape, name
from workers.domain.asking.notices.reports import ObservedDay, PolicyReport, RuleDraft

_MOST_PEOPLE = 8
_LONGEST_RULE = 2800


def report_card(report: PolicyReport) -> Message:
    """The report as a message that mentions nobody."""
    if report.observed is not None:
        return _observed_day(report.observed)
    if report.draft is not None:
        return _drafted_rule(report.draft)
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


def _drafted_rule(draft: RuleDraft) -> Message:
    """The rule to copy, on which answers it rests, and that nothing changes by itself."""
    place = code(draft.place) if draft.one_vm else f"a VM of {code(draft.place)}"
    who = f"*{escape(draft.caller, 80)}*"
    head = (
        f"*Drafted rule:* {counted(draft.confirmed, 'start')} of {place} by {who} at like hours were"
        f" confirmed. This rule would have passed {counted(draft.passed, 'start')} in {draft.days}"
        " days, none of which was rejected."
    )
    where = f"before the rule {code(draft.before)}" if draft.before else "at the end of your rules"
    todo = (
        f"To use it, put it under {code('rules:')} {where}, and try it first:"
        f" {code('startgate policy replay')}. Nothing changes by itself."
    )
    rule = f"```{escape(draft.yaml.replace('`', '_'), _LONGEST_RULE)}```"
    return Message(f"Drafted rule: {name(draft.name)}", [section(head), section(rule), section(todo)])
