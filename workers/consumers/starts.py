"""The queue ``starts``: start events as Event Grid and Azure Monitor deliver them."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from workers.consumers.event_shapes import parse_start_events
from workers.domain.audit import AuditRecord
from workers.domain.containment.afterwards.disturbances import Disturbance
from workers.domain.errors import DependencyAway, InvalidEvent, NewerDocument
from workers.domain.ids import partition_of_vm
from workers.domain.messages import Complete, DeadLetter, Later, Message, Settlement, Split
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.canary import is_canary
from workers.domain.starts.events import StartEvent
from workers.telemetry.instruments import STARTS
from workers.use_cases.starts.open import ASK_ANYWAY_AFTER, OpenApproval
from workers.use_cases.starts.outcome import Outcome

log = structlog.get_logger(__name__)

_TEXT_SHOWN = 300
_NEWER_AGAIN_S = 10.0
_USUAL_WAIT_S, _SHORTEST_WAIT_S = 5.0, 1.0
_SPREAD_S = 1.0
"""So that all that were put off do not come back at the same moment."""
_OF_LITTLE_NOTE = frozenset({Outcome.PASSED, Outcome.DUPLICATE})
"""What comes by the thousand, and is not logged: what passed is in the audit, a duplicate changed nothing."""


async def _nobody(_disturbances: Sequence[Disturbance]) -> None:
    """Nobody looks after disturbances."""


async def _unknown(_event: StartEvent) -> None:
    """Nobody has sent a canary."""
    raise InvalidEvent("UnknownCanary", "no canary was sent")


class StartsConsumer:
    """Parses strictly, once, and opens approvals.

    Azure throttles each subscription by itself, and a region's provider may fail alone. So a start that meets
    that is put off by itself, and all others go on: only an Azure that does not answer at all pauses the
    queue. There is no gate for each subscription beside the queue's: a message that is put off needs none,
    and ``ArmFacts`` asks nothing of a subscription for as long as Azure said.

    Args:
        take_canary: what is done with a start that never was; raises ``InvalidEvent`` for one made up.
        disturbed: told what was done in Azure that can undo a containment.
    """

    def __init__(
        self,
        *,
        open_approval: OpenApproval,
        store: Store,
        clock: Clock,
        take_canary: Callable[[StartEvent], Awaitable[None]] = _unknown,
        disturbed: Callable[[Sequence[Disturbance]], Awaitable[None]] = _nobody,
    ) -> None:
        self._open_approval = open_approval
        self._store = store
        self._clock = clock
        self._take_canary = take_canary
        self._disturbed = disturbed

    async def __call__(self, message: Message) -> Settlement:
        """Open an approval for each start in the message.

        A message with several events is done again as a whole when one of them can't be opened now; those
        that were opened are then recognised as duplicates. What can't be understood in it is taken out, as a
        message of its own, and ends among the dead letters by itself.

        Raises:
            DependencyAway: Azure or Redis does not answer at all.
        """
        begun, put_off = time.perf_counter(), list[float]()
        try:
            events, odd, disturbances = parse_start_events(message.body, message.properties)
        except InvalidEvent as invalid:
            return await self._dead_letter(message, invalid)
        if disturbances:
            await self._disturbed(disturbances)
        made_up = await self._canaries(events)
        for event in events:
            if is_canary(event):
                continue
            try:
                await self._start(event, begun)
            except NewerDocument as newer:
                log.warning("a start is left to a newer version", vm=event.vm.name, because=str(newer))
                return Later(after_s=_NEWER_AGAIN_S)
            except DependencyAway as away:
                if not away.scope:
                    raise
                put_off.append(self._wait_s(event, away))
        if put_off:
            return Later(after_s=min(put_off))
        if made_up is not None:
            return await self._dead_letter(message, made_up)
        return self._without(odd, message)

    def _without(self, odd: list[bytes], message: Message) -> Settlement:
        if not odd:
            return Complete()
        log.warning("taken out of a message", count=len(odd), message=message.message_id)
        return Split(bodies=tuple(odd))

    async def _start(self, event: StartEvent, begun: float) -> None:
        opened = await self._open_approval(event)
        STARTS.add(1, {"outcome": str(opened.outcome)})
        if opened.outcome not in _OF_LITTLE_NOTE:
            log.info(
                "start event",
                outcome=str(opened.outcome),
                vm=event.vm.name,
                id=opened.document_id,
                took_ms=round((time.perf_counter() - begun) * 1000),
            )

    async def _canaries(self, events: Sequence[StartEvent]) -> InvalidEvent | None:
        """Take the canaries among them; the complaint about one that nobody sent, which holds no start up."""
        made_up: InvalidEvent | None = None
        for event in filter(is_canary, events):
            try:
                await self._take_canary(event)
            except InvalidEvent as invalid:
                made_up = invalid
        return made_up

    def _wait_s(self, event: StartEvent, away: DependencyAway) -> float:
        """As long as Azure asked for, but not past the moment when it is asked about without facts."""
        left_s = (event.at + ASK_ANYWAY_AFTER - self._clock.now()).total_seconds()
        asked_s = _USUAL_WAIT_S if away.retry_after_s is None else away.retry_after_s
        wait_s = max(_SHORTEST_WAIT_S, min(asked_s, left_s)) + random.uniform(0, _SPREAD_S)
        log.warning("a start is put off", vm=event.vm.name, for_s=round(wait_s, 1), because=str(away))
        return wait_s

    async def _dead_letter(self, message: Message, invalid: InvalidEvent) -> DeadLetter:
        log.warning(
            "message dead-lettered",
            reason=invalid.reason,
            description=invalid.description,
            message=message.message_id,
        )
        await self._store.commit(
            Commit(
                partition=partition_of_vm(message.message_id),
                audit=(
                    AuditRecord(
                        kind="message.dead-lettered",
                        at=self._clock.now(),
                        details={
                            "queue": "starts",
                            "message_id": message.message_id,
                            "reason": invalid.reason,
                            "description": invalid.description[:_TEXT_SHOWN],
                        },
                    ),
                ),
            )
        )
        return DeadLetter(reason=invalid.reason, description=invalid.description)
