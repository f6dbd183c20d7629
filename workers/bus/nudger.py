"""Sends nudges to the internal queues, now or for later, and takes back what has become needless."""

import asyncio
from collections import deque

import structlog
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import MessageNotFoundError

from workers.bus.connection import NOTICES, QUIET_S, SOCKET_TIMEOUT_S, WORK, opened
from workers.bus.refusals import told
from workers.bus.sender import QueueSender
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Nudge
from workers.telemetry.spans import properties

log = structlog.get_logger(__name__)

CANCEL_S = 3.0
"""Seconds for one cancelling; what is not cancelled fires, and finds nothing to do."""
_OPEN_AGAIN_S = 2.0


class BusNudger:
    """``workers.domain.ports.Nudger`` on Service Bus.

    Args:
        quiet_s: seconds after which a link is replaced, for it may have fallen silent.
    """

    def __init__(self, client: ServiceBusClient, *, quiet_s: float = QUIET_S) -> None:
        self._client = client
        self._work = QueueSender(client, WORK, quiet_s=quiet_s)
        self._notices = QueueSender(client, NOTICES, quiet_s=quiet_s)
        self._needless: deque[int] = deque()
        self._cancelling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect both senders, however long it takes."""
        await asyncio.gather(*(_open(sender) for sender in (self._work, self._notices)))

    async def work(self, *nudges: Nudge) -> None:
        """Have workers look at it."""
        await self._work.send([_message(nudge) for nudge in nudges])

    async def notices(self, *nudges: Nudge) -> None:
        """Have the bot look at it."""
        await self._notices.send([_message(nudge) for nudge in nudges])

    async def schedule_work(self, nudge: Nudge) -> int:
        """Have workers look at it when it is due; the number takes it back."""
        if nudge.due is None:
            raise ValueError("a nudge without a due time can't be scheduled")
        return await self._work.schedule(_message(nudge), nudge.due)

    async def cancel_work(self, sequence_number: int) -> None:
        """Take a scheduled nudge back, soon: nobody waits for it."""
        self._needless.append(sequence_number)
        if self._cancelling is None:
            self._cancelling = asyncio.create_task(self._cancel_needless())

    async def close(self) -> None:
        """Send what waits, then close. What was not cancelled by then fires, and finds nothing to do."""
        if self._cancelling is not None:
            self._cancelling.cancel()
            await asyncio.wait([self._cancelling])
        await asyncio.gather(self._work.close(), self._notices.close())

    async def _cancel_needless(self) -> None:
        """One by one, on a link of its own: one that is gone, or waits for an answer, holds nothing up."""
        try:
            while self._needless:
                sender = self._client.get_queue_sender(WORK, socket_timeout=SOCKET_TIMEOUT_S)
                async with opened(sender) as link:
                    while self._needless:
                        await _cancel(link, self._needless.popleft())
        except Exception as error:
            log.info("not cancelled; it will find nothing to do", error=told(error))
            self._needless.clear()
        finally:
            self._cancelling = None


async def _open(sender: QueueSender) -> None:
    while True:
        try:
            await sender.open()
        except DependencyAway:
            await asyncio.sleep(_OPEN_AGAIN_S)
        else:
            return


async def _cancel(link: ServiceBusSender, sequence_number: int) -> None:
    try:
        async with asyncio.timeout(CANCEL_S):
            await link.cancel_scheduled_messages(sequence_number, timeout=CANCEL_S)
    except MessageNotFoundError:
        log.debug("it has fired, or was cancelled", sequence_number=sequence_number)


def _message(nudge: Nudge) -> ServiceBusMessage:
    """One with ``due`` is scheduled at the broker."""
    return ServiceBusMessage(
        nudge.model_dump_json().encode(),
        message_id=nudge.message_id,
        content_type="application/json",
        subject=str(nudge.subject),
        application_properties=properties(),
        scheduled_enqueue_time_utc=nudge.due,
    )
