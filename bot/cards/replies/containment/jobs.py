"""What is said of a step that is done while Azure goes on with a job for it, such as a backup.

*Done* and *backed up* are said only once the job has ended well.
"""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import STEPS, done_words, note, sentence
from bot.cards.blocks.text import calling, code, escape, name, when
from bot.cards.replies.containment.by_hand import remedy
from workers.domain.containment.afterwards.jobs import JobState
from workers.domain.containment.containment import Containment, Step, StepState
from workers.domain.starts.vm import VmRef


def job_step(step: Step, vm: VmRef) -> str:
    """How a done step stands by its job, in sentences; empty if it is none that leaves a job."""
    spec, job = STEPS[step.name], step.job
    if step.state is not StepState.DONE or not spec.job_begun:
        return ""
    ended = job.ended_at if job is not None and job.ended else step.ended_at
    at = f" {when(ended)}" if ended else ""
    notes = [job.note if job else "", step.note.removeprefix(spec.job_begun).removeprefix(", ")]
    about = [note(step.changed(note=text), vm) for text in notes if text]
    return " ".join([f"*{done_words(step).capitalize()}*{at}.", *about])


def job_replies(containment: Containment, oncall_mention: str) -> list[Reply]:
    """Pages on-call about each job that has ended badly."""
    return [
        _failed(containment, step, oncall_mention)
        for step in containment.steps
        if step.state is StepState.DONE and step.job is not None and step.job.state is JobState.FAILED
    ]


def _failed(containment: Containment, step: Step, oncall_mention: str) -> Reply:
    vm, spec = containment.vm, STEPS[step.name]
    calls = calling(oncall_mention)
    job = step.job
    why = sentence(escape(job.note, 400)) if job else ""
    which = f" Job {code(job.id)}." if job and job.id else ""
    text = f"{spec.job_failed.capitalize()}: {name(vm.name)}"
    body = f"{calls}*{spec.job_failed}* for {code(vm.name)}. {why}{which} By hand: {remedy(step, vm)}."
    return Reply(f"job.{step.name}.{containment.round}", Message(text, [section(body)]), pages=True)
