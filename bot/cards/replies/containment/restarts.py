"""The reply that tells on-call that a contained VM was started: the first time, and once a day after that."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import calling, code, escape, name, when
from workers.domain.containment.containment import Containment


def restart_replies(containment: Containment, oncall_mention: str) -> list[Reply]:
    """Pages on-call about the start that they are to know of; nothing if there was none."""
    restart, vm = containment.restart, containment.vm
    if restart is None:
        return []
    calls = calling(oncall_mention)
    by = f" by *{escape(restart.by, 120)}*" if restart.by else ""
    text = (
        f"{calls}{code(vm.name)} was started{by} although it is contained, noticed {when(restart.at)}. It is"
        " stopped again each time, without asking. Find out who it was, and take away their permission."
    )
    headline = f"{name(vm.name)} was started while contained"
    return [Reply(f"restart.{restart.at:%Y%m%d%H%M%S}", Message(headline, [section(text)]), pages=True)]
