"""Tells on-call in Slack what reached the dead letters: those are starts that nobody was asked about.

Workers can't speak, so they write the notice and the bot shows it, as with everything else.
"""

import structlog

from workers.domain.asking.notices.dead_letters import MOST_COUNTED
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.dead_letters import DeadLetterReader
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.telemetry.instruments import DEAD_LETTERS

log = structlog.get_logger(__name__)


class TellDeadLetters:
    """Run by every worker. They share one notice, so on-call is told once, whoever comes first.

    Args:
        reader: looks at the dead letters of the queues that this process serves.
        period_s: seconds between two looks.
    """

    name = "dead-letters"

    def __init__(
        self, *, reader: DeadLetterReader, store: Store, nudger: Nudger, clock: Clock, period_s: float
    ) -> None:
        self.period_s = period_s
        self._reader = reader
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self) -> bool:
        """Look once; whether on-call is told now.

        Raises:
            DependencyAway: Service Bus or Redis does not answer.
        """
        present = await self._reader(most=MOST_COUNTED)
        for queue, letters in present.items():
            DEAD_LETTERS.set(len(letters), queue=queue)
        notice = await self._store.dead_letter_notice()
        now = self._clock.now()
        told = notice.told(present, now)
        if told is None:
            return False
        record = AuditRecord(
            kind="dead-letters.told",
            at=now,
            about=told.id,
            details={"fresh": told.fresh, "counts": told.counts},
        )
        try:
            await self._store.commit(
                Commit(partition=partition_of_id(told.id), documents=(told,), audit=(record,))
            )
        except Conflict:
            return False  # another worker tells it
        log.warning("dead letters", fresh=told.fresh, counts=told.counts)
        await self._nudger.notices(Nudge(subject=Subject.NOTICE, id=told.id, version=told.version + 1))
        return True
