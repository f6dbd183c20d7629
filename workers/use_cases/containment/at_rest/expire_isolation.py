"""An isolation whose time is over: it is announced, and then the network is restored, or on-call is asked."""

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.containment.ending.expiry import announced
from workers.domain.containment.restoration import expired
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.azure.standing import StandingReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.next_look import schedule_next_look

log = structlog.get_logger(__name__)

_STARTED = "the VM was started since it was contained"
_NOT_READ = "nobody could tell whether the VM was started meanwhile"


class ExpireIsolation:
    """Looks at a containment that stands.

    Args:
        standing: reads whether it still holds, before its network is restored; without it, on-call is asked.
    """

    def __init__(
        self, *, store: Store, nudger: Nudger, clock: Clock, standing: StandingReader | None
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._standing = standing

    async def __call__(self, containment_id: str) -> None:
        """Do what is due, and schedule the next look.

        Raises:
            NotFound: there is no such containment.
            Conflict: others wrote in between, again and again; their writes nudge.
            DependencyAway: the store does not answer. Azure being away is asked again later.
        """
        containment = await self._store.containment(containment_id)
        look_at = containment.expiry_look_at
        if look_at is None:
            return
        if look_at > self._clock.now():
            await self._look_later(containment)
            return
        because = ""
        if containment.expiry is not None:
            try:
                because = await self._why_not(containment)
            except (DependencyAway, StepFailed) as error:
                # Not a reason to ask yet: the resync comes again, and the network stays as it is.
                log.warning("an isolation is not ended yet", vm=containment.vm.name, because=str(error))
                return
        version = await until_written(lambda: self._write(containment, because))
        if version is not None:
            nudge = Nudge(subject=Subject.CONTAINMENT, id=containment_id, version=version)
            await self._nudger.work(nudge)
            await self._nudger.notices(nudge)

    async def _why_not(self, containment: Containment) -> str:
        """Why on-call is asked instead; empty if the network can be restored."""
        if containment.restart is not None or containment.round > 1:
            return _STARTED
        if self._standing is None:
            return _NOT_READ
        found = await self._standing.drift(containment)
        return "; ".join(found.values())

    async def _write(self, seen: Containment, because: str) -> int | None:
        """Announce it, end it or ask; ``None`` if somebody else has written since it was looked at."""
        containment = await self._store.containment(seen.id)
        if containment.version != seen.version:
            return None
        now, ends_at = self._clock.now(), containment.isolated_until
        if ends_at is None:
            return None
        if containment.expiry is None:
            expiry = announced(now, ends_at)
            after = containment.changed(expiry=expiry)
            kind, details = "isolation.expiry-announced", {"ends_at": expiry.ends_at.isoformat()}
        elif because:
            asked = containment.expiry.changed(held_at=now, held_because=because[:500])
            after = containment.changed(expiry=asked)
            kind, details = "isolation.expiry-held", {"because": because[:500]}
        else:
            after = expired(containment, now)
            kind, details = "isolation.expired", {"announced_at": containment.expiry.announced_at.isoformat()}
        record = AuditRecord(kind=kind, at=now, about=after.id, vm=after.vm.key, details=details)
        await self._store.commit(
            Commit(partition=partition_of_id(after.id), documents=(after,), audit=(record,))
        )
        return after.version + 1

    async def _look_later(self, containment: Containment) -> None:
        nudge = Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)
        await schedule_next_look(self._store, self._nudger, self._clock, nudge, containment.due_at())
