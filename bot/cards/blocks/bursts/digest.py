"""A digest: what waits for an owner who has many open questions, a row each, the most urgent first."""

from typing import Any

from bot.cards.blocks import evidence, risk
from bot.cards.blocks.bursts.card import LIST, line
from bot.cards.blocks.card import approval_card
from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, context, header, listed, modal, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import reference_line
from bot.cards.blocks.text import code, counted, plain, plain_name, when
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Member
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.containment.containment import Containment

OPEN = "digest.open"
_MOST_ROWS = 15
_MOST_ANSWERED = 10


def digest_row(approval: Approval) -> str:
    """Who started what, when, how risky it looks, and until when it can be answered, as mrkdwn."""
    risky = f"*{said}.* " if (said := risk.worth_saying(approval)) else ""
    short = f"{said}\n" if (said := risk.in_short(approval)) else ""
    again = f" {approval.starts} starts." if approval.starts > 1 else ""
    event = approval.event
    return (
        f"{risky}{evidence.who_did_what(event)} {when(event.at)}.{again}\n"
        f"{short}Answer by {when(approval.expire_at)}."
    )


def digest_card(card: Card, lead: Approval, *, kind: CopyKind) -> Message:
    """The card as it should be now.

    Args:
        card: with its members.
        lead: the first of the questions.
        kind: why the copy is where it is.
    """
    waiting = sorted((one for one in card.members if one.open), key=_urgency)
    answered = [one for one in card.members if not one.open]
    whose = "your answer" if kind is CopyKind.OWNER else "an answer"
    verb = "waits" if len(waiting) == 1 else "wait"
    title = said = f"{counted(len(waiting), 'start')} {verb} for {whose}"
    if not waiting:
        title = said = f"Answered: {counted(len(answered), 'start')}"
    left = len(waiting) - _MOST_ROWS
    done = listed([line(one) for one in reversed(answered)], _MOST_ANSWERED, "start", between="\n")
    blocks = [
        header(f"\u2753 {title}" if waiting else title),
        *(context([_why(kind)]) if waiting else []),
        *(_row(one) for one in waiting[:_MOST_ROWS]),
        *context([f"{left} more: {code('/vm-approvals mine')}" if left > 0 else ""]),
        *([section(f"*Answered*\n{done}" if waiting else done)] if answered else []),
        *context([reference_line(lead.id)]),
        *([_one_by_one(card)] if waiting else []),
    ]
    return Message(said, blocks)


def opened_dialog(approval: Approval, containment: Containment | None, *, reader: str) -> dict[str, Any]:
    """The dialog with one question's card, as if it had a message of its own."""
    card = approval_card(approval, containment, kind=CopyKind.OWNER, reader=reader)
    return modal("One start", card.blocks)


def _why(kind: CopyKind) -> str:
    who = "You have" if kind is CopyKind.OWNER else "The owner has"
    return (
        f"{who} many open questions, so these share one message. Open one to see all about it and to answer."
        " Those asked before, and any of high risk, have messages of their own."
    )


def _urgency(one: Member) -> tuple[int, object, str]:
    return (-one.level.rank, one.at, one.approval_id)


def _row(one: Member) -> Block:
    verb = "Open the question about"
    return section(one.row or line(one)) | {
        "accessory": {
            "type": "button",
            "action_id": OPEN,
            "text": plain("Open", BUTTON),
            "accessibility_label": f"{verb} {plain_name(one.vm, ACCESSIBILITY - len(verb) - 1)}",
            "value": one.approval_id,
        }
    }


def _one_by_one(card: Card) -> Block:
    label = f"List all {len(card.members)} starts, to answer several"
    button = {
        "type": "button",
        "action_id": LIST,
        "text": plain("Answer several", BUTTON),
        "accessibility_label": label[:ACCESSIBILITY],
        "value": f"{card.id}:0",
    }
    return {"type": "actions", "elements": [button]}
