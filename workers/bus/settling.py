"""Settles a message of one link by the handler's word."""

import asyncio
import datetime as dt
import re

import structlog
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from workers.bus.completing import SETTLE_S, Completions
from workers.bus.nudger import QueueSender
from workers.bus.payload import body
from workers.bus.turns import Turns
from workers.domain.messages import Complete, DeadLetter, Later, Settlement

log = structlog.get_logger(__name__)

_DESCRIPTION_LIMIT = 1000
_ENDING = re.compile(r"~\d+$")


class Settler:
    """Settles what is done on one link.

    Args:
        receiver: the link.
        turns: when it may settle.
        sender: sends again to the same queue what is for later.
        queue: for the log.
    """

    def __init__(self, receiver: ServiceBusReceiver, turns: Turns, sender: QueueSender, queue: str) -> None:
        self._receiver = receiver
        self._turns = turns
        self._sender = sender
        self._queue = queue
        self._completions = Completions(receiver, turns, queue)

    async def settle(self, raw: ServiceBusReceivedMessage, settlement: Settlement | None) -> None:
        """Returns when it is settled, or when that failed, which only the log is told.

        A settlement that fails is no loss: the lock runs out and the message comes again.

        Args:
            raw: what came by this link.
            settlement: the handler's word; nothing abandons it, which counts as a failed delivery.
        """
        if isinstance(settlement, Complete):
            await self._completions.complete(raw)
            return
        try:
            await self._turns.to_settle()
            async with asyncio.timeout(SETTLE_S):
                await self._tell(raw, settlement)
        except Exception as error:
            log.warning(
                "a message could not be settled; it will come again",
                queue=self._queue,
                message=raw.message_id,
                error=f"{type(error).__name__}: {error}",
            )
        finally:
            self._turns.settled()

    async def _tell(self, raw: ServiceBusReceivedMessage, settlement: DeadLetter | Later | None) -> None:
        match settlement:
            case DeadLetter():
                await self._receiver.dead_letter_message(
                    raw,
                    reason=settlement.reason,
                    error_description=settlement.description[:_DESCRIPTION_LIMIT],
                )
            case Later():
                await self._sender.send([_again(raw, settlement)])
                await self._receiver.complete_message(raw)
            case None:
                await self._receiver.abandon_message(raw)


def _again(raw: ServiceBusReceivedMessage, later: Later) -> ServiceBusMessage:
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
