"""Which processes run, and by which policy each of them goes."""

from collections.abc import Mapping
from typing import Protocol

from workers.domain.model import Stored, UtcTime


class Running(Stored):
    """A process that runs, or did a moment ago.

    Attributes:
        process: ``workers`` or ``bot``.
        host: where.
        policy: digest of the policy that it goes by.
        at: when it said so last.
    """

    process: str
    host: str
    policy: str
    at: UtcTime


class ProcessBook(Protocol):
    """What each process says of itself now and then. The line of one that was killed stays."""

    async def note(self, name: str, running: Running) -> None:
        """Write or renew the line of the process of this name; raises ``DependencyAway``."""
        ...

    async def forget(self, *names: str) -> None:
        """Take these lines out; raises ``DependencyAway``."""
        ...

    async def running(self) -> Mapping[str, Running]:
        """Every line by its name; raises ``DependencyAway``."""
        ...
