"""The brakes: what keeps the engine from changing anything in Azure. This is the one place that decides it.

The engine asks before it begins anything; and each request that would write asks once more right before it is
sent, so that a pause also stops a step in its middle.
"""

from workers.domain.containment.containment import Containment, Held, HeldBy
from workers.domain.errors import WritesPaused
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Store


class Brakes:
    """Says whether a containment may go on, and whether anything may be written at all."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def may_write(self) -> None:
        """Called right before any request that changes something in Azure.

        Raises:
            WritesPaused: all writes are paused.
            DependencyAway: the store does not answer, so that it can't be told.
        """
        pause = await self._store.pause()
        if pause.until is not None and pause.on(self._clock.now()):
            raise WritesPaused(
                f"changes in Azure are paused by {pause.by}: {pause.reason}", until=pause.until
            )

    async def hold(self, containment: Containment) -> Held | None:
        """What holds this containment or its undo back at this moment; ``None`` if it may go on."""
        now = self._clock.now()
        pause = await self._store.pause()
        if pause.until is not None and pause.on(now):
            return _held(containment, Held(by=HeldBy.PAUSE, since=now, until=pause.until))
        return None


def _held(containment: Containment, held: Held) -> Held:
    """Held since it first was, while the same holds it."""
    before = containment.held
    return held.changed(since=before.since) if before is not None and before.by is held.by else held
