"""What a doctor looks at in Service Bus: the rights that this identity needs, without taking any message."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple
from uuid import uuid4

from azure.servicebus import ServiceBusMessage, ServiceBusMessageState
from azure.servicebus.aio import ServiceBusClient

from workers.bus.refusals import NO_RIGHT, UNREACHABLE, refusal, told
from workers.runtime.checks import Check, Failed

_ANSWER_S = 10.0
_LOOKED_AT = 20
_FAR_OFF = dt.timedelta(hours=1)


class Needs(NamedTuple):
    """What a process does with a queue."""

    queue: str
    receives: bool
    sends: bool


def bus_checks(client: ServiceBusClient, needs: Iterable[Needs]) -> list[Check]:
    """One check for each right that is needed.

    Receiving is proved by a peek, which locks nothing; sending by a message that is scheduled for an hour
    from now and cancelled at once.
    """
    checks: list[Check] = []
    for need in needs:
        if need.receives:
            checks.append(_check(client, need.queue, receive=True))
        if need.sends:
            checks.append(_check(client, need.queue, receive=False))
    return checks


def _check(client: ServiceBusClient, queue: str, *, receive: bool) -> Check:
    right, role = (
        ("Listen", "Azure Service Bus Data Receiver")
        if receive
        else ("Send", "Azure Service Bus Data Sender")
    )

    async def look() -> str:
        try:
            return await (_peek(client, queue) if receive else _schedule(client, queue))
        except Failed:
            raise
        except Exception as error:
            why = refusal(error)
            if why is NO_RIGHT:
                raise Failed(
                    f"the right {right} is missing", remedy=f"give this identity the role {role} on the queue"
                ) from None
            raise Failed(told(error), remedy=why.remedy) from None

    return Check(
        name=f"queue {queue}, {'receive' if receive else 'send'}",
        look=look,
        remedy=UNREACHABLE.remedy,
    )


async def _peek(client: ServiceBusClient, queue: str) -> str:
    async with client.get_queue_receiver(queue) as receiver:
        found = await receiver.peek_messages(_LOOKED_AT, timeout=_ANSWER_S)
    # Peeking shows scheduled messages too, which wait for their time and for nobody.
    waiting = [raw.enqueued_time_utc for raw in found if raw.state is ServiceBusMessageState.ACTIVE]
    since = min((at for at in waiting if at is not None), default=None)
    return "may receive" + (f"; the oldest message waits since {since:%F %T} UTC" if since else "")


async def _schedule(client: ServiceBusClient, queue: str) -> str:
    probe = ServiceBusMessage(b'{"doctor": true}', message_id=f"doctor-{uuid4().hex}")
    async with client.get_queue_sender(queue) as sender:
        numbers = await sender.schedule_messages(probe, dt.datetime.now(dt.UTC) + _FAR_OFF, timeout=_ANSWER_S)
        try:
            await sender.cancel_scheduled_messages(numbers, timeout=_ANSWER_S)
        except Exception as error:
            raise Failed(
                f"may send, but the probe (sequence number {numbers[0]}) could not be cancelled "
                f"({type(error).__name__})",
                remedy="it will be dead-lettered in an hour; discard it then",
            ) from error
    return "may send"
