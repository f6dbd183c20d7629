"""What a containment will do to a VM, step by step, and how to undo it: said before it is done."""

from collections.abc import Mapping

from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.status import STEPS, and_list, exceptions, sentence
from bot.cards.blocks.text import escape, when
from workers.domain.containment.plans import Change, Plan, StepName
from workers.domain.containment.profile import LockdownProfile

_MOST_DETAILS = 6
_MOST_EXCEPTIONS = 5
_MOST_IMPACT = 8
_MOST_ON_CARD = 2
_SEVERE, _MILD = "\u26a0\ufe0f", "\u2022"


def planned_steps(profile: LockdownProfile, changes: Mapping[StepName, Change]) -> list[Block]:
    """Every step of the profile: the planned change, or what the step does in general."""
    return [
        section(_step(number, name, changes.get(name), profile))
        for number, name in enumerate(profile.steps, 1)
    ]


def in_short(profile: LockdownProfile, plan: Plan) -> str:
    """The steps in half a line: ``isolate, stop and back up``; without those that this VM does not take."""
    changes = {planned.step: planned.change for planned in plan.steps}
    taken = [name for name in profile.steps if not (name in changes and changes[name].skipped)]
    return and_list([STEPS[name].verb for name in taken])


def goes_with_it(plan: Plan | None) -> list[Block]:
    """What a containment takes along with the VM, the worst first; no block if nothing is known."""
    lines = [
        f"{_SEVERE if one.severe else _MILD} {sentence(escape(one.text, 200))}"
        for one in (plan.impact if plan else ())
    ]
    if not lines:
        return []
    return [section("\n".join(["*What goes with it:*", listed(lines, _MOST_IMPACT, "effect", between="\n")]))]


def worst_of_it(plan: Plan) -> str:
    """The same folded to one line for a card: only what others feel, or what no restore brings back."""
    severe = [escape(one.text, 150) for one in plan.impact if one.severe]
    if not severe:
        return ""
    return f"{_SEVERE} Containing it: {sentence(listed(severe, _MOST_ON_CARD, 'effect', between='; '))}"


def how_to_undo(profile: LockdownProfile, command: str) -> str:
    """What on-call can undo with ``command``, which is mrkdwn."""
    undone = "; ".join(undo_words(name, profile) for name in profile.steps)
    return f"On-call can undo this with {command}: {undone}."


def as_of(plan: Plan) -> str:
    """How old what the plan says is."""
    if plan.as_of is None:
        return "The VM's state isn't fully known yet. Each step checks it before it changes anything."
    return f"Based on the VM's state {when(plan.as_of)}. Each step checks again before it changes anything."


def undo_words(name: StepName, profile: LockdownProfile) -> str:
    """What takes a step of this profile back, or what stays."""
    return profile.backup.after_restore.words if name is StepName.BACKUP else STEPS[name].undo


def _step(number: int, name: StepName, change: Change | None, profile: LockdownProfile) -> str:
    if change and change.skipped:
        return f"*{number}. {STEPS[name].title}:* skipped. {sentence(escape(change.skipped, 300))}"
    summary = escape(change.summary, 300) if change else ""
    already = " Already done: nothing to change." if change and change.nothing_to_do else ""
    lines = [f"*{number}. {STEPS[name].title}:* {summary or STEPS[name].does}.{already}"]
    if change and change.details:
        details = [f"\u2022 {escape(detail, 200)}" for detail in change.details]
        lines.append(listed(details, _MOST_DETAILS, "change", between="\n"))
    if name is StepName.ISOLATE and (allowed := exceptions(profile)):
        lines.append(listed(allowed, _MOST_EXCEPTIONS, "exception", between="\n"))
    return "\n".join(lines)
