"""The nudger in memory, for tests of what stands above it: keeps what was sent."""

from workers.domain.nudges import Nudge


class MemoryNudger:
    """``workers.domain.ports.Nudger`` that keeps nudges in two lists, in order."""

    def __init__(self) -> None:
        self.to_work: list[Nudge] = []
        self.to_notices: list[Nudge] = []
        self.cancelled: list[int] = []

    async def work(self, *nudges: Nudge) -> None:
        """Keep them."""
        self.to_work.extend(nudges)

    async def schedule_work(self, nudge: Nudge) -> int:
        """Keep it; its sequence number is its place in ``to_work``, from 1."""
        self.to_work.append(nudge)
        return len(self.to_work)

    async def cancel_work(self, sequence_number: int) -> None:
        """Keep the number in ``cancelled``."""
        self.cancelled.append(sequence_number)

    async def notices(self, *nudges: Nudge) -> None:
        """Keep them."""
        self.to_notices.extend(nudges)
