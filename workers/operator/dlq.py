"""``startgate dlq list | show | replay | discard``: what Service Bus put aside."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

from workers.bus.connection import NOTICES, STARTS, WORK, connected
from workers.bus.dead_letters import Dead, DeadLetters, Handled, Note
from workers.domain.audit import AuditRecord
from workers.domain.ids import partition_of_vm
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.operator.session import BROKEN, FINE, UNREACHABLE, Session, fail, operator, run, session
from workers.runtime.terminal import pretty, safe_json, safe_line

app = typer.Typer(no_args_is_help=True, help="Dead letters: messages that Service Bus put aside.")

_MOST_SHOWN = 20_000
_REASON_LIMIT = 500


class Queue(StrEnum):
    """The three queues."""

    STARTS = STARTS
    WORK = WORK
    NOTICES = NOTICES


Sequences = Annotated[
    list[int] | None, typer.Option("--sequence", help="Only this sequence number; may be repeated.")
]
Every = Annotated[bool, typer.Option("--all", help="All that are there now.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@app.command("list")
def list_queues(
    queue: Annotated[Queue | None, typer.Argument(help="Only this queue.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Count dead letters of each queue, with the oldest one's time and the reasons. Locks none.

    Example: startgate dlq list starts
    """
    run(_list([queue] if queue else list(Queue), as_json=as_json))


@app.command()
def show(
    queue: Queue,
    sequence: Sequences = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    *,
    full: Annotated[bool, typer.Option("--full", help="Bodies to their ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print dead letters with reason and body, oldest first, safe for a terminal. Locks none.

    Example: startgate dlq show starts --limit 5
    """
    run(_show(queue, sequence or [], limit, full=full, as_json=as_json))


@app.command()
def replay(queue: Queue, sequence: Sequences = None, *, every: Every = False) -> None:
    """Send dead letters to their queue once more: a copy first, then the dead letter goes.

    A copy that fails again becomes a dead letter with a new sequence number; it is not replayed in this run.

    Example: startgate dlq replay starts --all
    """
    _one_of(sequence, every=every)
    run(_replay(queue, sequence or []))


@app.command()
def discard(
    queue: Queue,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")],
    sequence: Sequences = None,
    *,
    every: Every = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Throw dead letters away for good.

    Example: startgate dlq discard starts --sequence 7 --reason "a test event"
    """
    _one_of(sequence, every=every)
    run(_discard(queue, sequence or [], reason.strip(), yes=yes))


def _one_of(sequence: list[int] | None, *, every: bool) -> None:
    if bool(sequence) == every:
        raise typer.BadParameter("say which: --sequence NUMBER, once or more, or --all")


class _Desk(NamedTuple):
    letters: dict[Queue, DeadLetters]
    session: Session


@contextlib.asynccontextmanager
async def _desk() -> AsyncIterator[_Desk]:
    async with session() as s:
        bus = connected(
            connection=s.settings.servicebus_connection,
            namespace=s.settings.servicebus_namespace,
            credential=s.settings.identity,
        )
        async with bus as client:
            yield _Desk({queue: DeadLetters(client, queue) for queue in Queue}, s)


async def _list(queues: list[Queue], *, as_json: bool) -> int:
    async with _desk() as desk:
        found = await asyncio.gather(*(_summary(desk.letters[queue]) for queue in queues))
    if as_json:
        typer.echo(safe_json([one.as_json() for one in found], indent=2))
        return FINE
    for one in found:
        for line in one.lines():
            typer.echo(line)
    return FINE


class _Summary(NamedTuple):
    queue: str
    reasons: Counter[str]
    oldest: datetime | None

    def lines(self) -> list[str]:
        oldest = f", the oldest of {self.oldest:%F %T} UTC" if self.oldest else ""
        return [
            f"{self.queue}: {self.reasons.total()}{oldest}",
            *(f"  {count:>6}  {safe_line(reason)}" for reason, count in self.reasons.most_common()),
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "queue": self.queue,
            "count": self.reasons.total(),
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "reasons": dict(self.reasons.most_common()),
        }


async def _summary(letters: DeadLetters) -> _Summary:
    reasons: Counter[str] = Counter()
    oldest: datetime | None = None
    async for dead in letters.peek():
        reasons[dead.reason or "no reason"] += 1
        if dead.enqueued_at is not None:
            oldest = min(oldest or dead.enqueued_at, dead.enqueued_at)
    return _Summary(str(letters.queue), reasons, oldest)


async def _show(queue: Queue, sequences: list[int], limit: int, *, full: bool, as_json: bool) -> int:
    shown = 0
    async with _desk() as desk:
        first = min(sequences, default=1)
        async with contextlib.aclosing(desk.letters[queue].peek(from_sequence=first)) as peeked:
            async for dead in peeked:
                if sequences and dead.sequence not in sequences:
                    continue
                most = len(dead.body) * 8 if full else _MOST_SHOWN
                told = safe_json(_as_json(dead, most=most)) if as_json else _described(dead, most=most)
                typer.echo(told)
                shown += 1
                if shown == (len(set(sequences)) or limit):
                    break
    if sequences and shown < len(set(sequences)):
        fail(BROKEN, f"{len(set(sequences)) - shown} of them are not there")
    return FINE


def _as_json(dead: Dead, *, most: int) -> dict[str, Any]:
    """One line of JSON; the body as text, since it may be no JSON."""
    return {
        "sequence": dead.sequence,
        "enqueued_at": dead.enqueued_at.isoformat() if dead.enqueued_at else None,
        "delivery_count": dead.delivery_count,
        "message_id": dead.message_id,
        "reason": dead.reason,
        "description": dead.description,
        "properties": dict(dead.properties),
        "body": dead.body[:most].decode(errors="replace"),
    }


def _described(dead: Dead, *, most: int) -> str:
    at = f"{dead.enqueued_at:%F %T} UTC" if dead.enqueued_at else "unknown"
    rows = [
        f"── {dead.sequence}  enqueued {at}, delivered {dead.delivery_count} times",
        f"message id   {safe_line(dead.message_id)}",
        f"reason       {safe_line(dead.reason)}",
        f"description  {safe_line(dead.description)}",
        *(f"property     {safe_line(key)} = {safe_line(value)}" for key, value in dead.properties.items()),
        pretty(dead.body, most=max(most, 1)),
        "",
    ]
    return "\n".join(rows)


async def _replay(queue: Queue, sequences: list[int]) -> int:
    async with _desk() as desk:
        await desk.session.store.ping()  # what can't be audited is not begun
        wanted = sequences or await _all(desk.letters[queue])
        note = _noting(desk.session.store, desk.session.clock, queue, "dlq.replayed", {})
        return _told(queue, "replayed", await desk.letters[queue].replay(wanted, note))


async def _discard(queue: Queue, sequences: list[int], reason: str, *, yes: bool) -> int:
    if not reason:
        fail(UNREACHABLE, "--reason must say why")
    async with _desk() as desk:
        await desk.session.store.ping()  # what can't be audited is not begun
        wanted = sequences or await _all(desk.letters[queue])
        if wanted and not yes:
            asked = f"Throw {len(wanted)} dead letter(s) of {queue} away for good?"
            if not await asyncio.to_thread(typer.confirm, asked):
                typer.echo("nothing was discarded")
                return BROKEN
        details = {"discarded_because": reason[:_REASON_LIMIT]}
        note = _noting(desk.session.store, desk.session.clock, queue, "dlq.discarded", details)
        return _told(queue, "discarded", await desk.letters[queue].discard(wanted, note))


async def _all(letters: DeadLetters) -> list[int]:
    return [dead.sequence async for dead in letters.peek()]


def _noting(store: Store, clock: Clock, queue: Queue, kind: str, more: dict[str, str]) -> Note:
    by = operator()

    async def note(dead: Dead, new_id: str) -> None:
        details = {
            "queue": str(queue),
            "sequence": dead.sequence,
            "message_id": dead.message_id,
            "reason": dead.reason,
            "description": dead.description[:_REASON_LIMIT],
            **({"new_message_id": new_id} if new_id else {}),
            **more,
        }
        record = AuditRecord(kind=kind, at=clock.now(), by=by, details=details)
        await store.commit(Commit(partition=partition_of_vm(dead.message_id), audit=(record,)))

    return note


def _told(queue: Queue, verb: str, handled: Handled) -> int:
    typer.echo(f"{queue}: {len(handled.done)} {verb}")
    for sequence in handled.not_found:
        typer.echo(f"  {sequence}: not there, or somebody else works on it", err=True)
    for sequence, why in handled.refused.items():
        typer.echo(f"  {sequence}: {why}", err=True)
    return BROKEN if handled.not_found or handled.refused else FINE
