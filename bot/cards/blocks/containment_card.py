"""The card of a containment that nobody was asked about: an on-call engineer typed ``/vm-lockdown``."""

from bot.cards.blocks import evidence
from bot.cards.blocks.kit import context, header, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import (
    STEP_STATES,
    STEPS,
    UNDO_STATES,
    cause_line,
    containment_headline,
    progress,
    undo_command,
)
from bot.cards.blocks.text import code, escape
from workers.domain.containment.containment import Containment, ContainmentState, Step, StepState

_CAN_BE_UNDONE = {ContainmentState.CONTAINED, ContainmentState.INCOMPLETE}


def lockdown_card(containment: Containment) -> Message:
    """The card as it has to look now: which VM, by whom and why, every step, and how to take it back."""
    vm, headline = containment.vm, containment_headline(containment)
    machine = f"*Machine*\n{'Classic VM ' if vm.classic else ''}{code(vm.name)}"
    undo = f"To undo it, on-call types {undo_command(containment)}."
    return Message(
        f"{headline.words}: {escape(vm.name, 80)}",
        [
            header(headline.of(vm)),
            section(
                f"{cause_line(containment)}\n{progress(containment)}",
                [
                    machine,
                    f"*Where*\n{evidence.place(vm, '')}",
                    *_steps(containment),
                ],
            ),
            *context([undo] if containment.state in _CAN_BE_UNDONE else []),
        ],
    )


def _steps(containment: Containment) -> list[str]:
    """Each step, or its undo once that has been ordered."""
    if containment.restoration is None:
        return [f"*{STEPS[s.name].title}*\n{_state(s, STEP_STATES)}" for s in containment.steps]
    undos = containment.restoration.steps
    # Without the change: its summary says what was done, not what is being taken back.
    return [f"*Undo: {STEPS[s.name].title}*\n{_state(s.changed(change=None), UNDO_STATES)}" for s in undos]


def _state(step: Step, states: dict[StepState, str]) -> str:
    """The state with its note, or with the change while there is none."""
    about = escape(step.note or (step.change.summary if step.change else ""), 300)
    state = states[step.state]
    return "\n".join(filter(None, [f"{state[:1].upper()}{state[1:]}", about]))
