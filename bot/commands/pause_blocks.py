"""What ``/vm-pause`` answers."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.brakes.paused import pause_line
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code
from workers.domain.containment.brakes.pause import Pause


def paused_now(pause: Pause) -> Message:
    """It is on, and how it ends."""
    text = "Changes in Azure are paused"
    return private(text, f"{pause_line(pause)}\nEnd it sooner with {code('/vm-pause end')}.")


def pause_ended() -> Message:
    """Writes go on."""
    return private(
        "Changes in Azure go on", "Changes in Azure go on. What waited is taken up within seconds."
    )


def not_paused() -> Message:
    """There was nothing to end."""
    return private("Not paused", "Changes in Azure are not paused. Nothing was changed.")
