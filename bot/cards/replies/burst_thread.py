"""The replies below the card of a burst or a digest: one for all of its questions, never one a VM."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import LOCKDOWN_COMMAND, person, quoted
from bot.cards.blocks.text import calling, clock, code, counted, mention, name
from bot.cards.replies.proposed_owner import tag_proposal
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Member, is_high
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.asking.passing import PassedOn
from workers.domain.asking.two_persons import ConfirmRequest


def burst_replies(
    card: Card, lead: Approval, *, kind: CopyKind, oncall_mention: str, card_link: str = ""
) -> list[Reply]:
    """Reminder, escalation and the call for a second person while somebody can act on them."""
    waiting = [one for one in card.members if one.open]
    if not waiting:
        return _closed(card, kind)
    found: list[Reply] = []
    starts = f"{len(waiting)} of {counted(len(card.members), 'start')}"
    if kind is CopyKind.OWNER and any(one.reminded for one in waiting):
        named = [one.to.slack_user for one in card.passed if one.to is not None]
        people = ", ".join(map(mention, dict.fromkeys([*lead.asked_whom[:10], *named])))
        calls = f"{people}: no" if people else "No"
        where = f" on {card_link}" if card_link else ""
        text = f"{calls} answer yet about {starts}. Please answer{where} by {clock(lead.expire_at)}."
        found.append(Reply("reminder", Message(f"Reminder: were {starts} expected?", [section(text)])))
    if kind is CopyKind.ONCALL and any(one.escalated for one in waiting):
        where = card_link or "the message above"
        text = f"{calling(oncall_mention)}no answer yet about {starts}. Please answer on {where}."
        message = Message(f"No answer yet about {starts}", [section(text)])
        found.append(Reply("escalation", message, pages=True))
    if kind is not CopyKind.OWNER:
        found += [_proposal(one, card, lead) for one in card.passed if one.to is not None and one.tag]
    return [*found, *_seconds(waiting, kind, oncall_mention)]


def _closed(card: Card, kind: CopyKind) -> list[Reply]:
    """What on-call can still do about those that nobody has answered."""
    silent = [one for one in card.members if one.silent and one.escalated]
    if kind is not CopyKind.ONCALL or not silent:
        return []
    starts = counted(len(silent), "start")
    text = (
        f"No answer about {starts}. The questions are closed, and no action was taken. Contain a VM with"
        f" {code(f'{LOCKDOWN_COMMAND} VM')}."
    )
    return [Reply("escalation", Message(f"No answer about {starts}", [section(text)]), pages=True)]


def _proposal(passed: PassedOn, card: Card, lead: Approval) -> Reply:
    """Whose VMs they are, by whoever passed them on, and how the first one's owner tag is set."""
    vms = counted(len(card.members), "VM")
    to = passed.to or passed.by
    text = (
        f"{person(passed.by)} says that {vms} on this card are not theirs, and names {person(to)}."
        f" {tag_proposal(lead.event.vm, passed.tag, to)} The same goes for each of the others."
    )
    return Reply(f"owner.{to.slack_user}", Message(f"Whose are these {vms}?", [section(text)]))


def _seconds(waiting: list[Member], kind: CopyKind, oncall_mention: str) -> list[Reply]:
    """Who asked for a second person and why, one reply a press; on-call is called in its own channel."""
    presses: dict[str, list[ConfirmRequest]] = {}
    for one in waiting:
        if one.second is not None:
            presses.setdefault(f"second.{one.second.at:%Y%m%d%H%M%S}", []).append(one.second)
    return [_second(key, asked, kind, oncall_mention) for key, asked in presses.items()]


def _second(key: str, asked: list[ConfirmRequest], kind: CopyKind, oncall_mention: str) -> Reply:
    request, calls = asked[0], calling(oncall_mention) if kind is CopyKind.ONCALL else ""
    open_still = [one for one in asked if not one.expired]
    starts = counted(len(open_still or asked), "start")
    who = f"{person(request.by)} wants to confirm {starts}.{quoted(request.reason)}"
    if not open_still:
        said = "Nobody else confirmed in time, so that does not count any more. The questions are still open."
        return Reply(f"{key}.over", Message(f"Not confirmed in time: {starts}", [section(f"{who} {said}")]))
    todo = f"It takes two persons: somebody else has to confirm by {clock(request.expires_at)}, too."
    message = Message(f"A second person has to confirm {starts}", [section(f"{calls}{who} {todo}")])
    return Reply(key, message, pages=bool(calls))


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
