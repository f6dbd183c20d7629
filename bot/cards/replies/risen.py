"""The reply that says that a risk has risen: late facts or a further start tell nobody by an edit."""

from bot.cards.blocks import risk
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import code, name
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
    text = "\n".join([head, *risk.lead(approval)])
    return [Reply(f"risk.{now.level}", Message(f"{said}: {name(vm)}", [section(text)]))]
