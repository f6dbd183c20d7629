"""The way in: the queue that Event Grid writes to."""

from typing import Protocol


class StartsSender(Protocol):
    """Sends what a canary is made of."""

    async def __call__(self, body: bytes, message_id: str) -> None:
        """Put a message on the queue of starts.

        Raises:
            DependencyAway: Service Bus does not answer.
        """
        ...
