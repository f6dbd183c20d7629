"""How long a link looks for a frame, each time: while it does, nothing else gets at the link.

What reaches behind the SDK's public face for this is here. Where an update of it takes that away, a quiet
link looks as often as a busy one, and ``tests/contract/bus`` fails.
"""
# ruff: noqa: SLF001

from typing import Any

from azure.servicebus.aio import ServiceBusReceiver

from workers.bus.turns import Look


def look_of(receiver: ServiceBusReceiver) -> Look:
    """What sets the seconds for which this receiver's next reads look, until the SDK makes its link anew."""

    def look(seconds: float) -> None:
        handler: Any = getattr(receiver, "_handler", None)
        if handler is not None:
            handler._socket_timeout = seconds

    return look
