"""What lies in the dead letters of several queues."""

import contextlib
from collections.abc import Mapping, Sequence

from azure.servicebus.aio import ServiceBusClient

from workers.bus.dead_letters import DeadLetters
from workers.domain.asking.notices.dead_letters import PutAside

_LONGEST_REASON = 60


class PutAsideReader:
    """``workers.domain.ports.DeadLetterReader`` on Service Bus."""

    def __init__(self, client: ServiceBusClient, queues: Sequence[str]) -> None:
        self._letters = [DeadLetters(client, queue) for queue in queues]

    async def __call__(self, *, most: int) -> Mapping[str, tuple[PutAside, ...]]:
        """Queue → its dead letters, the oldest first; see the port."""
        return {letters.queue: await _first(letters, most) for letters in self._letters}


async def _first(letters: DeadLetters, most: int) -> tuple[PutAside, ...]:
    found: list[PutAside] = []
    async with contextlib.aclosing(letters.peek()) as peeked:
        async for dead in peeked:
            found.append(PutAside(dead.sequence, (dead.reason or "no reason")[:_LONGEST_REASON]))
            if len(found) == most:
                break
    return tuple(found)
