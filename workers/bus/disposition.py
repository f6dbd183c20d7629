"""One disposition for a range of deliveries: AMQP has it (2.7.6), and the SDK's link, but no public method.

Azure's own AMQP library for .NET sends such ranges, so the service knows them well. What reaches behind the
SDK's public face for this is here; ``tests/contract/bus`` fails when an update of it takes a part away, and
who calls then completes one message after the other.
"""
# ruff: noqa: SLF001

from collections.abc import Iterable, Sequence
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp.error import MessageException, MessageSettlementUnconfirmed
from azure.servicebus.aio import ServiceBusReceiver


class OtherLink(Exception):
    """Messages that came by a link that is gone: each can only be settled by its lock."""


def ranges(messages: Iterable[ServiceBusReceivedMessage]) -> list[list[ServiceBusReceivedMessage]]:
    """Messages of one link, in ranges that leave none out: a range must not hold what is still worked on."""
    found: list[list[ServiceBusReceivedMessage]] = []
    for message in sorted(messages, key=_delivery_id):
        if found and _delivery_id(message) == _delivery_id(found[-1][-1]) + 1:
            found[-1].append(message)
        else:
            found.append([message])
    return found


async def complete_range(receiver: ServiceBusReceiver, messages: Sequence[ServiceBusReceivedMessage]) -> None:
    """Complete them all at once; returns when the service has confirmed every one.

    Args:
        receiver: the link by which they came.
        messages: one of ``ranges``, of two and more.

    Raises:
        OtherLink: not all of them came by the link that is there now; nothing was completed.
        Exception: what the SDK raises; see ``refused``.
    """
    client: Any = receiver._handler
    first, *others = messages
    # The SDK makes a broken link anew, whose deliveries are counted from 0 again, and looks at one tag only:
    # a range of old messages would complete new ones, which may still be worked on.
    tags: set[bytes] = client._link._received_delivery_tags
    if not all(message._delivery_tag in tags for message in messages):
        raise OtherLink
    ids = (_delivery_id(first), _delivery_id(messages[-1]))
    await client.settle_messages_async(ids, first._delivery_tag, "accepted", await_outcome=True)
    # Of a range it forgets the first tag, and would keep those of the others for ever.
    tags.difference_update(other._delivery_tag for other in others)


def refused(error: Exception) -> bool:
    """Whether it is the service's own answer, such as to a lock that is lost."""
    return isinstance(error, MessageException) and not isinstance(error, MessageSettlementUnconfirmed)


def _delivery_id(message: ServiceBusReceivedMessage) -> int:
    """Its number on its link, one more than that of the message before it."""
    number: int = message._delivery_id
    return number
