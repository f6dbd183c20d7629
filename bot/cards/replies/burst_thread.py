"""The replies below the card of a burst or a digest: one for all of its questions, never one a VM."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import calling, clock, code, counted, mention, name
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import is_high
from workers.domain.asking.cards import Card, CopyKind


def burst_replies(
    card: Card, lead: Approval, *, kind: CopyKind, oncall_mention: str, card_link: str = ""
) -> list[Reply]:
    """Reminder and escalation while somebody can act on them."""
    waiting = [one for one in card.members if one.open]
    if not waiting:
        return []
    found: list[Reply] = []
    starts = f"{len(waiting)} of {counted(len(card.members), 'start')}"
    if kind is CopyKind.OWNER and any(one.reminded for one in waiting):
        people = ", ".join(mention(user) for user in lead.asked_whom[:10])
        calls = f"{people}: no" if people else "No"
        where = f" on {card_link}" if card_link else ""
        text = f"{calls} answer yet about {starts}. Please answer{where} by {clock(lead.expire_at)}."
        found.append(Reply("reminder", Message(f"Reminder: were {starts} expected?", [section(text)])))
    if kind is CopyKind.ONCALL and any(one.escalated for one in waiting):
        where = card_link or "the message above"
        text = f"{calling(oncall_mention)}no answer yet about {starts}. Please answer on {where}."
        message = Message(f"No answer yet about {starts}", [section(text)])
        found.append(Reply("escalation", message, pages=True))
    return found


def digest_replies(
    card: Card, lead: Approval, *, kind: CopyKind, oncall_mention: str, card_link: str = ""
) -> list[Reply]:
    """One reminder for all, and that the risk of the first question has risen: it has no other card.

    On-call is told of each question below its own card. What changes with each answer is on the card, so that
    no reply has to be edited.
    """
    del oncall_mention
    waiting = [one for one in card.members if one.open]
    found: list[Reply] = []
    people = ", ".join(mention(user) for user in lead.asked_whom[:10])
    calls = f"{people}: " if people else ""
    if kind is CopyKind.OWNER and any(one.reminded for one in waiting):
        where = f" on {card_link}" if card_link else " on the message above"
        text = f"{calls}starts still wait for your answer{where}. Each says until when."
        found.append(Reply("reminder", Message("Reminder: starts wait for your answer", [section(text)])))
    if kind is CopyKind.OWNER and is_high(lead):
        vm = lead.event.vm.name
        text = f"{calls}the start of {code(vm)} is of *high risk* by now. Please open it above, and answer."
        found.append(Reply("risen", Message(f"High risk: {name(vm)}", [section(text)]), pages=True))
    return found
