"""The time."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time, passed in so that an hour can pass in a millisecond."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        return datetime.now(UTC)
