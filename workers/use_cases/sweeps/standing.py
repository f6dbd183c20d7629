"""Re-reads every containment that stands: what says CONTAINED is true for as long as it says so.

Somebody may take the lockdown NSG off, or start the VM, without any event reaching us. What no longer holds
is said, done again in another round of its containment, and told to on-call.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from workers.domain.audit import AuditRecord
from workers.domain.containment.afterwards.standing import drifted, held
from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName
from workers.domain.errors import Conflict, NewerDocument, NotFound, StartgateError
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.azure.standing import StandingReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store

log = structlog.get_logger(__name__)

LISTED_FROM = 5
"""So many in one subscription are looked for in its lists; fewer are read one by one, for about the same."""
MOST_READ = 200
"""Read one by one in a subscription and run, taken at random: Azure allows 25 reads a second, and starts want
theirs. What is left over has its turn in a later run."""
AT_ONCE = 4


class Reread(NamedTuple):
    """How many containments were re-read, and how many of them are done again."""

    standing: int
    again: int


class RereadStanding:
    """Run by every worker. Several at the same time do no harm: the first one's write is the one that counts.

    Args:
        reader: looks at Azure, and changes nothing.
        period_s: seconds between two runs.
    """

    name = "standing"

    def __init__(
        self, *, store: Store, nudger: Nudger, reader: StandingReader, clock: Clock, period_s: float
    ) -> None:
        self.period_s = period_s
        self._store = store
        self._nudger = nudger
        self._reader = reader
        self._clock = clock

    async def __call__(self) -> Reread:
        """Re-read all of them, subscription by subscription.

        Raises:
            StartgateError: a subscription could not be read; the others were all the same.
        """
        standing = await self._standing()
        again, first_error = 0, None
        for subscription_id, ones in standing.items():
            try:
                again += await self._subscription(subscription_id, ones)
            except StartgateError as error:
                log.warning("containments not re-read", subscription=subscription_id, error=str(error))
                first_error = first_error or error
        if first_error is not None:
            raise first_error
        return Reread(sum(map(len, standing.values())), again)

    async def _standing(self) -> Mapping[str, Sequence[Containment]]:
        """Those that stand, by subscription."""
        found: defaultdict[str, list[Containment]] = defaultdict(list)
        for containment_id in await self._store.standing():
            try:
                one = await self._store.containment(containment_id)
            except NotFound:
                continue
            except (NewerDocument, ValidationError) as error:
                log.warning("a containment can't be read", id=containment_id, error=str(error)[:300])
                continue
            if held(one):
                found[one.vm.subscription_id.lower()].append(one)
        return found

    async def _subscription(self, subscription_id: str, ones: Sequence[Containment]) -> int:
        """Re-read those of one subscription; how many are done again."""
        if len(ones) >= LISTED_FROM:
            ones = await self._reader.suspects(subscription_id, ones)
        ones = random.sample(ones, min(len(ones), MOST_READ))
        again = 0
        for start in range(0, len(ones), AT_ONCE):
            batch = ones[start : start + AT_ONCE]
            results = await asyncio.gather(*(self._look(one) for one in batch), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                again += result
        return again

    async def _look(self, containment: Containment) -> bool:
        """Whether it had drifted, and goes through another round now."""
        found = await self._reader.drift(containment)
        return bool(found) and await self._contain_again(containment, found)

    async def _contain_again(self, containment: Containment, found: Mapping[StepName, str]) -> bool:
        """Begin another round; the engine does it. Based on the document as it was before Azure was read."""
        now = self._clock.now()
        again = drifted(containment, found, now)
        record = AuditRecord(
            kind="containment.drifted",
            at=now,
            about=containment.id,
            vm=containment.vm.key,
            details={"found": {str(name): said for name, said in found.items()}, "round": again.round},
        )
        try:
            await self._store.commit(
                Commit(partition=partition_of_id(containment.id), documents=(again,), audit=(record,))
            )
        except Conflict:
            return False  # somebody is at it already; the next run sees what came of it
        log.warning("a containment no longer held", vm=containment.vm.name, id=containment.id, found=found)
        nudge = Nudge(subject=Subject.CONTAINMENT, id=again.id, version=again.version + 1)
        await self._nudger.work(nudge)
        await self._nudger.notices(nudge)
        return True
