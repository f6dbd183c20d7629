"""What one connection may do, by the tokens that were put on it, and until when.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide (claims-based
authorization): a token counts for the entity it names, a new one replaces it, and when it expires, the links
to that entity are dropped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

Rights = frozenset[str]
"""Of ``listen``, ``send`` and ``manage``; ``manage`` carries the other two."""

ALL_RIGHTS: Rights = frozenset(("listen", "send", "manage"))


def covers(granted: str, entity: str) -> bool:
    """Whether a grant for one address counts for another: the same one, or one below it."""
    return not granted or entity == granted or entity.startswith(granted + "/")


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token gives: rights on an entity and all below it, until a Unix time in seconds."""

    entity: str
    rights: Rights
    until: float


class Claims:
    """The grants of one connection."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}

    def put(self, grant: Grant) -> None:
        """Take a grant, in place of the former one for the same entity."""
        self._grants[grant.entity] = grant

    def allow(self, entity: str, *rights: str) -> bool:
        """Whether a valid token carries one of the rights, or ``manage``."""
        wanted = {*rights, "manage"}
        return any(not wanted.isdisjoint(grant.rights) for grant in self._valid(entity))

    def name(self, entity: str) -> bool:
        """Whether any token, valid or not, was put for the entity."""
        return any(covers(grant.entity, entity) for grant in self._grants.values())

    @property
    def empty(self) -> bool:
        """Whether no good token was ever put."""
        return not self._grants

    def expires_in(self) -> float | None:
        """Seconds until the next valid token expires."""
        now = self._clock()
        return min((g.until - now for g in self._grants.values() if g.until > now), default=None)

    def expire(self) -> None:
        """Let every token expire now."""
        self._grants = {key: Grant(key, grant.rights, 0) for key, grant in self._grants.items()}

    def _valid(self, entity: str) -> list[Grant]:
        now = self._clock()
        return [g for g in self._grants.values() if g.until > now and covers(g.entity, entity)]
