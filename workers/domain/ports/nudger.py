"""The internal queues."""

from typing import Protocol

from workers.domain.nudges import Nudge


class Nudger(Protocol):
    """The internal queues."""

    async def work(self, *nudges: Nudge) -> None:
        """Have workers look at it: now or, with ``due``, then."""
        ...

    async def notices(self, *nudges: Nudge) -> None:
        """Have the bot look at it."""
        ...

    async def schedule_work(self, nudge: Nudge) -> int:
        """As ``work``, for one nudge with ``due``. Returns the sequence number that ``cancel_work`` takes."""
        ...

    async def cancel_work(self, sequence_number: int) -> None:
        """Cancel a scheduled nudge. One that was sent or cancelled already is no error."""
        ...
