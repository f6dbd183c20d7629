"""How one VM stands: power, containment, questions, its last starts and what became of them."""

from collections.abc import Sequence
from datetime import datetime

from bot.cards.blocks import evidence, risk
from bot.cards.blocks.brakes.paused import pause_line
from bot.cards.blocks.kit import context, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.overview.rows import contained_row, question_row
from bot.cards.blocks.status import approval_headline, person
from bot.cards.blocks.text import ago, code, escape, name, when
from workers.domain.asking.approvals import Approval
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.past.entries import What
from workers.use_cases.orders.reading.lately import LateStart
from workers.use_cases.orders.reading.overview import VmStatus

_MOST_QUESTIONS = 5
_OBSERVES = (
    "The policy's mode is `observe`: nobody is asked and nothing is written to Azure, until it says"
    " `mode: enforce`."
)
_PASSED = {What.PASSED: "passed by the policy", What.FAILED: "failed", What.STARTED: "no answer is kept"}


def vm_status(status: VmStatus, starts: Sequence[LateStart], *, now: datetime) -> Message:
    """All of it, the most urgent first."""
    vm, line = status.vm, status.line
    power = f"*{line.power}* (seen {ago(line.seen_at, now)})" if line else "not listed yet"
    held = status.containment
    state = (
        "being contained or contained"
        if held
        else "a question is open"
        if any(one.asks for one in status.questions)
        else "nothing is open"
    )
    blocks = [
        section(f"*{code(vm.name)}* {power}\n{evidence.place(vm, line.subscription_name if line else '')}"),
        *([section(contained_row(held, now))] if held else []),
        *(
            section(f"*{'Open question' if one.asks else 'Announced'}*\n{question_row(one, now)}")
            for one in status.questions[:_MOST_QUESTIONS]
        ),
        *(section(_expected(one)) for one in status.expected if now < one.end),
        section("*Last starts*" if starts else "No start is remembered."),
        *(section(start_line(one)) for one in starts),
        *context(
            [
                pause_line(status.pause) if status.pause.on(now) else "",
                _OBSERVES if status.observes else "",
                "" if held or status.questions else "Nothing is open, and it is not contained.",
            ]
        ),
    ]
    return Message(f"{name(vm.name)}: {state}", blocks)


def _expected(one: Expectation) -> str:
    """Who expects a start, until when and why."""
    caller = f" by {code(one.caller, 80)}" if one.caller else ""
    span = f"from {when(one.begin)} to {when(one.end)}"
    why = f"{escape(one.reason, 150)} ({escape(one.by, 80)})"
    return f"*Start expected*{caller} {span}: {why}"


def start_line(start: LateStart) -> str:
    """``today at 3:49 AM by Alice (user): confirmed by Bob``, as mrkdwn."""
    question = start.question
    if question is None:
        return f"\u2022 {when(start.at)} by {code(start.who or 'unknown')}: {_PASSED[start.what]}"
    return f"\u2022 {when(start.at)} by {evidence.caller(question.event.caller)}: {_answer(question)}"


def _answer(question: Approval) -> str:
    risky = f", {risk.words(question.risk).lower()}" if question.risk else ""
    decision = question.decision
    if decision is None:
        return f"{approval_headline(question, None).words}{risky}"
    said = f"{decision.past_tense.lower()} by {person(decision.by)} {when(decision.at)}{risky}."
    reason = escape(decision.reason, 150)
    return f"{said} \u201c{reason}\u201d" if reason else said
