"""The nudger in memory, for tests of what stands above it: keeps what was sent."""

from workers.domain.nudges import Nudge


class MemoryNudger:
    """``workers.domain.ports.Nudger`` that keeps nudges in two lists, in order."""

    def __init__(self) -> None:
        self.to_work: list[Nudge] = []
        self.to_notices: list[Nudge] = []

    async def work(self, *nudges: Nudge) -> None:
        """Keep them."""
        self.to_work.extend(nudges)

    async def notices(self, *nudges: Nudge) -> None:
        """Keep them."""
        self.to_notices.extend(nudges)
