"""Short answers that only the person who asked can see: what happened, and what they can do now."""

from typing import Any

from bot.cards.blocks.card import buttons, outcome
from bot.cards.blocks.joined import by_caller
from bot.cards.blocks.kit import modal, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import guarded_line
from bot.cards.blocks.text import clock, code, escape, name
from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer
from workers.domain.asking.joining import unseen
from workers.domain.starts.people import Actor


def refused(reason: str, ask: str = "") -> Message:
    """They aren't allowed to do this. ``reason`` says who is; ``ask`` is a mention of on-call, or empty."""
    said = escape(reason, 1000) or "You can't do this."
    whom = f" Ask {ask}." if ask else ""
    return private("Not allowed", f"{said}{whom}\nNothing was changed, and the attempt was logged.")


def not_done(reason: str) -> Message:
    """It can't be done, or not now; ``reason`` says why."""
    return private(
        "Nothing was changed", f"{escape(reason, 1000) or 'Try again later.'}\nNothing was changed."
    )


def went_wrong(reference: str) -> Message:
    """Something failed on our side. ``reference`` finds it in the log, which has the details."""
    return private(
        "That didn't work",
        "Something failed on our side. Look at the card: if it hasn't changed, try again in a minute. If it"
        f" fails again, give your platform team this reference: {code(reference)}",
    )


def as_dialog(message: Message) -> dict[str, Any]:
    """The same answer in place of a dialog that was submitted."""
    return modal(message.text, message.blocks)


def already_decided(approval: Approval, answer: Answer, actor: Actor) -> Message:
    """Somebody was first, or time ran out; whoever gave the same answer before is told that it counts."""
    if approval.answered(answer, actor.slack_user):
        return recorded(approval)
    vm = approval.event.vm.name
    if approval.open and not approval.asks:
        said = f"The start of {code(vm)} was only announced: there is nothing to confirm."
        return private(f"Nothing to confirm: {name(vm)}", said)
    if approval.open:
        return private(f"Still open: {name(vm)}", f"The question about {code(vm)} is still open.")
    ended = " ".join(outcome(approval, None))
    return private(f"Already answered: {name(vm)}", f"{code(vm)}: {ended}\nYour answer was not recorded.")


def asked_again(approval: Approval, shown: int) -> Message:
    """Somebody else started the VM, too, since they were shown the question: here it is, with buttons."""
    vm = approval.event.vm.name
    new = unseen(approval, shown)
    lines = [
        f"{code(vm)} was started again since this card was shown to you. Your answer was not recorded.",
        *by_caller(new),
        "Were *all* of its starts expected?",
    ]
    text = f"Started again: {name(vm)}. Please answer once more"
    return Message(text, [section("\n".join(lines)), buttons(approval)])


def recorded(approval: Approval) -> Message:
    """Their own answer is on record."""
    vm = approval.event.vm.name
    if (request := approval.waits_for_second) is not None:
        until = clock(request.expires_at)
        said = f"{code(vm)} needs a second person to confirm, too. Somebody else can until {until}."
        return private(f"A second person is asked: {name(vm)}", said)
    if approval.decision is None:
        return private(f"Still open: {name(vm)}", f"The question about {code(vm)} is still open.")
    if approval.decision.confirms:
        return private(f"Confirmed: {name(vm)}", f"Confirmed: {code(vm)}. No action will be taken.")
    if approval.guarded:
        said = f"Rejected: {code(vm)}. {guarded_line(approval.guarded)}, so on-call was called."
        return private(f"Rejected: {name(vm)}", said)
    return private(
        f"Rejected: {name(vm)}", f"Rejected: {code(vm)} is being contained. The thread below shows each step."
    )


def private(text: str, body: str) -> Message:
    """An answer of one paragraph; ``text`` is its headline for notifications."""
    return Message(text, [section(body)])
