"""The card of one start: what happened, who is asked, and what became of it."""

from bot.cards.blocks import evidence
from bot.cards.blocks.kit import BUTTON, context, header, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import approval_headline, cause_line, person, progress, quoted, sentence
from bot.cards.blocks.text import duration, escape, mention, plain, when, words
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.containment import CauseKind, Containment
from workers.domain.policy.model import OnSilence
from workers.domain.starts.events import Phase

CONFIRM = "approval.confirm"
REJECT = "approval.reject"

_ON_SILENCE = {
    OnSilence.LEAVE: "nothing is done",
    OnSilence.ESCALATE: "on-call decides",
    OnSilence.ISOLATE: "the VM is isolated",
    OnSilence.CONTAIN: "the VM is contained",
}


def approval_card(approval: Approval, containment: Containment | None, *, kind: CopyKind) -> Message:
    """The card as it has to look now, in a copy of this kind."""
    blocks = [
        header(approval_headline(approval, containment).of(approval.event.vm)),
        section("\n".join(_lead(approval, containment, kind)), evidence.fields(approval)),
        *context(
            [_asked(approval, kind), evidence.missing(approval.facts), sentence(escape(approval.notice, 500))]
        ),
    ]
    if approval.open:
        blocks.append(_buttons(approval))
    return Message(top_line(approval, containment, kind=kind), blocks)


def top_line(approval: Approval, containment: Containment | None, *, kind: CopyKind) -> str:
    """One line for a notification: safe, and without any mention."""
    event = approval.event
    name, who = escape(event.vm.name, 80), escape(event.caller.label, 80) or "Somebody"
    if approval.open:
        verb = "tried to start" if event.phase is Phase.FAILED else "started"
        still = "Nobody answers: " if kind is CopyKind.ONCALL else ""
        return f"{still}{who} {verb} {name}. Was this expected?"
    return f"{approval_headline(approval, containment).words}: {name}"


def _lead(approval: Approval, containment: Containment | None, kind: CopyKind) -> list[str]:
    """What to read first; the outcome stands above what it was about."""
    started = f"{evidence.who_did_what(approval.event)} {when(approval.event.at)}."
    return [line for line in (*outcome(approval, containment), _silence(approval, kind), started) if line]


def outcome(approval: Approval, containment: Containment | None) -> list[str]:
    """How it ended, and how far the containment is; nothing while it is open."""
    lines: list[str] = []
    locked_down = containment is not None and containment.cause.kind is CauseKind.LOCKDOWN
    at = f" {when(approval.closed_at)}" if approval.closed_at else ""
    why = sentence(escape(approval.closed_because, 300))
    if approval.decision is not None:
        by, decided = person(approval.decision.by), when(approval.decision.at)
        lines.append(f"{approval.decision.past_tense} by {by} {decided}.{quoted(approval.decision.reason)}")
    elif approval.state is ApprovalState.EXPIRED:
        lines.append(f"The question expired{at}. {why}")
    elif approval.state is ApprovalState.WITHDRAWN:
        # The lockdown's own line says by whom and why.
        lines.append(
            "The question was withdrawn." if locked_down else f"The question was withdrawn{at}. {why}"
        )
    if containment is None or approval.open or approval.state is ApprovalState.CONFIRMED:
        return lines
    if locked_down:
        lines.append(cause_line(containment))
    return [*lines, progress(containment)]


def _silence(approval: Approval, kind: CopyKind) -> str:
    if not approval.open or kind is not CopyKind.ONCALL:
        return ""
    if approval.asked_at is None:
        return "*Nobody could be asked yet.*"
    return f"*Nobody has answered* since {when(approval.asked_at)}."


def _asked(approval: Approval, kind: CopyKind) -> str:
    """Who is asked and why they; while it is open, also until when, and what follows."""
    source = escape(approval.owner.source, 120)
    people = ", ".join(mention(user) for user in approval.asked_whom[:10])
    if not approval.open:
        return f"Asked: {people}" if people else ""
    if not approval.owner.known:
        why = f"No owner is known: {source or 'no tag names one'}."
    elif kind is CopyKind.OWNER:
        why = f"You are asked as the owner ({source})."
    else:
        why = f"Owner by {source}."
    asked = "" if not people else f"Asked: {people}."
    if kind is CopyKind.OWNER and len(approval.asked_whom) == 1:
        asked = ""  # it is the reader
    return " ".join(filter(None, [asked, why, _deadline(approval)]))


def _deadline(approval: Approval) -> str:
    then = _ON_SILENCE[approval.terms.on_silence]
    if approval.asked_at is None:
        return f"Without an answer within {duration(approval.terms.expire_after)}, {then}."
    return f"Without an answer by {when(approval.expire_at)}, {then}."


def _buttons(approval: Approval) -> Block:
    """A button carries nothing but the id: who may, and whether it is still open, is asked at the click."""
    vm = approval.event.vm
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": CONFIRM,
                "text": plain("Confirm", BUTTON),
                "style": "primary",
                "value": approval.id,
                "confirm": {
                    "title": plain("Was this start expected?", 100),
                    "text": _confirm_text(vm.name, vm.resource_group),
                    "confirm": plain("Yes, expected", 30),
                    "deny": plain("Back", 30),
                },
            },
            {
                "type": "button",
                "action_id": REJECT,
                "text": plain("Reject", BUTTON),
                "style": "danger",
                "value": approval.id,
            },
        ],
    }


def _confirm_text(name: str, group: str) -> Block:
    return plain(
        f"You say that {words(name, 80)} in {words(group, 90)} was meant to start. It keeps running.", 300
    )
