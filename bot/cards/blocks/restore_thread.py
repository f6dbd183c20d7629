"""The replies about a restore: who ordered it, each step's undo, and what is left to do by hand."""

from bot.cards.blocks.by_hand import undo_remedy
from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import STEPS, restore_line, sentence, undo_command
from bot.cards.blocks.text import code, counted, escape, when
from workers.domain.containment.containment import (
    MAX_ATTEMPTS,
    Containment,
    ContainmentState,
    Restoration,
    Step,
    StepState,
)

_MOST_LINES = 8  # an Azure VM has at most so many network interfaces


def restore_replies(containment: Containment, oncall_mention: str) -> list[Reply]:
    """All that is said about the newest restore; nothing if there is none. That it succeeded is a result."""
    restoration = containment.restoration
    if restoration is None:
        return []
    name = escape(containment.vm.name, 80)
    key = f"{containment.round}.{restoration.number}"
    found = [_reply(f"restore.{key}", f"Restore of {name} ordered", restore_line(restoration))]
    found += [_undo(step, key) for step in restoration.steps if _begun(step)]
    if containment.state is ContainmentState.INCOMPLETE:
        parts = _incomplete(containment, restoration, oncall_mention)
        found.append(_reply(f"unrestored.{key}", f"Restore incomplete: {name}", *parts, pages=True))
    return found


def _begun(step: Step) -> bool:
    return step.state is not StepState.TODO or step.attempt > 0 or bool(step.note)


def _undo(step: Step, key: str) -> Reply:
    title = f"Undo: {STEPS[step.name].title}"
    state, about = _state(step)
    at = f" {when(step.ended_at)}" if step.ended and step.ended_at else ""
    body = " ".join([f"*{title}* {state}{at}.", *filter(None, about)])
    return _reply(f"undo.{step.name}.{key}", f"{title}: {state}", body)


def _state(step: Step) -> tuple[str, list[str]]:
    """Where an undo is in two or three words, and sentences about it."""
    note = sentence(escape(step.note, 600))
    match step.state:
        case StepState.TODO:
            next_try = f"Next attempt {when(step.look_at)}." if step.look_at else ""
            return "is to be tried again", [note, next_try]
        case StepState.STARTED:
            again = f", attempt {step.attempt} of {MAX_ATTEMPTS}" if step.attempt > 1 else ""
            return f"under way{again}", [note]
        case StepState.DONE:
            return "done", [f"Read back: {note}" if note else ""]
        case StepState.FAILED:
            after = f" after {counted(step.attempt, 'attempt')}" if step.attempt > 1 else ""
            return f"failed{after}", [f"Reason: {note}" if note else ""]
        case StepState.SKIPPED:
            return "skipped", [note]


def _incomplete(containment: Containment, restoration: Restoration, oncall_mention: str) -> list[str]:
    """Who has to act, what is left and why, what to do by hand, and that the VM still counts as contained."""
    vm = code(containment.vm.name)
    calls = f"{oncall_mention}: " if oncall_mention else "On-call: "
    parts = [f"{calls}{vm} is *not fully restored*."]
    for step in restoration.steps:
        title, why = STEPS[step.name].title, sentence(escape(step.note, 500))
        if step.state is StepState.SKIPPED and step.change is not None:
            parts.append(f"\u2022 Undo of *{title}* was skipped. {why}")
        elif step.state is StepState.FAILED:
            left = f"\u2022 *{title}* is not undone. {why} By hand: {undo_remedy(step.name)}."
            parts.append("\n".join([left, *_as_it_was(step)]))
    parts.append(
        f"Then type {undo_command(containment)} again: until {vm} is restored it counts as contained, and is"
        " contained once more when somebody starts it."
    )
    return parts


def _as_it_was(step: Step) -> list[str]:
    """What has to come back, as the step recorded it."""
    lines = [f"    {escape(line, 200)}" for line in (step.change.back if step.change else ())]
    return [listed(lines, _MOST_LINES, "change", between="\n")] if lines else []


def _reply(key: str, text: str, *parts: str, pages: bool = False) -> Reply:
    return Reply(key, Message(text, [section(part) for part in parts]), pages)
