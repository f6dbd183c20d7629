"""What ``/vm-pause`` answers."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.cards.blocks.answers import private
from bot.cards.blocks.brakes.paused import pause_line
from bot.cards.blocks.inputs import reason_input
from bot.cards.blocks.kit import OPTION, modal, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.text import code, duration, plain
from workers.domain.containment.brakes.pause import Pause
from workers.domain.durations import written

PAUSE_FORM = "pause.form"
_SPAN = "span"


def pause_form(spans: Sequence[timedelta], usual: timedelta) -> dict[str, Any]:
    """Asks for how long, and why."""
    options = [_option(span) for span in spans]
    return modal(
        "Pause changes in Azure",
        [
            section("No containment and no restore goes on while it lasts. Starts are still asked about."),
            {
                "type": "input",
                "block_id": _SPAN,
                "label": plain("For how long?", 2000),
                "element": {
                    "type": "static_select",
                    "action_id": _SPAN,
                    "options": options,
                    "initial_option": _option(usual),
                },
            },
            reason_input("Why?", hint="On-call reads it on every card while the pause lasts."),
        ],
        callback_id=PAUSE_FORM,
        submit="Pause",
        close="Back",
    )


def chosen_span(view: Mapping[str, Any], spans: Sequence[timedelta]) -> timedelta | None:
    """What was chosen in a submitted form; ``None`` if it is none of these."""
    values = view.get("state", {}).get("values", {})
    option = values.get(_SPAN, {}).get(_SPAN, {}).get("selected_option") or {}
    return next((span for span in spans if written(span) == option.get("value")), None)


def _option(span: timedelta) -> Block:
    return {"text": plain(duration(span), OPTION), "value": written(span)}


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
