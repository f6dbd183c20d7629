"""The replies about a restore: who ordered it, how each step's undo goes, what to do by hand."""

from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import (
    STEPS,
    bare_note,
    note,
    read_back,
    request_line,
    restore_line,
    undo_command,
)
from bot.cards.blocks.text import calling, code, escape, name, when
from bot.cards.replies.containment.by_hand import undo_remedy
from bot.cards.replies.containment.step_state import begun, step_state
from workers.domain.containment.containment import (
    Containment,
    ContainmentState,
    Restoration,
    Step,
    StepState,
)
from workers.domain.containment.ending.two_persons import RestoreRequest
from workers.domain.starts.vm import VmRef

_MOST_LINES = 8  # an Azure VM has at most so many network interfaces


def restore_replies(containment: Containment, oncall_mention: str) -> list[Reply]:
    """The replies about the newest restore, if there is one. Its success is the containment's result."""
    restoration = containment.restoration
    if containment.restore_request is not None:
        return [_requested(containment, containment.restore_request, oncall_mention)]
    if restoration is None:
        return []
    vm = name(containment.vm.name)
    key = f"{containment.round}.{restoration.number}"
    headline = f"The isolation of {vm} ended" if restoration.expired else f"Restore of {vm} ordered"
    found = [_reply(f"restore.{key}", headline, restore_line(restoration))]
    undone = [section(_undo(step, containment.vm)) for step in restoration.steps if begun(step)]
    if undone:
        found.append(Reply(f"undo.{key}", Message(f"Restore of {vm}: how far it is", undone)))
    if containment.state is ContainmentState.INCOMPLETE:
        parts = _incomplete(containment, restoration, oncall_mention)
        found.append(_reply(f"unrestored.{key}", f"Restore incomplete: {vm}", *parts, pages=True))
    return found


def _requested(containment: Containment, request: RestoreRequest, oncall_mention: str) -> Reply:
    """On-call is called: a second person is needed, and what for."""
    calls = calling(oncall_mention)
    undo = undo_command(containment)
    said = f"{calls}{request_line(request)} To see what comes back and confirm it: {undo}."
    key = f"request.{containment.round}.{request.at:%Y%m%d%H%M%S}"
    return _reply(key, f"Second person needed to restore {name(containment.vm.name)}", said, pages=True)


def _undo(step: Step, vm: VmRef) -> str:
    """What is so now, such as ``Power: already running``; until then, how far its undo is."""
    area, (state, about) = STEPS[step.name].area, step_state(step, vm)
    at = f" {when(step.ended_at)}" if step.ended and step.ended_at else ""
    if step.state is StepState.DONE and step.note:
        proof = f"verified in Azure{at}" if read_back(step) else at.strip()
        return f"*{area}:* {bare_note(step, vm, 600)}{f' ({proof})' if proof else ''}."
    return " ".join([f"*{area}:* {state}{at}.", *filter(None, about)])


def _incomplete(containment: Containment, restoration: Restoration, oncall_mention: str) -> list[str]:
    """Who has to act, what is not undone and why, what to do by hand, and that the VM counts as contained."""
    vm = code(containment.vm.name)
    calls = calling(oncall_mention)
    parts = [f"{calls}{vm} is *not fully restored*."]
    for step in restoration.steps:
        title, why = STEPS[step.name].area, note(step, containment.vm, 500)
        if step.state is StepState.SKIPPED and step.change is not None:
            parts.append(f"\u2022 *{title}:* skipped. {why}")
        elif step.state is StepState.FAILED:
            left = f"\u2022 *{title}:* not undone. {why} By hand: {undo_remedy(step.name)}."
            parts.append("\n".join([left, *_as_it_was(step)]))
    parts.append(
        f"Then run {undo_command(containment)} again. Until {vm} is restored it counts as contained, and is"
        " contained again when somebody starts it."
    )
    return parts


def _as_it_was(step: Step) -> list[str]:
    """What has to come back, as the step recorded it."""
    lines = [f"    {escape(line, 200)}" for line in (step.change.back if step.change else ())]
    return [listed(lines, _MOST_LINES, "change", between="\n")] if lines else []


def _reply(key: str, text: str, *parts: str, pages: bool = False) -> Reply:
    return Reply(key, Message(text, [section(part) for part in parts]), pages)
