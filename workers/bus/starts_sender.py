"""Puts a message on the queue of starts, as Event Grid does."""

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from workers.bus.connection import STARTS
from workers.bus.sender import QueueSender


class BusStartsSender:
    """``workers.domain.ports.StartsSender`` on Service Bus. It is used once an hour: no link stays open."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client

    async def __call__(self, body: bytes, message_id: str) -> None:
        """Send it."""
        sender = QueueSender(self._client, STARTS)
        try:
            await sender.send(
                [ServiceBusMessage(body, message_id=message_id, content_type="application/json")]
            )
        finally:
            await sender.close()
