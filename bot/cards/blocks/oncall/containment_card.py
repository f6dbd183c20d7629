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
    done_words,
    note,
    progress,
    reference_line,
    sentence,
    undo_command,
)
from bot.cards.blocks.text import code, escape, name
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import Containment, ContainmentState, Step, StepState
from workers.domain.starts.vm import VmRef

_CAN_BE_UNDONE = {ContainmentState.CONTAINED, ContainmentState.INCOMPLETE}


def lockdown_card(containment: Containment, *, kind: CopyKind = CopyKind.ONCALL) -> Message:
    """The card as it should be now: which VM, by whom and why, every step, and how to undo it.

    The copy of the VM's owner says why they get it.
    """
    vm, headline = containment.vm, containment_headline(containment)
    about = f"*VM*\n{'Classic VM ' if vm.classic else ''}{code(vm.name)}"
    undo = f"On-call can undo this with {undo_command(containment)}."
    return Message(
        f"{headline.words}: {name(vm.name)}",
        [
            header(headline.of(vm)),
            section(
                f"{cause_line(containment)}\n{progress(containment)}",
                [
                    about,
                    f"*Where*\n{evidence.place(vm, '')}",
                    *_steps(containment),
                ],
            ),
            *context(
                [
                    _told(containment, kind),
                    undo if containment.state in _CAN_BE_UNDONE else "",
                    reference_line(containment.id),
                ]
            ),
        ],
    )


def _told(containment: Containment, kind: CopyKind) -> str:
    if kind is not CopyKind.OWNER or containment.owner is None:
        return ""
    return f"You are told because you own this VM ({escape(containment.owner.source, 120)})."


def _steps(containment: Containment) -> list[str]:
    """Each step, or its undo once that has been ordered."""
    vm = containment.vm
    if containment.restoration is None:
        return [
            f"*{STEPS[s.name].title}*\n{_state(_stands(s), note(s, vm, 300) or _change(s))}"
            for s in containment.steps
        ]
    return [f"*{STEPS[s.name].area}*\n{_undone(s, vm)}" for s in containment.restoration.steps]


def _undone(step: Step, vm: VmRef) -> str:
    said = note(step, vm, 300)
    return said if step.state is StepState.DONE and said else _state(UNDO_STATES[step.state], said)


def _stands(step: Step) -> str:
    said = done_words(step)
    by_job = step.state is StepState.DONE and said != STEPS[step.name].done
    return said if by_job else STEP_STATES[step.state]


def _change(step: Step) -> str:
    return sentence(escape(step.change.summary, 300)) if step.change else ""


def _state(state: str, about: str) -> str:
    return "\n".join(filter(None, [state.capitalize(), about]))
