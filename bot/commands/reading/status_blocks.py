"""What ``/vm-status`` answers where no VM is certainly meant."""

from collections.abc import Sequence

from bot.cards.blocks.answers import private
from bot.cards.blocks.kit import listed
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code
from bot.commands.nearest import nearest_buttons

NEAR = "status.near"
_MOST_NAMES = 10


def no_such_vm(
    query: str, nearest: Sequence[str], *, mine: bool = False, several: Sequence[str] = ()
) -> Message:
    """No VM of that name; the nearest names are buttons.

    Args:
        query: what was typed; empty where only the command was.
        nearest: names that are like it.
        mine: only VMs whose owner the reader is count.
        several: names of several VMs of the reader that fit.
    """
    if several:
        names = listed([code(one) for one in several], _MOST_NAMES, "VM")
        return private(
            "Which VM?", f"{len(several)} VMs of yours match {code(query)}: {names}. Type one of them."
        )
    if mine and not query:
        return private("Which VM?", f"Type the VM's name, e.g. {code('/vm-status web-02')}.")
    if mine:
        return private(
            "VM not found",
            f"No VM of yours matches {code(query)}. Only its owner or on-call can see how a VM stands.",
        )
    if not nearest:
        said = f"No VM matches {code(query)}. Check the spelling, or use its resource id."
        return private("VM not found", said)
    answer = private("VM not found", f"No VM matches {code(query)}. Did you mean:")
    return Message(answer.text, [*answer.blocks, *nearest_buttons(NEAR, "Status of", nearest, "")])
