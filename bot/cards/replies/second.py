"""A confirmation that needs two persons: a second one is asked, and told when the time for it is over."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import person, quoted
from bot.cards.blocks.text import calling, clock, code, name
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import CopyKind


def second_replies(approval: Approval, kind: CopyKind, oncall_mention: str) -> list[Reply]:
    """Who asked for it and why; on-call, who can be the second person, is called in its own channel."""
    request, vm = approval.confirm_request, approval.event.vm.name
    if request is None or not approval.asks:
        return []
    calls = calling(oncall_mention) if kind is CopyKind.ONCALL else ""
    who = f"{person(request.by)} wants to confirm the start of {code(vm)}.{quoted(request.reason)}"
    key = f"second.{request.at:%Y%m%d%H%M%S}"
    if request.expired:
        said = (
            "Nobody else confirmed it in time, so that does not count any more. The question is still open."
        )
        return [
            Reply(f"{key}.over", Message(f"Not confirmed in time: {name(vm)}", [section(f"{who} {said}")]))
        ]
    todo = f"It takes two persons: somebody else has to confirm it by {clock(request.expires_at)}, too."
    title = f"A second person has to confirm: {name(vm)}"
    return [Reply(key, Message(title, [section(f"{calls}{who} {todo}")]), pages=bool(calls))]
