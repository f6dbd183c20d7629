"""Sends a canary and waits until the bot has seen it. One that is not seen in time is silent."""

import asyncio
import contextlib
import json

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway, StartgateError
from workers.domain.ids import canary_id, partition_of_id
from workers.domain.ports.clock import Clock
from workers.domain.ports.leases import Leases
from workers.domain.ports.starts_sender import StartsSender
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.canary import Canary, canary_event
from workers.telemetry.instruments import CANARIES, CANARY

log = structlog.get_logger(__name__)

WITHIN_S = 60.0
"""A start is asked about within seconds; a queue that is a minute behind is news."""
_LOOK_EVERY_S = 0.2
_OF_THE_PERIOD = 0.9
REMEDIES = {
    "queue": "no worker takes it from the queue: look at the workers, and at what waits in `starts`",
    "judged": "a worker took it and did not judge it: look at the workers' log and at the policy",
    "recorded": "it was judged and is not on record: look at Redis",
    "seen": "the bot has not heard of it: look at the bot, and at what waits in `notices`",
}
"""Stage that it did not pass → what to do."""


class CanarySilent(StartgateError):
    """It was not seen in time.

    Attributes:
        canary: how far it came.
    """

    def __init__(self, canary: Canary, within_s: float) -> None:
        stage = canary.waits_for
        super().__init__(f"a canary was not {_words(stage)} within {within_s:g} s: {REMEDIES[stage]}")
        self.canary = canary


def _words(stage: str) -> str:
    return "taken from the queue" if stage == "queue" else stage


class FlyCanary:
    """Sends one and waits for it.

    Args:
        send: puts a message on the queue of starts.
        within_s: seconds that it may take.
        look_every_s: seconds between two looks at how far it is.
    """

    def __init__(
        self,
        *,
        store: Store,
        send: StartsSender,
        clock: Clock,
        within_s: float = WITHIN_S,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._store = store
        self._send = send
        self._clock = clock
        self._within_s = within_s
        self._look_every_s = look_every_s

    async def __call__(self) -> Canary:
        """The canary, once the bot has seen it; a line in the log either way.

        Raises:
            CanarySilent: it was not seen in time; names the stage and what to do.
            DependencyAway: Redis or Service Bus does not answer.
        """
        sent = Canary(id=canary_id(), sent_at=self._clock.now())
        record = AuditRecord(kind="canary.sent", at=sent.sent_at, about=sent.id)
        await self._store.commit(
            Commit(partition=partition_of_id(sent.id), documents=(sent,), audit=(record,))
        )
        await self._send(json.dumps(canary_event(sent.id, sent.sent_at)).encode(), sent.id)
        canary = sent
        try:
            async with asyncio.timeout(self._within_s):
                while canary.waits_for:
                    await asyncio.sleep(self._look_every_s)
                    canary = await self._store.canary(sent.id)
        except TimeoutError:
            silent = CanarySilent(canary, self._within_s)
            CANARIES.add(1, {"result": "silent"})
            log.error("canary silent", id=sent.id, waits_for=canary.waits_for, because=str(silent))
            await self._note_silence(sent, str(silent))
            raise silent from None
        took = {f"{stage}_ms": round(span.total_seconds() * 1000) for stage, span in canary.took.items()}
        CANARIES.add(1, {"result": "seen"})
        for stage, span in canary.took.items():
            CANARY.record(span.total_seconds(), {"stage": stage})
        log.info("canary seen", id=canary.id, total_ms=sum(took.values()), **took)
        return canary

    async def _note_silence(self, sent: Canary, because: str) -> None:
        """For the audit, by which on-call is paged. Redis may be why it is silent."""
        record = AuditRecord(
            kind="canary.silent", at=self._clock.now(), about=sent.id, details={"because": because}
        )
        with contextlib.suppress(DependencyAway):
            await self._store.commit(Commit(partition=partition_of_id(sent.id), audit=(record,)))


class SendCanary:
    """Run by every worker; a lease has one of them do it. Its failure shows in health.

    Args:
        fly: sends one and waits for it.
        period_s: seconds between two; 0 for none.
    """

    name = "canary"

    def __init__(self, *, fly: FlyCanary, leases: Leases, period_s: float) -> None:
        self.period_s = period_s
        self._fly = fly
        self._leases = leases

    async def __call__(self) -> bool:
        """Send one, if it is this worker's turn; whether it was.

        Raises:
            CanarySilent: it was not seen in time.
            DependencyAway: Redis or Service Bus does not answer.
        """
        if not await self._leases.take(self.name, for_s=self.period_s * _OF_THE_PERIOD):
            return False
        await self._fly()
        return True
