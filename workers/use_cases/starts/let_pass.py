"""Lets a start pass that a rule of the policy expects: nobody is asked, and it is put on record.

There is one record for each event. It makes no later event a duplicate: callers can choose correlation ids,
so the rules judge each event by itself.
"""

import hashlib
from datetime import datetime

from workers.domain.errors import Conflict
from workers.domain.ids import approval_id, partition_of_vm
from workers.domain.policy.rules import Ruling
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import of_event
from workers.domain.starts.risk import Risk
from workers.use_cases.starts.record import start_record


class LetPass:
    """Records starts that pass."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(
        self,
        event: StartEvent,
        ruling: Ruling,
        now: datetime,
        *,
        absent: tuple[str, ...] = (),
        risk: Risk | None = None,
    ) -> bool:
        """Put it on record, if nothing is going on with this VM; the write itself checks that.

        Args:
            event: the start.
            ruling: with the rule that expects it.
            now: the present time.
            absent: ids of approvals that must not exist.
            risk: if it was assessed.

        Returns:
            Whether it passed. If not, nothing was written.
        """
        try:
            await self._store.commit(_commit(event, ruling, now, absent, risk))
        except Conflict:
            return False
        return True

    async def at_once(self, event: StartEvent, ruling: Ruling, now: datetime) -> bool:
        """As above, if nothing is known of this start either: then it costs one write and no read."""
        return await self(event, ruling, now, absent=(approval_id(event.vm.key, event.dedupe_key),))


def _commit(
    event: StartEvent, ruling: Ruling, now: datetime, absent: tuple[str, ...], risk: Risk | None
) -> Commit:
    return Commit(
        partition=partition_of_vm(event.vm.key),
        once=f"passed:{event.dedupe_key_at_its_time}:{_of_caller(event)}",
        audit=(start_record("start.passed", event, now, ruling=ruling, risk=risk),),
        absent=absent,
        free=event.vm,
        past=Remembered(event.vm, of_event(event, passed=True), of_caller=True),
    )


def _of_caller(event: StartEvent) -> str:
    """Who started it, as a hash, so that keys have a fixed length."""
    return hashlib.sha256(event.caller.object_id.lower().encode(errors="replace")).hexdigest()[:16]
