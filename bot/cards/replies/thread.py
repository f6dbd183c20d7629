"""The replies below a card: what happened since. Each is posted once and edited as things change."""

from bot.cards.blocks.joined import joined_replies
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import (
    LOCKDOWN_COMMAND,
    STEPS,
    all_done,
    cause_line,
    command,
    containment_headline,
    note,
    progress,
    sentence,
    undo_command,
    verified,
)
from bot.cards.blocks.text import calling, clock, code, counted, escape, mention, name, when
from bot.cards.replies.containment.afterwards import afterwards_buttons
from bot.cards.replies.containment.by_hand import remedy
from bot.cards.replies.containment.expiry import expiry_replies
from bot.cards.replies.containment.grace import grace_replies
from bot.cards.replies.containment.jobs import job_replies, job_step
from bot.cards.replies.containment.late import late_replies
from bot.cards.replies.containment.restarts import restart_replies
from bot.cards.replies.containment.restore_thread import restore_replies
from bot.cards.replies.containment.step_state import begun, step_state
from bot.cards.replies.oncall_thread import oncall_replies
from bot.cards.replies.proposed_owner import proposed_owner
from bot.cards.replies.risen import risen_replies
from bot.cards.replies.second import second_replies
from bot.cards.replies.words import words_replies
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.containment.containment import (
    CauseKind,
    Containment,
    ContainmentState,
    Step,
    StepState,
)
from workers.domain.containment.steps import MAX_REDONE
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.reading.also_started import AllStarted


def replies(
    approval: Approval | None,
    containment: Containment | None,
    *,
    kind: CopyKind,
    oncall_mention: str,
    card_link: str = "",
    also: AllStarted = AllStarted(),  # noqa: B008 - it can't be changed
) -> list[Reply]:
    """The replies that the thread of this copy should hold now, in order.

    A reply that was posted before and is not in here is history: leave it. ``oncall_mention`` is mrkdwn
    made by ``mention`` or ``mention_group``, and ``card_link`` links the card; both may be empty.
    """
    found: list[Reply] = []
    if approval is not None:
        found += _question(approval, kind, oncall_mention, card_link, also)
        found += _lockdown(approval, containment)
    if containment is not None:
        found += _again(containment, oncall_mention)
        found += _steps(containment)
        found += grace_replies(containment)
        found += expiry_replies(containment, oncall_mention)
        found += restore_replies(containment, oncall_mention)
        found += late_replies(containment, oncall_mention)
        found += job_replies(containment, oncall_mention)
        found += _result(containment, oncall_mention)
    return found


def without_past_rounds(card: Card, containment: Containment | None) -> Card:
    """The card without what it knows of replies about rounds that are over; those stay in the thread.

    A VM that is contained time and again must not make its card grow without end.
    """
    if containment is None:
        return card
    return card.without_replies(lambda key: (_round(key) or containment.round) < containment.round)


def _round(key: str) -> int | None:
    """The round that the reply of this key is about: the first number in it."""
    return next((int(part) for part in key.split(".") if part.isdecimal()), None)


def _question(
    approval: Approval, kind: CopyKind, oncall_mention: str, card_link: str, also: AllStarted
) -> list[Reply]:
    """Reminder and escalation while somebody can act on them. How it ended, the card itself says."""
    found: list[Reply] = [*joined_replies(approval), *risen_replies(approval)] if approval.open else []
    if approval.open and approval.reminded_at and kind is CopyKind.OWNER:
        found.append(_reminder(approval, card_link))
    found += second_replies(approval, kind, oncall_mention)
    still_needed = approval.open or (
        approval.state is ApprovalState.EXPIRED and approval.containment_id is None
    )
    if kind is not CopyKind.OWNER:
        found += proposed_owner(approval)
    if kind is CopyKind.ONCALL:
        found += oncall_replies(approval, oncall_mention, also)
    if still_needed and approval.escalated_at and kind is CopyKind.ONCALL:
        found.append(_escalation(approval, oncall_mention, card_link))
    return [*found, *words_replies(approval)]


def _lockdown(approval: Approval, containment: Containment | None) -> list[Reply]:
    """Owners hear in their thread that on-call has locked their VM down: by whom and why."""
    if containment is None or approval.open or containment.cause.kind is not CauseKind.LOCKDOWN:
        return []
    vm = containment.vm.name
    text = f"{code(vm)}: {cause_line(containment)}"
    return [_reply(f"lockdown.{containment.cause.at:%Y%m%d%H%M%S}", f"Locked down: {name(vm)}", text)]


def _reminder(approval: Approval, card_link: str) -> Reply:
    people = _people(approval)
    calls = f"{people}: no answer yet." if people else "No answer yet."
    where = f" on {card_link}" if card_link else ""
    return _reply(
        "reminder",
        f"Reminder: was the start of {name(approval.event.vm.name)} expected?",
        f"{calls} Was the start of {code(approval.event.vm.name)} expected?"
        f" Please answer{where} by {clock(approval.expire_at)}.",
    )


def _escalation(approval: Approval, oncall_mention: str, card_link: str) -> Reply:
    """Pages on-call; once the question has expired, it says what they can still do."""
    vm, people = approval.event.vm, _people(approval)
    calls = f"{oncall_mention}: no" if oncall_mention else "No"
    asked = f"Asked: {people}" if people else "Nobody could be asked directly"
    since = f", {when(approval.asked_at)}" if people and approval.asked_at else ""
    todo = (
        f"Please confirm or reject on {card_link or 'the message above'}."
        if approval.open
        else "The question is closed, and no action was taken."
        f" Contain the VM with {command(LOCKDOWN_COMMAND, vm)}."
    )
    return _reply(
        "escalation",
        f"No answer yet about {name(vm.name)}",
        f"{calls} answer yet about {code(vm.name)}. {asked}{since}. {todo}",
        pages=True,
    )


def _people(approval: Approval) -> str:
    return ", ".join(mention(user) for user in approval.asked_whom[:10])


def _again(containment: Containment, oncall_mention: str) -> list[Reply]:
    vm = containment.vm
    return [
        *_new_round(containment, oncall_mention),
        *restart_replies(containment, oncall_mention),
        *(
            _redone(vm, step, containment.round, oncall_mention)
            for step in containment.steps
            if step.redone >= MAX_REDONE
        ),
    ]


def _redone(vm: VmRef, step: Step, round_: int, oncall_mention: str) -> Reply:
    """Pages on-call: a step is undone by somebody as fast as we do it."""
    calls = calling(oncall_mention)
    title = STEPS[step.name].title
    return _reply(
        f"redone.{step.name}.{round_}",
        f"Somebody keeps undoing the containment of {name(vm.name)}",
        f"{calls}*{title}* had to be done again on {code(vm.name)} {MAX_REDONE} times: somebody keeps undoing"
        " it. Find out who, and take away their permission. Startgate goes on.",
        pages=True,
    )


def _new_round(containment: Containment, oncall_mention: str) -> list[Reply]:
    if containment.round == 1:
        return []
    vm = containment.vm
    if containment.drift:
        return [_drifted(containment, oncall_mention)]
    return [
        _reply(
            f"again.{containment.round}",
            f"{name(vm.name)} was started again",
            f"{code(vm.name)} was started while it was contained."
            " It is being contained again, without asking.",
        )
    ]


def _drifted(containment: Containment, oncall_mention: str) -> Reply:
    """Pages on-call: the containment was undone, and no event said so."""
    vm = containment.vm
    calls = calling(oncall_mention)
    found = "\n".join(f"\u2022 {sentence(escape(said, 400))}" for said in containment.drift)
    return _reply(
        f"again.{containment.round}",
        f"The containment of {name(vm.name)} was undone outside Startgate",
        f"{calls}the containment of {code(vm.name)} was undone outside Startgate, and no event has told of"
        f" it so far. It is being contained again, without asking. Found:\n{found}\n"
        "Find out who did it, in the Activity Log of the VM and its network interfaces.",
        pages=True,
    )


def _steps(containment: Containment) -> list[Reply]:
    """One message a round tells every step, and is edited as they go on."""
    told = [step for step in containment.steps if begun(step)]
    if not told:
        return []
    done = sum(step.state is StepState.DONE for step in containment.steps)
    text = f"{name(containment.vm.name)}: {done} of {counted(len(containment.steps), 'step')} done"
    lines = [section(_step(containment, step)) for step in told]
    return [Reply(f"steps.{containment.round}", Message(text, lines))]


def _step(containment: Containment, step: Step) -> str:
    """How it stands, in sentences."""
    by_job = job_step(step, containment.vm)
    if by_job:
        return by_job
    change = sentence(escape(step.change.summary, 300)) if step.change else ""
    state, about = step_state(step, containment.vm, change=change)
    at = f" {when(step.ended_at)}" if step.ended and step.ended_at else ""
    said = f"*{STEPS[step.name].title}*: {state}{at}."
    if step.state is StepState.DONE:
        done = STEPS[step.name].done
        said = f"*{done[:1].upper()}{done[1:]}*{at}{', verified in Azure' if step.note else ''}."
    return " ".join([said, *filter(None, about)])


def _result(containment: Containment, oncall_mention: str) -> list[Reply]:
    """How the containment ended; nothing while it goes on."""
    vm = code(containment.vm.name)
    words = containment_headline(containment).words
    key = f"result.{containment.round}"
    match containment.state:
        case ContainmentState.CONTAINED:
            text = (
                f"*Contained:* {vm} is {done(containment)}.{verified(containment)}"
                f" On-call can undo this with {undo_command(containment)}."
            )
        case ContainmentState.INCOMPLETE if containment.restoration is None:
            text = _incomplete(containment, oncall_mention)
        case ContainmentState.RESTORED:
            key, text = f"restored.{containment.round}", progress(containment)
        case _:
            return []
    blocks = [section(text), afterwards_buttons(containment)]
    message = Message(f"{words}: {name(containment.vm.name)}", blocks)
    return [Reply(key, message, pages=containment.state is ContainmentState.INCOMPLETE)]


def _incomplete(containment: Containment, oncall_mention: str) -> str:
    """Who has to act, what is done, what is not and why, and what to do by hand if that was not said yet."""
    vm = containment.vm
    calls = calling(oncall_mention)
    lines = [f"{calls}{code(vm.name)} is *not fully contained*. Done so far: {done(containment)}."]
    for step in containment.steps:
        title, why = STEPS[step.name].title, note(step, vm, 400) or "No reason was given."
        if step.state is StepState.SKIPPED:  # it was not to be done, so there is nothing to do by hand
            lines.append(f"\u2022 *{title}*: skipped. {why}")
        elif step.state is not StepState.DONE:
            by_hand = f" By hand: {remedy(step, vm)}." if step in containment.not_reported else ""
            lines.append(f"\u2022 *{title}*: not done. {why}{by_hand}")
    return "\n".join(lines)


def done(containment: Containment) -> str:
    """What has been done to the VM: ``isolated and stopped``."""
    return all_done(containment.steps)


def _reply(key: str, text: str, body: str, *, pages: bool = False) -> Reply:
    return Reply(key, Message(text, [section(body)]), pages)
