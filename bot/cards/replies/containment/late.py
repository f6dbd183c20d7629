"""The replies that call on-call while a containment or a restore goes on: what is late, what has failed."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import STEPS, note
from bot.cards.blocks.text import calling, code, duration, name, when
from bot.cards.replies.containment.by_hand import remedy, undo_remedy
from bot.cards.replies.containment.retry import retry_element
from workers.domain.containment.containment import Containment, ContainmentState, Restoration, Step


def late_replies(containment: Containment, oncall_mention: str) -> list[Reply]:
    """One reply for each time that on-call was told: what is waited for, and what waiting will not mend."""
    if not containment.working:
        return []
    steps: Containment | Restoration = containment
    key, doing = f"{containment.round}", "contained"
    if containment.state is ContainmentState.RESTORING and containment.restoration is not None:
        steps, doing = containment.restoration, "restored"
        key = f"{containment.round}.{containment.restoration.number}"
    waiting = [step for step in steps.steps if not step.ended]
    told = {step.paged_at: [s for s in waiting if s.paged_at == step.paged_at] for step in waiting}
    if steps.paged_at is not None and steps.paged_at not in told:
        told[steps.paged_at] = waiting
    reported = [step for step in steps.failed if step not in steps.not_reported]
    return [
        *(
            _failed(containment, step, f"failed.{step.name}.{doing}.{key}", doing, oncall_mention)
            for step in reported
        ),
        *(
            _late(containment, late, f"late.{doing}.{key}.{at:%H%M%S}", doing, oncall_mention)
            for at, late in told.items()
            if at is not None and late
        ),
    ]


def _failed(containment: Containment, step: Step, key: str, doing: str, oncall_mention: str) -> Reply:
    """Waiting won't mend it, so on-call is called while the other steps go on."""
    vm, title = containment.vm, STEPS[step.name].title
    calls = calling(oncall_mention)
    by_hand = remedy(step, vm) if doing == "contained" else undo_remedy(step.name)
    why = note(step, vm, 400) or "No reason was given."
    said = f"{calls}*{title}* of {code(vm.name)} failed, and waiting won't help. {why} By hand: {by_hand}."
    buttons = [{"type": "actions", "elements": [retry_element(containment)]}] if doing == "contained" else []
    text = f"{title} of {name(vm.name)} failed"
    return Reply(key, Message(text, [section(said), *buttons]), pages=True)


def _late(containment: Containment, late: list[Step], key: str, doing: str, oncall_mention: str) -> Reply:
    vm, profile = containment.vm, containment.profile
    calls = calling(oncall_mention)
    head = (
        f"{calls}{code(vm.name)} is *not {doing} yet*, after more than {duration(profile.page_after)}."
        f" What takes longer than {duration(profile.give_up_after)} is given up. It waits for:"
    )
    lines = [head]
    for step in late:
        since = f" since {when(step.started_at)}" if step.started_at else ", not begun"
        lines.append(f"\u2022 *{STEPS[step.name].title}*{since}. {note(step, vm, 400)}".rstrip())
    text = f"{name(vm.name)} is not {doing} yet"
    return Reply(key, Message(text, [section("\n".join(lines))]), pages=True)
