"""Settles a message by the handler's word."""

import asyncio
import datetime as dt
import re

import structlog
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from workers.bus.payload import body
from workers.bus.sender import QueueSender
from workers.domain.messages import Complete, DeadLetter, Later, Settlement, Split

log = structlog.get_logger(__name__)

SETTLE_S = 15.0
"""Seconds for one settlement: half a lock is long enough, and the SDK has been seen to wait for ever."""
_DESCRIPTION_LIMIT = 1000
_ENDING = re.compile(r"~\d+$")


class Settler:
    """Settles what one link brought.

    Args:
        receiver: the link.
        again: sends to the same queue what is for later.
        queue: for the log.
    """

    def __init__(self, receiver: ServiceBusReceiver, again: QueueSender, queue: str) -> None:
        self._receiver = receiver
        self._again = again
        self._queue = queue

    async def settle(self, raw: ServiceBusReceivedMessage, settlement: Settlement | None) -> None:
        """Returns when it is settled, or when that failed, which only the log is told.

        A settlement that fails is no loss: the lock runs out and the message comes again.

        Args:
            raw: what came by this link.
            settlement: the handler's word; None abandons it, which counts as a failed delivery.
        """
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._settle(raw, settlement)
        except Exception as error:
            log.warning(
                "a message could not be settled; it will come again",
                queue=self._queue,
                message=raw.message_id,
                error=f"{type(error).__name__}: {error}",
            )

    async def _settle(self, raw: ServiceBusReceivedMessage, settlement: Settlement | None) -> None:
        match settlement:
            case Complete():
                await self._receiver.complete_message(raw)
            case DeadLetter():
                await self._receiver.dead_letter_message(
                    raw,
                    reason=settlement.reason,
                    error_description=settlement.description[:_DESCRIPTION_LIMIT],
                )
            case Later():
                # First the copy: a crash in between doubles the message, which is harmless, and loses none.
                await self._again.send([_copy(raw, settlement)])
                await self._receiver.complete_message(raw)
            case Split():
                # As with a copy for later. Delivered twice, its parts have the same ids again.
                await self._again.send(
                    [_part(raw, part, number) for number, part in enumerate(settlement.bodies, 1)]
                )
                await self._receiver.complete_message(raw)
            case None:
                await self._receiver.abandon_message(raw)


def _copy(raw: ServiceBusReceivedMessage, later: Later) -> ServiceBusMessage:
    """The same message, scheduled.

    Its id gets a new ending, or duplicate detection would drop it; its sequence number, which no other
    message has, or detection would take two of them for one.
    """
    base = _ENDING.sub("", raw.message_id or "")
    return ServiceBusMessage(
        body(raw) if later.body is None else later.body,
        message_id=f"{base[:100]}~{raw.sequence_number}",
        content_type=raw.content_type,
        subject=raw.subject,
        application_properties=raw.application_properties,
        scheduled_enqueue_time_utc=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=later.after_s),
    )


def _part(raw: ServiceBusReceivedMessage, part: bytes, number: int) -> ServiceBusMessage:
    """Part of a message, as a message of its own."""
    return ServiceBusMessage(
        part,
        message_id=f"{(raw.message_id or '')[:90]}~{raw.sequence_number}-{number}",
        content_type=raw.content_type,
        subject=raw.subject,
        application_properties=raw.application_properties,
    )
