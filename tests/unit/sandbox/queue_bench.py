"""One queue of the Service Bus stand-in, with no wire and a clock that moves when told."""

from typing import Any

from deploy.sandbox.servicebus.journal import NoJournal
from deploy.sandbox.servicebus.messages import Message, Payload, Settings
from deploy.sandbox.servicebus.namespace import Namespace
from deploy.sandbox.servicebus.queues import Queue


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Mouth:
    """A consumer that takes up to ``appetite`` messages."""

    def __init__(self, appetite: int = 0, *, deletes: bool = False) -> None:
        self.appetite = appetite
        self.deletes = deletes
        self.got: list[tuple[Message, bytes]] = []

    def hungry(self) -> bool:
        return self.appetite > 0

    def deliver(self, message: Message, token: bytes) -> None:
        self.appetite -= 1
        self.got.append((message, token))


class Bench:
    """One queue with everything around it in reach."""

    def __init__(self, store: NoJournal | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        self.store = store or NoJournal()
        self.namespace = Namespace(
            [Settings(name="q", **options)], clock=self.clock, store=self.store, witness=self._see
        )
        self.queue = self.namespace.queues["q"]
        self.dead = self.namespace.queues["q/$deadletterqueue"]

    def _see(self, kind: str, **data: Any) -> None:
        self.events.append({"kind": kind, **data})

    def send(self, *ids: str, **options: Any) -> list[int]:
        return self.queue.send([Payload(own, own.encode(), **options) for own in ids])

    def take(self, count: int = 1, queue: Queue | None = None) -> list[tuple[Message, bytes]]:
        queue = queue or self.queue
        mouth = Mouth(count)
        queue.subscribe(mouth)
        queue.pump()
        queue.unsubscribe(mouth)
        return mouth.got

    def ids(self, count: int = 99) -> list[str]:
        return [message.payload.message_id for message, _ in self.take(count)]

    def wait(self, ms: int) -> None:
        self.clock.now += ms
        self.namespace.tick()

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]
