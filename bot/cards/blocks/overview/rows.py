"""One open question, and one contained VM, as a row of a list."""

from datetime import datetime

from bot.cards.blocks import evidence, risk
from bot.cards.blocks.card import buttons
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Block
from bot.cards.blocks.status import cause_line, progress
from bot.cards.blocks.text import ago, clock, code, duration, mention, when
from workers.domain.asking.approvals import Approval
from workers.domain.asking.delegations import Delegation
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.starts.people import Actor

_SIGNS = {
    ContainmentState.CONTAINED: "\U0001f512 contained",
    ContainmentState.INCOMPLETE: "\u26a0\ufe0f *incomplete*",
    ContainmentState.RESTORING: "\u21a9\ufe0f being restored",
}


def question_row(approval: Approval, now: datetime) -> str:
    """Who started what, when, how risky it looks, and until when it can be answered, as mrkdwn."""
    event = approval.event
    risky = f"*{said}.* " if (said := risk.worth_saying(approval)) else ""
    lead = [line for line in risk.lead(approval)[1:3] if risky]
    since = f"Nobody could be asked yet; open for {duration(now - approval.opened_at)}."
    if approval.asked_at is not None:
        since = f"Asked {ago(approval.asked_at, now)}; open until {clock(approval.expire_at)}."
    if not approval.asks:
        since = f"Announced, no answer needed; it can be rejected until {when(approval.expire_at)}."
    again = f" {approval.starts} starts." if approval.starts > 1 else ""
    return "\n".join([f"{risky}{evidence.who_did_what(event)} {when(event.at)}.{again}", *lead, since])


def question_blocks(
    approval: Approval,
    reader: Actor,
    now: datetime,
    *,
    may: bool = False,
    in_stead_of: Delegation | None = None,
) -> list[Block]:
    """The row, with buttons where this person may answer. The click checks that again.

    Args:
        approval: the question.
        reader: who looks at it.
        now: the time.
        may: whether the reader is known to be asked.
        in_stead_of: the delegation by which alone they are.
    """
    said = question_row(approval, now)
    if in_stead_of is not None:
        said += f"\nYou answer in the stead of {mention(in_stead_of.giver)} until {when(in_stead_of.until)}."
    row = section(said)
    reads = reader.email.lower()
    own = bool(reads) and reads == approval.event.caller.email.lower()
    barred = bool(reads) and reads in {one.email.lower() for one in approval.risky_callers}
    if not (reader.owns(approval.answerers) or reader.on_call or may or in_stead_of):
        return [row]
    return [row, buttons(approval, own=own, only_reject=barred or not approval.asks)]


def contained_row(containment: Containment, now: datetime) -> str:
    """Which VM, since when, why, and how far it is, as mrkdwn."""
    state = _SIGNS.get(containment.state, "\u26d4 being contained")
    since = containment.verified_at if containment.state is ContainmentState.CONTAINED else containment.began
    at = since or containment.began
    return "\n".join(
        [
            f"{code(containment.vm.name)}: {state} since {when(at)} ({duration(now - at)})",
            cause_line(containment),
            *([progress(containment)] if containment.state is ContainmentState.INCOMPLETE else []),
        ]
    )


def worst_first(containments: list[Containment]) -> list[Containment]:
    """Incomplete ones first, then those that stand the longest."""
    return sorted(
        containments,
        key=lambda one: (one.state is not ContainmentState.INCOMPLETE, one.opened_at, one.id),
    )
