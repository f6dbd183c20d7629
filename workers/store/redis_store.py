"""The store on Redis: one Lua call a write."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import redis.asyncio as redis
import structlog
from pydantic import ValidationError
from pydantic_core import to_json
from redis.exceptions import NoPermissionError

from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import REMEMBERED, Burst, BurstStart
from workers.domain.asking.cards import Card
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.containment.exchanges import MOST_KEPT
from workers.domain.errors import Conflict, DependencyAway, NewerDocument
from workers.domain.ids import PARTITIONS
from workers.domain.nudges import Scheduled
from workers.domain.ports.clock import Clock, SystemClock
from workers.domain.ports.store import Commit, Document, KnownStart
from workers.domain.schema import read
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import PastStart
from workers.domain.starts.vm import VmRecord
from workers.store import keys
from workers.store.commits.measures import measure
from workers.store.commits.replicas import decides, told_of
from workers.store.commits.scripts import Scripts
from workers.store.connection import is_cluster, redis_away
from workers.store.log_lines import tell
from workers.store.past import CallersLater, ask_background, background, of_commit
from workers.store.redis_documents import RedisDocuments, checked
from workers.store.retention import DEFAULT_RETENTION, ONCE_TTL, SCHEDULED_TTL, due_of, kept_for, label, shows

log = structlog.get_logger(__name__)

_COMMIT, _TURN = (
    resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    for name in ("commit.lua", "turn.lua")
)
_MOST_PAST = 30
"""Texts of a card that are kept though it shows others by now."""


class RedisStore(RedisDocuments):
    """``workers.domain.ports.Store`` on Redis 7 or Valkey.

    Args:
        client: made by ``workers.store.connection.connect``; answers bytes.
        retention: how long decided approvals, restored containments and audit records are kept.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        clock: Clock | None = None,
        retention: timedelta = DEFAULT_RETENTION,
    ) -> None:
        super().__init__(client)
        self._scripts = Scripts(client, _COMMIT, _TURN)
        self._clock = clock or SystemClock()
        self._retention = retention
        self._callers = CallersLater(client, retention)
        self._replicas = 0

    async def commit(self, commit: Commit) -> bool:
        """Write everything or nothing; see the port."""
        p, now = commit.partition, self._clock.now()
        document_keys: list[str] = []
        headers: list[dict[str, object]] = []
        texts: list[str] = []
        for document in commit.documents:
            partition, key = keys.of(document)
            if partition != p:
                raise ValueError(f"{label(document)} belongs to partition {partition}, not to {p}")
            document_keys.append(key)
            headers.append(self._header(document, now))
            texts.append(document.model_copy(update={"version": document.version + 1}).model_dump_json())
        said = commit.said
        header = {
            "now": _ms(now),
            "once_ttl": int(ONCE_TTL.total_seconds() * 1000) if commit.once else 0,
            "docs": headers,
            "shown": commit.shown,
            "absent": len(commit.absent),
            "free": commit.free is not None,
            "exchanges": len(commit.exchanges),
            "most_exchanges": MOST_KEPT,
            "keep": int(self._retention.total_seconds() * 1000),
            "past": of_commit(commit.past, now, self._retention),
            "said": {"texts": said.texts, "shown": said.shown, "most": _MOST_PAST} if said else None,
        }
        held = next((one.id for one in commit.documents if isinstance(one, Containment)), commit.exchanges_of)
        waits = self._replicas > 0 and decides(commit.audit)
        run = self._scripts.run_and_wait if waits else self._scripts.run
        async with redis_away(self._redis):
            answer = await run(
                _COMMIT,
                script_keys=[
                    keys.due(p),
                    keys.unshown(p),
                    keys.audit(p),
                    keys.audit_head(p),
                    keys.once(p, commit.once or ""),
                    *document_keys,
                    *(keys.companion(document) for document in commit.documents),
                    *(keys.by_id(shown_id) for shown_id, _ in commit.shown),
                    *(keys.by_id(absent_id) for absent_id in commit.absent),
                    *((keys.vm_record(commit.free),) if commit.free else ()),
                    keys.said(said.card_id) if said else keys.once(p, ""),
                    keys.exchanges(held) if held else keys.once(p, ""),
                    keys.past_of_vm(commit.past.vm) if commit.past else keys.once(p, ""),
                    keys.standing(p),
                ],
                args=[
                    to_json(header).decode(),
                    *texts,
                    *commit.exchanges,
                    *(record.model_dump_json() for record in commit.audit),
                ],
            )
        if answer[0] == 1:
            if waits:
                told_of(answer[-1], commit.audit)
            tell(commit.audit)
            measure(commit, first_write=answer[1] == 1)
            if commit.past is not None and commit.past.of_caller:
                self._callers.note(commit.past.entry, now)
            return True
        if answer[1] == b"once":
            return False
        raise Conflict(f"{answer[2].decode()} was changed by somebody else")

    def _header(self, document: Document, now: datetime) -> dict[str, object]:
        """What the script has to know of a document beside its text."""
        shown = shows(document)
        due, kept = due_of(document), kept_for(document, now, self._retention)
        return {
            "id": label(document),
            "expect": document.version,
            "due": -1 if not shown else _ms(due) if due else 0,
            "ttl": int(kept.total_seconds() * 1000) if kept else 0,
            "show": shown,
            "card": isinstance(document, Card),
            "stands": document.active if isinstance(document, Containment) else None,
            "free": document.free if isinstance(document, VmRecord) else None,
        }

    async def known_start(self, approval_id: str, event: StartEvent) -> KnownStart:
        """All of it in one round trip."""
        try:
            return await self._known_start(approval_id, event, whole=True)
        except DependencyAway:
            if not is_cluster(self._redis):
                raise
            # The caller's past may be on a node that is away, and that must hold no question back.
            return await self._known_start(approval_id, event, whole=False)

    async def _known_start(self, approval_id: str, event: StartEvent, *, whole: bool) -> KnownStart:
        async with redis_away(self._redis), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hget(keys.by_id(checked(approval_id, "a")), "d")
            pipeline.hget(keys.vm_record(event.vm), "d")
            if whole:
                ask_background(pipeline, event, self._clock.now(), self._retention)
            approval, record, *rest = await pipeline.execute()
        return KnownStart(
            read(Approval, approval) if approval is not None else None,
            read(VmRecord, record) if record is not None else VmRecord(vm=event.vm),
            background(rest, event) if whole else None,
        )

    async def take_turn(
        self, containment_id: str, now: datetime, *, most: int, within: timedelta
    ) -> datetime | None:
        """Count it, or say when there is room again; see the port."""
        lasts_ms = int(within / timedelta(milliseconds=1))
        args: list[str | int] = [containment_id, _ms(now), most, lasts_ms]
        async with redis_away(self._redis):
            free_ms = int(await self._scripts.run(_TURN, [keys.TURNS], args))
        return datetime.fromtimestamp(free_ms / 1000, UTC) if free_ms else None

    async def exchanges(self, containment_id: str) -> Sequence[str]:
        """What was exchanged with Azure for this containment, oldest first."""
        async with redis_away(self._redis):
            texts: Any = await self._redis.lrange(keys.exchanges(checked(containment_id, "c")), 0, -1)
        return tuple(text.decode() for text in texts)

    async def said(self, card_id: str) -> Mapping[str, str]:
        """What is remembered."""
        async with redis_away(self._redis):
            found: Any = await self._redis.hgetall(keys.said(card_id))
        return {key.decode(): text.decode() for key, text in found.items()}

    def note_of_caller(self, entry: PastStart) -> None:
        """Add to its caller's past soon."""
        self._callers.note(entry, self._clock.now())

    async def past_due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids that had to be looked at by ``now``."""
        return await self._before([keys.due(p) for p in range(PARTITIONS)], now, limit)

    async def unshown(self, before: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids changed before then and not shown yet."""
        return await self._before([keys.unshown(p) for p in range(PARTITIONS)], before, limit)

    async def open_approvals(self) -> Sequence[str]:
        """Ids of all approvals that wait for an answer: each of them has a due time."""
        found: list[str] = []
        async with redis_away(self._redis):
            for partition in range(PARTITIONS):
                members: Any = await self._redis.zrange(keys.due(partition), 0, -1)
                found.extend(m.decode() for m in members if m.startswith(b"a"))
        return found

    async def join_burst(self, start: BurstStart, *, leads: bool = False) -> Burst:
        """Note a start of a burst: one hash a pair, in one round trip."""
        key = keys.burst(start.pair)
        async with redis_away(self._redis), self._redis.pipeline(transaction=False) as pipeline:
            if leads:
                pipeline.hset(key, f"l:{start.look}", start.approval_id)
            else:
                pipeline.hsetnx(key, f"l:{start.look}", start.approval_id)
            pipeline.hset(key, f"m:{start.approval_id}", start.text)
            pipeline.hgetall(key)
            pipeline.pexpire(key, REMEMBERED)
            answers: Any = await pipeline.execute()
        found = {field.decode(): value.decode() for field, value in answers[2].items()}
        return Burst.around(
            start,
            {field[2:]: value for field, value in found.items() if field.startswith("l:")},
            {field[2:]: value for field, value in found.items() if field.startswith("m:")},
        )

    async def standing(self) -> Sequence[str]:
        """Ids of all containments that hold a VM."""
        found: list[str] = []
        async with redis_away(self._redis):
            for partition in range(PARTITIONS):
                members: Any = await self._redis.smembers(keys.standing(partition))
                found.extend(sorted(member.decode() for member in members))
        return found

    async def note_scheduled(self, document_id: str, scheduled: Scheduled) -> Scheduled | None:
        """Remember a scheduled message for as long as a deadline can be away; answers the one before it."""
        async with redis_away(self._redis):
            value = await self._redis.set(
                keys.scheduled(document_id), scheduled.model_dump_json(), ex=SCHEDULED_TTL, get=True
            )
        return _scheduled(document_id, value)

    async def scheduled(self, document_id: str) -> Scheduled | None:
        """What is remembered."""
        async with redis_away(self._redis):
            value = await self._redis.get(keys.scheduled(document_id))
        return _scheduled(document_id, value)

    async def take_scheduled(self, document_id: str) -> Scheduled | None:
        """What was remembered, forgotten by this call."""
        async with redis_away(self._redis):
            value = await self._redis.getdel(keys.scheduled(document_id))
        return _scheduled(document_id, value)

    async def audit(self, partition: int, *, after: str = "", limit: int = 1000) -> Sequence[AuditRecord]:
        """Audit records of a partition, oldest first; ``after`` is a stream id."""
        start = f"({after}" if after else "-"
        async with redis_away(self._redis):
            entries: Any = await self._redis.xrange(keys.audit(partition), min=start, count=limit)
        return [read(AuditRecord, fields[b"r"]) for _, fields in entries]

    async def aclose(self) -> None:
        """Wait until what is to be remembered is written."""
        await self._callers.aclose()

    async def ping(self) -> None:
        """Raises ``DependencyAway`` when Redis does not answer. Also sees whether it has replicas."""
        async with redis_away(self._redis):
            if is_cluster(self._redis):
                await self._redis.ping()
                return
            try:
                told = await self._redis.info("replication")
            except NoPermissionError:
                await self._redis.ping()
            else:
                self._replicas = int(told.get("connected_slaves", 0))

    async def _before(self, sets: list[str], at: datetime, limit: int) -> Sequence[str]:
        found: list[tuple[float, str]] = []
        async with redis_away(self._redis):
            for name in sets:
                rows: Any = await self._redis.zrangebyscore(
                    name, "-inf", _ms(at), start=0, num=limit, withscores=True
                )
                found.extend((score, member.decode()) for member, score in rows)
        return [member for _, member in sorted(found)[:limit]]


def _scheduled(document_id: str, value: Any) -> Scheduled | None:
    """One that can't be read is not known any more: its message comes, and finds nothing to do."""
    try:
        return read(Scheduled, value) if value else None
    except (NewerDocument, ValidationError) as error:
        log.warning("a scheduled message is not known any more", about=document_id, because=str(error)[:300])
        return None


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
