"""The product's bus classes against the stand-in, and handlers that keep what they were given."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.messages import DEAD_LETTERS, Message
from deploy.sandbox.servicebus.sections import build, read
from deploy.sandbox.servicebus.server import BusServer
from workers.bus.nudger import BusNudger
from workers.bus.receiver import Handler, QueueReceiver
from workers.domain import messages as domain
from workers.domain.messages import Complete
from workers.domain.nudges import Nudge, Subject

MARKS = [
    pytest.mark.asyncio(loop_scope="package"),
    # When a connection is cut, the client leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]
COUNT = 60
FREE = iter(range(COUNT))


class Bus:
    """The server under test. Every test takes a queue of its own, so that slow closing disturbs nobody."""

    def __init__(self, server: BusServer, client: ServiceBusClient) -> None:
        self.server = server
        self.client = client
        self.nudger = BusNudger(client)
        self._ending: list[asyncio.Task[None]] = []

    def queue(self) -> str:
        return f"q{next(FREE)}"

    def messages(self, queue: str) -> list[Message]:
        return list(self.server.namespace.queues[queue].messages.values())

    def dead(self, queue: str) -> list[Message]:
        return self.messages(queue + DEAD_LETTERS)

    def put(self, queue: str, *bodies: str, ids: list[str] | None = None) -> None:
        """Without AMQP; each has its body as its id, unless ``ids`` says otherwise."""
        names = ids if ids is not None else list(bodies)
        payloads = [read(build(b.encode(), i or None, {}, None)) for b, i in zip(bodies, names, strict=True)]
        self.server.namespace.queues[queue].send(payloads)
        self.server.broker.wake()

    def seen(self, kind: str, queue: str) -> list[dict[str, Any]]:
        return [e.data for e in self.server.record.since(0, kind) if e.data["queue"] == queue]

    async def receive(self, queue: str, handler: Handler, **options: Any) -> asyncio.Task[None]:
        """Run a receiver until the test ends; returns once it listens."""
        receiver = QueueReceiver(self.client, queue, handler, **{"receivers": 1, **options})
        task = self.start(receiver)
        await asyncio.wait_for(receiver.listening.wait(), PATIENCE_S)
        return task

    def start(self, receiver: QueueReceiver) -> asyncio.Task[None]:
        """Run this receiver until the test ends, however it ends."""
        task = asyncio.create_task(receiver.run())
        self._ending.append(task)
        return task

    async def end(self) -> None:
        """Stop all receivers at once: each takes a second."""
        for task in self._ending:
            task.cancel()
        if self._ending:
            await asyncio.wait(self._ending)
        self._ending.clear()


async def until(true: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """As soon as it is true; what it looks at lies in this process."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        await asyncio.sleep(0.005)


def nudge(n: int = 0, **changes: Any) -> Nudge:
    return Nudge.model_validate({"subject": Subject.APPROVAL, "id": f"a{n:025}", "version": 1, **changes})


def ids(messages: list[Message]) -> list[str]:
    return [message.payload.message_id for message in messages]


class Taken:
    """A handler that answers with ``answer`` and keeps what it was given."""

    def __init__(
        self, answer: Callable[[domain.Message], Awaitable[domain.Settlement] | domain.Settlement]
    ) -> None:
        self._answer = answer
        self.messages: list[domain.Message] = []

    async def __call__(self, message: domain.Message) -> domain.Settlement:
        self.messages.append(message)
        answer = self._answer(message)
        return await answer if isinstance(answer, Awaitable) else answer

    @property
    def bodies(self) -> list[str]:
        return [message.body.decode() for message in self.messages]


def completes(_: domain.Message) -> domain.Settlement:
    return Complete()
