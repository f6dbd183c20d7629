"""Who is paged, and how far that has come."""

from typing import NamedTuple, Protocol

from workers.domain.asking.notices.pages import Page
from workers.domain.audit import AuditRecord


class PageRefused(Exception):
    """The target will never take this page; says why."""


class PageTarget(Protocol):
    """A service outside Slack that calls people."""

    @property
    def name(self) -> str:
        """For the audit and the cursor: ``pagerduty`` or ``webhook``."""
        ...

    async def send(self, page: Page) -> None:
        """Send it. Sending one again does no harm: it carries the same key and id.

        Raises:
            DependencyAway: try again, not before ``retry_after_s`` if it says so.
            PageRefused: trying again is pointless.
        """
        ...


class Written(NamedTuple):
    """A record and its place; ``None`` for what is no record of ours."""

    place: str
    record: AuditRecord | None


class AuditCursor(Protocol):
    """Reads the audit from where a reader of this name has come to."""

    async def place(self, name: str, partition: int) -> str | None:
        """Up to which record it has read; ``None`` for a reader that has never been here."""
        ...

    async def move(self, name: str, partition: int, place: str) -> None:
        """It has read up to this place."""
        ...

    async def newest(self, partition: int) -> str:
        """The place of the newest record; one before all where there is none."""
        ...

    async def after(self, partition: int, place: str, *, limit: int) -> tuple[Written, ...]:
        """The next records, oldest first."""
        ...


class OpenPages(Protocol):
    """Which calls of a target have not ended."""

    async def is_open(self, target: str, key: str) -> bool:
        """Whether it was triggered and not resolved."""
        ...

    async def opened(self, target: str, key: str) -> None:
        """It was triggered."""
        ...

    async def closed(self, target: str, key: str) -> None:
        """It was resolved."""
        ...
