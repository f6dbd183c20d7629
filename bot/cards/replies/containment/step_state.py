"""Where a step of a containment, or its undo, is: the same words in both threads."""

from bot.cards.blocks.status import note
from bot.cards.blocks.text import counted, when
from workers.domain.containment.steps import MAX_ATTEMPTS, Step, StepState
from workers.domain.starts.vm import VmRef


def begun(step: Step) -> bool:
    """Whether there is anything to tell of it yet."""
    return step.state is not StepState.TODO or step.attempt > 0 or bool(step.note)


def step_state(step: Step, vm: VmRef, *, change: str = "") -> tuple[str, list[str]]:
    """Where it is in two or three words, and sentences about it; some may be empty.

    ``change`` says what it changes, as a sentence.
    """
    about = note(step, vm)
    match step.state:
        case StepState.TODO:
            next_try = f"Next attempt {when(step.look_at)}." if step.look_at else ""
            return "will be retried", [about, next_try]
        case StepState.STARTED:
            again = f", attempt {step.attempt} of {MAX_ATTEMPTS}" if step.attempt > 1 else ""
            return f"in progress{again}", [change, about]
        case StepState.DONE:
            return "done", [about or change]
        case StepState.FAILED:
            after = f" after {counted(step.attempt, 'attempt')}" if step.attempt > 1 else ""
            return f"failed{after}", [f"Reason: {about}" if about else ""]
        case StepState.SKIPPED:
            return "skipped", [about]
