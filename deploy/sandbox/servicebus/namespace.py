"""The queues of one namespace, each with its dead-letter queue, and how addresses name them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from deploy.sandbox.servicebus.journal import JournalError, Kept
from deploy.sandbox.servicebus.messages import DEAD_LETTERS, Settings, Store, Witness
from deploy.sandbox.servicebus.queues import Queue

MANAGEMENT = "$management"
CBS = "$cbs"

DEFAULT_QUEUES = (
    Settings(name="starts", dedup_ms=600_000),
    Settings(name="work"),
    Settings(name="notices"),
)


class Address(NamedTuple):
    """Where a link goes: an entity, and a node of it (``$management``, ``$cbs``, or nothing)."""

    entity: str
    node: str = ""


def parse_address(text: str) -> Address:
    """An address in any form a client uses: a path, or a URI with any host; any case."""
    path = urlsplit(text).path if "://" in text else text
    path = path.strip("/").lower()
    head, _, tail = path.rpartition("/")
    if tail in (MANAGEMENT, CBS):
        return Address(head, tail)
    return Address(path)


class Namespace:
    """All queues, by name; dead-letter queues among them.

    Args:
        clock: Unix time in milliseconds.
        witness: told everything that happens to a message.
    """

    def __init__(
        self, settings: Iterable[Settings], *, clock: Callable[[], int], store: Store, witness: Witness
    ) -> None:
        self.clock = clock
        self.queues: dict[str, Queue] = {}
        for each in settings:
            dead = replace(each, name=each.name + DEAD_LETTERS, dedup_ms=0, max_delivery=0)
            dead_letters = Queue(dead, clock=clock, store=store, witness=witness)
            self.queues[each.name] = Queue(
                each, clock=clock, store=store, witness=witness, dead_letters=dead_letters
            )
            self.queues[dead.name] = dead_letters

    def restore(self, kept: dict[str, Kept]) -> None:
        """Start from what a journal kept.

        Raises:
            JournalError: it holds messages of a queue that is not there.
        """
        strangers = sorted(name for name, queue in kept.items() if queue.messages and name not in self.queues)
        if strangers:
            raise JournalError(
                f"the journal holds messages of {', '.join(strangers)}: declare them with --queue"
            )
        for name, queue in kept.items():
            if name in self.queues:
                self.queues[name].restore(queue.messages.values(), queue.seen, queue.last_sequence)

    def pump(self) -> None:
        """Hand out what can be handed out."""
        for queue in self.queues.values():
            queue.pump()

    def tick(self) -> None:
        """Do what is due."""
        for queue in self.queues.values():
            queue.tick()

    def next_due_ms(self) -> int | None:
        """When ``tick`` has something to do."""
        return min(
            (due for queue in self.queues.values() if (due := queue.next_due_ms()) is not None), default=None
        )
