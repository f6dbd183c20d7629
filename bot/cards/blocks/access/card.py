"""The message that asks for a second person: who wants what, why, and two buttons; or what became of it."""

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, header, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import person, quoted
from bot.cards.blocks.text import calling, clock, code, duration, escape, plain, when
from workers.domain.asking.access import AccessRequest, AccessState

APPROVE, DECLINE = "access.approve", "access.decline"


def access_card(asked: AccessRequest, oncall_mention: str) -> Message:
    """Calls on-call while it waits. Once it has ended it has no button, and mentions nobody.

    Args:
        asked: the request.
        oncall_mention: mrkdwn made by ``mention`` or ``mention_group``; it may be empty.
    """
    title = _TITLES[asked.state]
    request = asked.request
    what = f"{person(request.by)} wants {wanted(asked)}.{quoted(request.reason)}"
    if not asked.active:
        return Message(title, [header(title), section(f"{what}\n{ended(asked)}")])
    todo = f"It takes two persons: {_who(asked)} has to approve it by {clock(request.expires_at)}."
    said = f"{calling(oncall_mention)}{what}\n{todo} Until then, nothing changes."
    return Message(title, [header(title), section(said), _buttons(asked)])


_TITLES = {
    AccessState.WAITING: "\U0001f465 A second person is needed",
    AccessState.APPROVED: "Approved by a second person",
    AccessState.DECLINED: "Declined",
    AccessState.EXPIRED: "Not approved in time",
}


def wanted(asked: AccessRequest) -> str:
    """What would be done, as mrkdwn that follows *wants*, without a full stop."""
    if (start := asked.expects) is not None:
        about = code(start.vm.name) if start.vm else f"VMs for which {code(start.when, 300)} holds"
        place = f" in {code(start.vm.resource_group)}" if start.vm else ""
        by = f" by {code(start.caller)}" if start.caller else ""
        return (
            f"starts of {about}{place}{by} to *pass without a question* from {when(start.begin)} to"
            f" {when(start.end)}"
        )
    if (one := asked.delegates) is not None:
        return (
            f"{person(one.to)} to *answer in the stead of* {person(asked.request.by)} as an owner until"
            f" {when(one.until)}"
        )
    if asked.pauses is not None:
        span = duration(asked.pauses.span)
        return (
            f"to *pause all changes in Azure* for {span} from the approval on: no VM is contained or restored"
            " then"
        )
    return "something that only a newer version of Startgate knows"


def ended(asked: AccessRequest) -> str:
    """What became of it, as mrkdwn."""
    by = f" by {person(asked.ended_by)}" if asked.ended_by is not None else ""
    at = f" {when(asked.ended_at)}" if asked.ended_at is not None else ""
    if asked.state is AccessState.APPROVED:
        return f"*Approved*{by}{at}.{how_to_end(asked)}"
    if asked.state is AccessState.DECLINED:
        return f"*Declined*{by}{at}. Nothing was changed."
    return "*Nobody approved it in time.* Nothing was changed."


def how_to_end(asked: AccessRequest) -> str:
    """The command that ends it sooner, with a space before."""
    if asked.expects is not None:
        typed = f"/vm-expect end {asked.expects.id}"
    elif asked.delegates is not None:
        typed = "/vm-delegate end"
    else:
        typed = "/vm-pause end"
    return f" End it sooner with {code(typed)}."


def _who(asked: AccessRequest) -> str:
    """Who can be the second person."""
    if asked.expects is not None and asked.expects.vm is not None:
        return "somebody else who may expect this start (its owner or on-call)"
    if asked.delegates is not None:
        return f"somebody of on-call other than {escape(asked.delegates.to.name, 80) or 'them'}"
    return "somebody else of on-call"


def _buttons(asked: AccessRequest) -> Block:
    label = asked.request.by.name or "somebody"
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": APPROVE,
                "text": plain("Approve", BUTTON),
                "accessibility_label": f"Approve what {label} asks for"[:ACCESSIBILITY],
                "style": "danger",
                "value": asked.id,
            },
            {
                "type": "button",
                "action_id": DECLINE,
                "text": plain("Decline", BUTTON),
                "accessibility_label": f"Decline what {label} asks for"[:ACCESSIBILITY],
                "value": asked.id,
            },
        ],
    }
