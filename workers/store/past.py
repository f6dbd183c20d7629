"""What is remembered of VMs and of callers: bounded sorted sets, by the time at which it happened.

Adding an entry again changes nothing, so whatever is repeated after a crash does no harm. They are kept as
long as the audit.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import redis.asyncio as redis
import structlog
from pydantic import ValidationError

from workers.domain.errors import NewerDocument
from workers.domain.ids import EXPECTATIONS
from workers.domain.ports.store import Background, Remembered
from workers.domain.schema import read
from workers.domain.starts.ahead.expectations import Expectations
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
from workers.domain.starts.vm import KnownVm
from workers.store import keys
from workers.store.connection import redis_away

log = structlog.get_logger(__name__)

_MOST_NOTED = 10_000
_CLOSE_WITHIN_S = 3.0


def of_commit(remembered: Remembered | None, now: datetime, retention: timedelta) -> dict[str, object] | None:
    """What the commit script needs to add it to the VM's past."""
    if remembered is None:
        return None
    return {
        "at": _ms(remembered.entry.at),
        "entry": remembered.entry.text,
        "before": _ms(now - retention),
        "most": MOST_OF_VM,
        "ttl": int(retention.total_seconds() * 1000),
    }


def ask_background(pipeline: Any, event: StartEvent, now: datetime, retention: timedelta) -> None:
    """Queue what ``background`` reads from the answers; the start is added to its caller's past first."""
    _ask_entries(pipeline, keys.past_of_vm(event.vm))
    pipeline.hget(keys.inventory(event.vm.subscription_id), event.vm.key)
    pipeline.hget(keys.by_id(EXPECTATIONS), "d")
    if who := caller_key(event.caller):
        add_to_caller(pipeline, of_event(event), now, retention)
        _ask_entries(pipeline, keys.past_of_caller(who))


def _ask_entries(pipeline: Any, key: str) -> None:
    """Queue the read of all entries, each with its time.

    As the command itself: the client's ``zrange`` writes each number as text for whoever converts it back,
    which took a tenth of the time that a question costs.
    """
    pipeline.execute_command("ZRANGE", key, 0, -1, "WITHSCORES")


def background(answers: Sequence[Any], event: StartEvent) -> Background:
    """What was asked for."""
    of_vm, line, expected = answers[:3]
    of_caller = answers[-1] if caller_key(event.caller) else ()
    past = Past(entries(of_vm), entries(of_caller))
    return Background(past, _line(line), _expected(expected))


def add_to_caller(pipeline: Any, entry: PastStart, now: datetime, retention: timedelta) -> None:
    """Queue what adds it to the past of its caller."""
    key = keys.past_of_caller(entry.who)
    pipeline.zadd(key, {entry.text: _ms(entry.at)}, nx=True)
    pipeline.zremrangebyscore(key, "-inf", _ms(now - retention))
    pipeline.zremrangebyrank(key, 0, -1 - MOST_OF_CALLER)
    pipeline.pexpire(key, retention)


class CallersLater:
    """Adds to the pasts of callers in the background, where nobody waits for it: many at once.

    Args:
        client: made by ``workers.store.connection.connect``.
        retention: how long it is kept.
    """

    def __init__(self, client: redis.Redis, retention: timedelta) -> None:
        self._redis = client
        self._retention = retention
        self._noted: list[PastStart] = []
        self._noting: asyncio.Task[None] | None = None

    def note(self, entry: PastStart, now: datetime) -> None:
        """Add it soon. Where that fails, only the log is told."""
        if not entry.who or len(self._noted) >= _MOST_NOTED:
            return
        self._noted.append(entry)
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._write(now))

    async def _write(self, now: datetime) -> None:
        while self._noted:
            entries, self._noted = self._noted, []
            try:
                async with redis_away(self._redis), self._redis.pipeline(transaction=False) as pipeline:
                    for entry in entries:
                        add_to_caller(pipeline, entry, now, self._retention)
                    await pipeline.execute()
            except Exception as error:  # a start less in a habit
                log.warning("callers' pasts were not written", starts=len(entries), because=str(error)[:300])

    async def aclose(self) -> None:
        """Wait until what was noted is written."""
        if self._noting is not None:
            await asyncio.wait([self._noting], timeout=_CLOSE_WITHIN_S)


def entries(rows: Sequence[Any]) -> tuple[PastStart, ...]:
    """Pairs of a text and its time, or, where the older protocol is spoken, both in turn."""
    if rows and isinstance(rows[0], bytes):
        rows = list(zip(rows[::2], rows[1::2], strict=True))
    found = (past_start(text, datetime.fromtimestamp(float(ms) / 1000, UTC)) for text, ms in rows)
    return tuple(entry for entry in found if entry is not None)


def _line(text: bytes | None) -> KnownVm | None:
    if text is None:
        return None
    try:
        return read(KnownVm, text)
    except (NewerDocument, ValidationError) as error:
        log.warning("a line of the inventory can't be read", because=str(error)[:300])
        return None


def _expected(text: bytes | None) -> Expectations:
    """None, where they can't be read: then every start is asked about."""
    if text is None:
        return Expectations()
    try:
        return read(Expectations, text)
    except (NewerDocument, ValidationError) as error:
        log.warning("expected starts can't be read", because=str(error)[:300])
        return Expectations()


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
