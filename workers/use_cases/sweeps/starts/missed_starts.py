"""Finds starts that no event told of, and asks about them.

Two sources: the Activity Log of each subscription, which says who it was, and the power states that the
inventory saw. Where the log has nothing of a VM that was off and is on, its owner is asked without a name.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

import structlog

from workers.domain.errors import DependencyAway, StartgateError
from workers.domain.ports.azure.start_log import StartLog, Subscriptions
from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.leases import Leases
from workers.domain.ports.store import Store
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.past.entries import started_between, tells_of
from workers.domain.starts.vm import TurnedOn, VmRef
from workers.use_cases.starts.found import AZURE_IS_LATE
from workers.use_cases.starts.open import OpenApproval
from workers.use_cases.starts.outcome import Outcome
from workers.use_cases.starts.tellings import SAME_START

log = structlog.get_logger(__name__)

LOG_IS_LATE = timedelta(minutes=20)
"""The Activity Log shows an operation three to twenty minutes after it.

Source: https://learn.microsoft.com/azure/azure-monitor/platform/activity-log
"""
LOOK_BACK = timedelta(hours=2)
"""How far the log is read when this process reads it for the first time: a restart takes less."""
SEEN_LATELY = timedelta(hours=6)
"""A VM that is on for longer was looked at many times."""
_OF_THE_PERIOD = 0.9
"""A lease ends before the next turn of whoever took it."""


class MissedStarts:
    """Run by every worker; a lease has one of them do it.

    Args:
        subscriptions: which ones we see.
        start_log: what Azure has on record.
        open_approval: asks, with all its rules: a start whose event came is a duplicate to it.
        after: how old a start must be before it counts as missed; its event may be on the way.
        period_s: seconds between two looks.
    """

    name = "missed-starts"

    def __init__(
        self,
        *,
        store: Store,
        inventory: Inventory,
        leases: Leases,
        subscriptions: Subscriptions,
        start_log: StartLog,
        open_approval: OpenApproval,
        clock: Clock,
        after: timedelta,
        period_s: float,
    ) -> None:
        self.period_s = period_s
        self._store = store
        self._inventory = inventory
        self._leases = leases
        self._subscriptions = subscriptions
        self._start_log = start_log
        self._open_approval = open_approval
        self._clock = clock
        self._after = after
        self._read_until: dict[str, datetime] = {}
        self._settled: dict[str, TurnedOn] = {}

    async def __call__(self) -> int:
        """Look once; how many starts were found that nobody had told of.

        A subscription that can't be read holds no other up; the first such error is raised at the end.

        Raises:
            DependencyAway: Azure or Redis does not answer, or throttles.
            StepFailed: we may not read the log of a subscription.
        """
        if not await self._leases.take(self.name, for_s=self.period_s * _OF_THE_PERIOD):
            return 0
        found, errors = 0, list[StartgateError]()
        for subscription in await self._subscriptions():
            try:
                found += await self._by_log(subscription.id)
            except StartgateError as error:
                log.warning("starts not looked for", subscription=subscription.name, because=str(error))
                errors.append(error)
            found += await self._by_power(subscription.id)
        if errors:
            raise errors[0]
        return found

    async def _by_log(self, subscription_id: str) -> int:
        """Ask about what the log has and nobody told of."""
        now, count = self._clock.now(), 0
        since = self._read_until.get(subscription_id, now - LOOK_BACK) - LOG_IS_LATE
        events = await _all(self._start_log(subscription_id, since, now - self._after))
        ends = [event for event in events if event.phase is Phase.FAILED]
        for event in events:
            if event.phase is Phase.FAILED or _has_failed(event, ends):
                continue
            past = await self._store.past_of(event.vm)
            if not tells_of(past, event, within=SAME_START) and await self._ask(event.changed(swept=True)):
                count += 1
        self._read_until[subscription_id] = now
        return count

    async def _by_power(self, subscription_id: str) -> int:
        """Ask about VMs that were off and are on, once the log would have to say who it was."""
        now, count = self._clock.now(), 0
        for vm in await self._inventory.of(subscription_id):
            seen = vm.turned_on
            if seen is None or self._settled.get(vm.ref.key) == seen or now - seen.until > SEEN_LATELY:
                continue
            if now - seen.until < LOG_IS_LATE or subscription_id not in self._read_until:
                continue
            if not await self._known(vm.ref, seen):
                count += await self._ask(StartEvent.seen_by_power(vm.ref, seen))
            self._settled[vm.ref.key] = seen
        return count

    async def _known(self, vm: VmRef, seen: TurnedOn) -> bool:
        """Whether something told of that start, or Startgate itself has to do with it."""
        record = await self._store.vm_record(vm)
        if not record.free:
            return True
        past = await self._store.past_of(vm)
        return started_between(past, seen.after - AZURE_IS_LATE, seen.until)

    async def _ask(self, event: StartEvent) -> bool:
        """Whether it was new."""
        try:
            opened = await self._open_approval(event)
        except DependencyAway as away:
            if not away.scope:
                raise
            log.warning("a start is left to the next look", vm=event.vm.name, because=str(away))
            return False
        if opened.outcome is Outcome.DUPLICATE:
            return False
        log.warning(
            "a start without an event",
            outcome=str(opened.outcome),
            vm=event.vm.name,
            id=opened.document_id,
            source="power state" if event.between else "activity log",
        )
        return True


async def _all(events: AsyncIterator[StartEvent]) -> Sequence[StartEvent]:
    """In the order of their times: the beginning of a start before its end."""
    return sorted([event async for event in events], key=attrgetter("at"))


def _has_failed(event: StartEvent, ends: Iterable[StartEvent]) -> bool:
    return any(
        end.dedupe_key == event.dedupe_key and timedelta(0) <= end.at - event.at <= SAME_START for end in ends
    )
