"""What keeps a containment from being carried out, such as somebody's lock."""

from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.status import sentence
from bot.cards.blocks.text import escape
from workers.domain.containment.plans import Plan

_MOST = 3


def obstacles(plan: Plan) -> list[Block]:
    """No block if nothing is in the way."""
    if not plan.obstacles:
        return []
    lines = [sentence(escape(one, 400)) for one in plan.obstacles]
    return [section("\n".join(["*This will stop it:*", listed(lines, _MOST, "obstacle", between="\n")]))]
