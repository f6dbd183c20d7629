"""The card of a burst: how many VMs, by whom, how they stand, and one answer for all that look alike."""

from bot.cards.blocks import evidence, risk
from bot.cards.blocks.bursts.answered import answer_lines
from bot.cards.blocks.bursts.second import only_first, second_lines
from bot.cards.blocks.card import asked_line
from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, context, header, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import reference_line
from bot.cards.blocks.text import code, counted, escape, plain, plain_label, when
from bot.cards.blocks.waiting import passed_line
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Member
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.starts.risk import Level

CONFIRM_ALL = "burst.confirm"
REJECT_ALL = "burst.reject"
LIST = "burst.list"
NOT_MINE_ALL = "burst.not_mine"

_MOST_LISTED = 10
_MOST_DIFFERING = 4
_LONGEST_NAME = 70


def burst_card(card: Card, lead: Approval, *, kind: CopyKind, reader: str = "") -> Message:
    """The card as it should be now.

    Args:
        card: with its members.
        lead: the question about the first of the starts.
        kind: why the copy is where it is.
        reader: the e-mail address of its only reader; empty in a channel, or if it is not known.
    """
    members = card.members
    waiting = [one for one in members if one.open]
    who = escape(lead.event.caller.label, 80) or "Somebody"
    vms = counted(len(members), "VM")
    if waiting:
        title = f"\u2753 Were these {len(members)} starts expected?"
        said = f"{who} started {vms}. Was this expected?"
    else:
        ended = "Answered" if all(one.answer for one in members) else "Closed"  # silence is no answer
        title = said = f"{ended}: {counted(len(members), 'start')}"
    lines = [
        *(risk.lead(lead) if waiting else []),
        f"{evidence.caller(lead.event.caller)} started *{vms}*, first {when(members[0].at)}.",
        *_riskier(card, lead),
        *_alike(card),
        *([f"*{len(waiting)}* of them wait for an answer."] if 0 < len(waiting) < len(members) else []),
    ]
    blocks = [
        header(title),
        section("\n".join(lines)),
        *([section("\n".join(answered))] if (answered := answer_lines(members)) else []),
        section("\n".join(_listed(members))),
        *context(
            [
                asked_line(lead, kind) if waiting else "",
                *(second_lines(lead, waiting, reader) if waiting else []),
                passed_line(card.passed, "these VMs are"),
                reference_line(lead.id),
            ]
        ),
    ]
    if waiting:
        barred = only_first(waiting, reader)
        blocks.append(_buttons(card, who=lead.event.caller.label, confirms=not barred))
    return Message(said, blocks)


def from_button(value: str) -> tuple[str, int]:
    """The card's id, and how many of its members the message shows."""
    card_id, _, shown = value.partition(":")
    return card_id, int(shown) if shown.isdecimal() and len(shown) <= 6 else 0  # noqa: PLR2004 - digits


def line(member: Member) -> str:
    """One start, and how its question stands."""
    again = f", started {member.starts} times" if member.starts > 1 else ""
    return f"\u2022 {code(member.vm, _LONGEST_NAME)}{again}: {escape(member.said, 60)}"


def _riskier(card: Card, lead: Approval) -> list[str]:
    """That later ones are of a higher risk than the first, whose signs the card shows: there are so many."""
    least = lead.risk.level if lead.risk else Level.LOW
    more = [one for one in card.members if one.open and one.level.rank > least.rank]
    if not more:
        return []
    highest = max((one.level for one in more), key=lambda one: one.rank)
    return [f"*{highest.capitalize()} risk* for {len(more)} of them, as so many were started within minutes."]


def _alike(card: Card) -> list[str]:
    """That some differ, and how; each of those has a card of its own."""
    if not card.differing:
        return []
    alike, others = len(card.members), len(card.differing)
    kinds = list(dict.fromkeys(card.differing))
    how = "; ".join(escape(one, 80) for one in kinds[:_MOST_DIFFERING])
    differ, has = ("differs", "has a card of its own") if others == 1 else ("differ", "have a card each")
    return [f"*{alike} of {alike + others} look alike; {others} {differ}* ({how}) and {has}."]


def _listed(members: tuple[Member, ...]) -> list[str]:
    """Those that wait first; the dialog has them all."""
    shown = sorted(members, key=lambda one: not one.open)[:_MOST_LISTED]
    left = len(members) - len(shown)
    return [*map(line, shown), *([f"and {counted(left, 'more VM')} in the list"] if left else [])]


def _buttons(card: Card, *, who: str, confirms: bool) -> Block:
    """They carry the card's id, and how many starts it shows: an answer covers those.

    Whoever asked for a second person can't be that, so their own copy has no button for it.
    """
    count = len(card.members)
    value = f"{card.id}:{count}"
    confirm = {
        "type": "button",
        "action_id": CONFIRM_ALL,
        "text": plain("Confirm all", BUTTON),
        "accessibility_label": f"Confirm all {count} starts"[:ACCESSIBILITY],
        "style": "primary",
        "value": value,
        "confirm": {
            "title": plain("Were these starts expected?", 100),
            "text": plain(f"{plain_label(who, 80)} started {counted(count, 'VM')}.", 300),
            "confirm": plain("Yes, all of them", 30),
            "deny": plain("Back", 30),
        },
    }
    reject = {
        "type": "button",
        "action_id": REJECT_ALL,
        "text": plain("Reject all", BUTTON),
        "accessibility_label": f"Reject all {count} starts"[:ACCESSIBILITY],
        "style": "danger",
        "value": value,
    }
    one_by_one = {
        "type": "button",
        "action_id": LIST,
        "text": plain("One by one", BUTTON),
        "accessibility_label": f"List all {count} starts"[:ACCESSIBILITY],
        "value": f"{card.id}:0",
    }
    not_mine = {
        "type": "button",
        "action_id": NOT_MINE_ALL,
        "text": plain("Not mine", BUTTON),
        "accessibility_label": f"Say that none of the {count} VMs is yours"[:ACCESSIBILITY],
        "value": value,
    }
    shown = [*([confirm] if confirms else []), reject, one_by_one, not_mine]
    return {"type": "actions", "elements": shown}
