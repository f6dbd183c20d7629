"""The queue ``starts``: start events as Event Grid and Azure Monitor deliver them."""

import time

import structlog

from workers.consumers.event_shapes import parse_start_events
from workers.domain.audit import AuditRecord
from workers.domain.errors import InvalidEvent, NewerDocument
from workers.domain.ids import partition_of_vm
from workers.domain.messages import Complete, DeadLetter, Later, Message, Settlement
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.use_cases.starts.open import OpenApproval, Outcome

log = structlog.get_logger(__name__)

_TEXT_SHOWN = 300
_NEWER_AGAIN_S = 10.0
_OF_LITTLE_NOTE = frozenset({Outcome.PASSED, Outcome.DUPLICATE})
"""What comes by the thousand, and is not logged: what passed is in the audit, a duplicate changed nothing."""


class StartsConsumer:
    """Parses strictly, once, and opens approvals."""

    def __init__(self, *, open_approval: OpenApproval, store: Store, clock: Clock) -> None:
        self._open_approval = open_approval
        self._store = store
        self._clock = clock
        self.dead_lettered = 0

    async def __call__(self, message: Message) -> Settlement:
        """Open an approval for each start in the message.

        A message with several events is done again as a whole when one of them can't be opened now; those
        that were opened are then recognised as duplicates.
        """
        begun = time.perf_counter()
        try:
            events = parse_start_events(message.body)
        except InvalidEvent as invalid:
            return await self._dead_letter(message, invalid)
        for event in events:
            try:
                opened = await self._open_approval(event)
            except NewerDocument as newer:
                log.warning("a start is left to a newer version", vm=event.vm.name, because=str(newer))
                return Later(after_s=_NEWER_AGAIN_S)
            if opened.outcome not in _OF_LITTLE_NOTE:
                log.info(
                    "start event",
                    outcome=str(opened.outcome),
                    vm=event.vm.name,
                    id=opened.document_id,
                    took_ms=round((time.perf_counter() - begun) * 1000),
                )
        return Complete()

    async def _dead_letter(self, message: Message, invalid: InvalidEvent) -> DeadLetter:
        self.dead_lettered += 1
        log.warning(
            "message dead-lettered",
            reason=invalid.reason,
            description=invalid.description,
            message=message.message_id,
            dead_lettered_so_far=self.dead_lettered,
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
