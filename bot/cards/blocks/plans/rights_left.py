"""The roles that a containment leaves: by which the caller could start the VM again, and how each goes."""

from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import code, escape
from workers.domain.containment.grants import Grant
from workers.domain.containment.plans import Plan

_MOST = 4
_HEAD = "*Roles that stay.* Startgate removes none of them; whoever manages access can:"


def rights_left(plan: Plan) -> list[Block]:
    """No block if nothing is known."""
    if not plan.grants:
        return []
    lines = [_line(grant) for grant in plan.grants]
    return [section("\n".join([_HEAD, listed(lines, _MOST, "role assignment", between="\n")]))]


def _line(grant: Grant) -> str:
    command = f"\n   {code(grant.command, 400)}" if grant.command else ""
    return f"\u2022 {escape(grant.text, 250)}{command}"
