"""The reply that says that a risk has risen: late facts or a further start tell nobody by an edit."""

from bot.cards.blocks import risk
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import clock, code, name
from workers.domain.asking.announced import risen_to_high
from workers.domain.asking.approvals import Approval


def risen_replies(approval: Approval) -> list[Reply]:
    """At most one a level, for a question that is open."""
    now = approval.risk
    if now is None or now.level.rank <= approval.level_when_opened.rank:
        return []
    vm, said = approval.event.vm.name, risk.words(now)
    head = (
        f"{code(vm)}: the risk is {now.level} now; it was {approval.level_when_opened} when this was asked."
    )
    text = "\n".join([head, *risk.lead(approval), *_please_answer(approval)])
    return [Reply(f"risk.{now.level}", Message(f"{said}: {name(vm)}", [section(text)]))]


def _please_answer(approval: Approval) -> list[str]:
    """At high risk somebody has to answer, also if the start was announced at first."""
    if not approval.asks or not risen_to_high(approval):
        return []
    return [f"Was this start expected? Please answer on the card by {clock(approval.expire_at)}."]
