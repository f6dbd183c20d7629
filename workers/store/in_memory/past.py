"""What is remembered of VMs and of callers, in memory: for tests of what stands above it."""

from collections import defaultdict
from datetime import datetime

from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Background, Remembered
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import (
    MOST_OF_CALLER,
    MOST_OF_VM,
    Past,
    PastStart,
    caller_key,
    of_event,
    past_start,
)
from workers.domain.starts.vm import VmRef
from workers.store import keys
from workers.store.retention import DEFAULT_RETENTION


class MemoryPast:
    """As ``workers.store.past``, in a dict."""

    def __init__(self, clock: Clock, inventory: Inventory) -> None:
        self._clock = clock
        self._inventory = inventory
        self._sets = defaultdict[str, dict[str, datetime]](dict)

    def add(self, remembered: Remembered | None) -> None:
        """What a commit adds."""
        if remembered is None:
            return
        self._add(keys.past_of_vm(remembered.vm), remembered.entry, MOST_OF_VM)
        if remembered.of_caller:
            self.note_of_caller(remembered.entry)

    def of_caller(self, who: str) -> tuple[PastStart, ...]:
        """What this caller did."""
        return self._of(keys.past_of_caller(who))

    def of_vm(self, vm: VmRef) -> tuple[PastStart, ...]:
        """What happened with this VM."""
        return self._of(keys.past_of_vm(vm))

    async def background(self, event: StartEvent) -> Background:
        """What was before this start, which becomes part of its caller's past."""
        self.note_of_caller(of_event(event))
        lines = await self._inventory.lines([event.vm])
        of_caller = keys.past_of_caller(caller_key(event.caller))
        past = Past(self._of(keys.past_of_vm(event.vm)), self._of(of_caller))
        return Background(past, lines.get(event.vm.key))

    def note_of_caller(self, entry: PastStart) -> None:
        """Add it to its caller's past."""
        if entry.who:
            self._add(keys.past_of_caller(entry.who), entry, MOST_OF_CALLER)

    def _add(self, key: str, entry: PastStart, most: int) -> None:
        entries = self._sets[key]
        entries.setdefault(entry.text, entry.at)
        oldest = self._clock.now() - DEFAULT_RETENTION
        kept = sorted((at, text) for text, at in entries.items() if at > oldest)[-most:]
        self._sets[key] = {text: at for at, text in kept}

    def _of(self, key: str) -> tuple[PastStart, ...]:
        found = (past_start(text, at) for text, at in self._sets.get(key, {}).items())
        return tuple(entry for entry in found if entry is not None)
