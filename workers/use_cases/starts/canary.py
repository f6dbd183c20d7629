"""A canary on its way: a worker judges it and puts it on record, and the bot notes that it has seen it."""

from workers.domain.audit import AuditRecord
from workers.domain.errors import InvalidEvent, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.rules import Undecided
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.canary import Canary
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.vm import VmRecord
from workers.use_cases.asking.assess import Assess
from workers.use_cases.conflicts import until_written

_NO_FACTS = (MissingFact(name="everything", reason="nothing is read for a canary"),)


class TakeCanary:
    """What a worker does with a canary. It asks nobody, and reads and writes nothing in Azure."""

    def __init__(self, *, store: Store, nudger: Nudger, assess: Assess, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._assess = assess
        self._clock = clock

    async def __call__(self, event: StartEvent) -> None:
        """Judge it and put it on record; a duplicate changes nothing.

        Raises:
            InvalidEvent: no canary of this number was sent, or not lately.
            DependencyAway: Redis does not answer.
        """
        taken_at = self._clock.now()
        try:
            canary = await self._store.canary(event.correlation_id)
        except NotFound:
            raise InvalidEvent(
                "UnknownCanary",
                "it names the VM that is reserved for canaries, and a number that `startgate canary` has not "
                "sent; somebody who can send to this queue made it up",
            ) from None
        if canary.judged_at is None:
            verdict = self._judged(event)
            judged = canary.changed(taken_at=taken_at, judged_at=self._clock.now(), verdict=verdict)
            await self._write(judged, "canary.judged")
            await until_written(lambda: self._recorded(canary.id))
        await self._nudger.notices(Nudge(subject=Subject.CANARY, id=canary.id, version=canary.version + 2))

    def _judged(self, event: StartEvent) -> str:
        """What the policy's rules say of it."""
        now = self._clock.now()
        ruling = self._assess.early(event, now)
        if isinstance(ruling, Undecided):
            facts = Facts(missing=_NO_FACTS, gathered_at=now)
            insight = self._assess.insight(event, facts, None, VmRecord(vm=event.vm))
            ruling = self._assess.late(ruling, facts, insight)
        return ruling.verdict.value

    async def _recorded(self, canary_id: str) -> None:
        canary = await self._store.canary(canary_id)
        if canary.recorded_at is None:
            await self._write(canary.changed(recorded_at=self._clock.now()))

    async def _write(self, canary: Canary, kind: str = "") -> None:
        await self._store.commit(_commit(canary, kind, self._clock))


class SeeCanary:
    """What the bot does with a canary: it notes that it has seen it, and shows it to nobody."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, canary_id: str) -> None:
        """Note it, once.

        Raises:
            NotFound: there is none, or no longer.
            DependencyAway: Redis does not answer.
        """
        await until_written(lambda: self._seen(canary_id))

    async def _seen(self, canary_id: str) -> None:
        canary = await self._store.canary(canary_id)
        if canary.seen_at is None:
            seen = canary.changed(seen_at=self._clock.now())
            await self._store.commit(_commit(seen, "canary.seen", self._clock))


def _commit(canary: Canary, kind: str, clock: Clock) -> Commit:
    details = {"verdict": canary.verdict, "sent_at": canary.sent_at.isoformat()}
    record = AuditRecord(kind=kind, at=clock.now(), about=canary.id, details=details)
    return Commit(partition=partition_of_id(canary.id), documents=(canary,), audit=(record,) if kind else ())
