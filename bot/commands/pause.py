"""``/vm-pause``: on-call stops all changes in Azure, for a while, or has them go on."""

from datetime import timedelta

from bot.cards.blocks.access.answers import second_needed
from bot.cards.blocks.inputs import given_reason
from bot.cards.blocks.message import Message
from bot.commands.command import Command
from bot.commands.pause_blocks import (
    PAUSE_FORM,
    chosen_span,
    not_paused,
    pause_ended,
    pause_form,
    paused_now,
)
from bot.requests import Buttons, Dialogs, Outcome, Submitted, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_pause
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, LONGEST_PAUSE
from workers.domain.durations import duration, written
from workers.domain.starts.people import Actor

END = "end"
PAUSE_SPANS = (timedelta(minutes=15), timedelta(minutes=30), DEFAULT_PAUSE, LONGEST_PAUSE)


class PauseListener:
    """Pauses, or ends a pause."""

    buttons: Buttons = {}

    def __init__(self, services: Services) -> None:
        self._services = services
        self.dialogs: Dialogs = {PAUSE_FORM: self.submitted}

    async def typed(self, command: Typed) -> Message | None:
        """Do it at once: whoever types a reason is in a hurry. Typed alone, it asks for one."""
        pausing, by = self._services.pausing, command.actor.label
        if not command.text:
            await command.open_dialog(pause_form(PAUSE_SPANS, DEFAULT_PAUSE))
            return None
        if command.text.lower() == END:
            ended = await pausing.end(by)
            return not_paused() if ended is None else pause_ended()
        span, reason = _parsed(command.text)
        return await self._pause(command.actor, reason, span, via="command")

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Pause for the chosen time; authorized once more."""
        services, actor = self._services, dialog.actor
        await services.pausing.may(actor, wanted="/vm-pause, in its form")
        span = chosen_span(dialog.view, PAUSE_SPANS) or DEFAULT_PAUSE
        message = await self._pause(actor, given_reason(dialog.view), span, via="form")
        return Outcome(message=message)

    async def _pause(self, actor: Actor, reason: str, span: timedelta, *, via: str) -> Message:
        """Pause, or ask the second person that the policy wants for it."""
        pausing = self._services.pausing
        if pausing.takes_two:
            return second_needed(await pausing.ask(actor, reason, via=via, span=span))
        return paused_now(await pausing.begin(actor.label, reason, span=span))


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
    details=f"Typed alone, the command opens a form. `/vm-pause {END}` ends it sooner."
    f" `/vm-pause 30m REASON` takes another time, at most {written(LONGEST_PAUSE)}.",
    who="on-call",
    may=may_pause,
    listener=PauseListener,
    judged_now=True,
    opens_form=True,
)
