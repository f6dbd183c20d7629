"""What the Azure stand-in tells of a start, and how it gets to a queue."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from deploy.sandbox.azure import delivery
from deploy.sandbox.azure.delivery import Outbox, ServiceBusQueue
from deploy.sandbox.azure.events import Started
from deploy.sandbox.azure.messages import Message, messages
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.world import World
from tests.contract.azure.rig import WEB_01, Cloud

STARTED = Started(resource_id=WEB_01, principal=World.load().principal("nadia"), tenant="t")


class TestEvents:
    async def test_a_start_through_arm_ends_as_a_message_on_the_queue(self) -> None:
        bus = BusServer()
        await bus.start()
        connection = (
            f"Endpoint=sb://127.0.0.1:{bus.amqp_port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )
        server = AzureServer(speed=0, queue=ServiceBusQueue(connection, "starts"))
        await server.start()
        async with (
            Cloud(server, token=f"{TOKEN}~nadia") as cloud,
            ServiceBusClient.from_connection_string(connection) as client,
            client.get_queue_receiver("starts") as receiver,
        ):
            await (await cloud.compute.virtual_machines.begin_start("rg-shop", "web-01")).result()
            (message,) = await receiver.receive_messages(max_message_count=1, max_wait_time=PATIENCE_S)
            await receiver.complete_message(message)
            event = json.loads(b"".join(message.body))
            properties = {
                key.decode(): value.decode() for key, value in message.application_properties.items()
            }
        await server.stop()
        await bus.stop()
        assert event["subject"] == WEB_01
        assert event["eventType"] == "Microsoft.Resources.ResourceActionSuccess"
        assert event["data"]["claims"]["name"] == "Nadia Night"
        assert properties["aeg-delivery-count"] == "0"
        assert properties["aeg-output-event-id"] == event["id"]


class AwayFor:
    """A queue that refuses the first attempts."""

    def __init__(self, attempts: int) -> None:
        self._left = attempts
        self.taken: list[Message] = []

    async def send(self, message: Message) -> None:
        if self._left:
            self._left -= 1
            raise ConnectionRefusedError("nobody listens")
        self.taken.append(message)

    async def close(self) -> None:
        pass


class Outboxes:
    """An outbox to a queue that is away, and what it recorded."""

    def __init__(self, away_for: int) -> None:
        self.queue = AwayFor(away_for)
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.outbox = Outbox(self.queue, lambda kind, **data: self.recorded.append((kind, data)))


@pytest.fixture
async def sent(request: pytest.FixtureRequest) -> AsyncIterator[Outboxes]:
    sent = Outboxes(request.param)
    yield sent
    await sent.outbox.close()


class TestDelivery:
    @pytest.mark.parametrize("sent", [4], indirect=True)
    async def test_it_keeps_trying_while_the_bus_is_away_and_counts(
        self, sent: Outboxes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "RETRY_S", (0.0,))
        (message,) = messages(STARTED)
        await sent.outbox.post(message, vm_id=WEB_01)
        assert [m.properties["aeg-delivery-count"] for m in sent.queue.taken] == ["4"]
        assert [m.message_id for m in sent.queue.taken] == [message.message_id]
        assert [data["accepted"] for kind, data in sent.recorded if kind == "event"] == [False, True]
        assert sent.recorded[1][1]["attempts"] == 5

    @pytest.mark.parametrize("sent", [1000], indirect=True)
    async def test_posting_waits_for_nothing_and_closing_gives_up(self, sent: Outboxes) -> None:
        task = sent.outbox.post(messages(STARTED)[0])
        await asyncio.sleep(0)
        assert sent.outbox.waiting == 1
        await sent.outbox.close()
        assert task.cancelled()
