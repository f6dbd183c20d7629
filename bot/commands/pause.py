"""``/vm-pause``: on-call stops all changes in Azure, for a while, or has them go on."""

from datetime import timedelta

from bot.cards.blocks.message import Message
from bot.commands.command import Command
from bot.commands.pause_blocks import not_paused, pause_ended, paused_now
from bot.requests import Buttons, Dialogs, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_pause
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, LONGEST_PAUSE
from workers.domain.durations import duration, written

END = "end"


class PauseListener:
    """Pauses, or ends a pause."""

    dialogs: Dialogs = {}
    buttons: Buttons = {}

    def __init__(self, services: Services) -> None:
        self._services = services

    async def typed(self, command: Typed) -> Message:
        """Do it at once: whoever types this is in a hurry."""
        pausing, by = self._services.pausing, command.actor.label
        if command.text.lower() == END:
            ended = await pausing.end(by)
            return not_paused() if ended is None else pause_ended()
        span, reason = _parsed(command.text)
        return paused_now(await pausing.begin(by, reason, span=span))


def _parsed(text: str) -> tuple[timedelta, str]:
    """How long, if the text begins with a time; and the reason."""
    first, *rest = text.split(maxsplit=1) or [""]
    try:
        span = duration(first.lower())
    except ValueError:
        return DEFAULT_PAUSE, text
    return (span, " ".join(rest)) if isinstance(span, timedelta) else (DEFAULT_PAUSE, text)


COMMAND = Command(
    name="/vm-pause",
    arguments="REASON",
    example="the wrong VMs are being contained",
    summary=f"Pause all changes in Azure for {written(DEFAULT_PAUSE)}",
    details=f"`/vm-pause {END}` ends it sooner. `/vm-pause 30m REASON` takes another time, at most"
    f" {written(LONGEST_PAUSE)}.",
    who="on-call",
    may=may_pause,
    listener=PauseListener,
    judged_now=True,
)
