"""Where the audit is kept for good: blobs that are written once."""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol


class Raw(NamedTuple):
    """A record of the audit as it is stored, byte for byte: what its digest was made of.

    Attributes:
        place: its id in its partition.
        record: JSON.
        previous: digest of the record before.
        digest: its own.
    """

    place: str
    record: str
    previous: str
    digest: str


class RawAudit(Protocol):
    """The audit, as it is stored."""

    async def raw_after(self, partition: int, place: str, *, limit: int) -> tuple[Raw, ...]:
        """The next records after this place, oldest first.

        Raises:
            DependencyAway: the store does not answer.
        """
        ...


class Kept(NamedTuple):
    """A blob that is there, and the facts that were put beside it."""

    name: str
    facts: Mapping[str, str]


class Archive(Protocol):
    """A container of blobs. Every method raises ``DependencyAway`` when the service does not answer."""

    async def put(self, name: str, content: bytes, facts: Mapping[str, str]) -> Kept | None:
        """Write it if nothing has this name; ``None`` if it is written, else what is there."""
        ...

    async def last(self, prefix: str) -> Kept | None:
        """The last one by name that begins so; ``None`` if none does."""
        ...

    def names(self, prefix: str) -> AsyncIterator[str]:
        """All names that begin so, in order."""
        ...

    async def read(self, name: str) -> bytes:
        """What is in it.

        Raises:
            NotFound: there is no such blob.
        """
        ...

    async def immutable(self) -> bool:
        """Whether a policy keeps what is written from being changed or deleted."""
        ...
