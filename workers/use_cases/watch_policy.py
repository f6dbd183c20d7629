"""Watches the policy file, tells on-call of one that is refused, and compares policies between processes."""

import asyncio
import os
import socket
from datetime import timedelta
from typing import Any

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import in_short
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.process_book import ProcessBook, Running
from workers.domain.ports.store import Commit, Store
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health
from workers.use_cases.conflicts import until_written
from workers.use_cases.policy_in_force import Found, Look, PolicyInForce

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
SAY_EVERY_S = 30.0
GONE_AFTER = timedelta(seconds=100)
"""A process that said nothing for so long has ended: it missed three times."""
TROUBLE = "policy of other processes"
"""What health calls it when processes go by different policies."""
_LONGEST_PROBLEM = 2000


class WatchPolicy:
    """Run by every process, for as long as it lives.

    Args:
        in_force: the policy of this process.
        process: ``workers`` or ``bot``. Of several such processes, one tells on-call.
        book: what every process says of itself.
        health: shows when other processes go by another policy.
    """

    def __init__(
        self,
        in_force: PolicyInForce,
        process: str,
        *,
        store: Store,
        nudger: Nudger,
        book: ProcessBook,
        health: Health,
        clock: Clock,
    ) -> None:
        self._in_force = in_force
        self._process = process
        self._host = socket.gethostname()
        self._name = f"{process}@{self._host}:{os.getpid()}"
        self._store = store
        self._nudger = nudger
        self._book = book
        self._health = health
        self._clock = clock
        self._untold: Look | None = Look(Found.MENDED, in_force().digest)  # it may have been refused before
        self._said_at: float | None = None
        self._said = ""

    async def run(
        self, hangup: asyncio.Event, *, look_every_s: float = LOOK_EVERY_S, say_every_s: float = SAY_EVERY_S
    ) -> None:
        """Look every few seconds, and at once when ``hangup`` is set."""
        try:
            while True:
                at_once = hangup.is_set()
                hangup.clear()
                await self(at_once=at_once, say_every_s=say_every_s)
                leave_if_cancelled()
                await _sleep(look_every_s, hangup)
        finally:
            await self._goodbye()

    async def __call__(self, *, at_once: bool = False, say_every_s: float = SAY_EVERY_S) -> Look:
        """Look once, and tell what has to be told. What can't be told now is told at a later look."""
        look = self._in_force.look(at_once=at_once)
        if look.found not in (Found.SAME, Found.SETTLING):
            self._untold = look
        now = asyncio.get_running_loop().time()
        stale = self._said_at is None or now - self._said_at >= say_every_s
        try:
            if self._untold is not None:
                await self._tell(self._untold)
                self._untold = None
            if stale or self._said != self._in_force().digest:
                await self._say()
                self._said_at, self._said = now, self._in_force().digest
        except (DependencyAway, Conflict) as error:  # health has the former from elsewhere
            log.warning("what is to be told of the policy waits", error=str(error))
        return look

    # What on-call is told

    async def _tell(self, look: Look) -> None:
        told = await until_written(lambda: self._write(look))
        if told is not None:
            await self._nudger.notices(Nudge(subject=Subject.POLICY, id=told.id, version=told.version + 1))

    async def _write(self, look: Look) -> PolicyNotice | None:
        """The notice as written; ``None`` if there is nothing to show."""
        notice, now = await self._store.policy_notice(), self._clock.now()
        in_force = self._in_force().digest
        if look.found is Found.REFUSED:
            problem = look.problem[:_LONGEST_PROBLEM]
            changed = notice.refusing(self._process, look.digest, problem, in_force=in_force, at=now)
        else:
            changed = notice.accepting(self._process, in_force=in_force, at=now)
        records = self._records(look, in_force)
        if changed is None and not records:
            return None
        await self._store.commit(
            Commit(
                partition=partition_of_id(notice.id),
                documents=() if changed is None else (changed,),
                audit=records,
            )
        )
        return changed if changed is not None and changed.number != notice.number else None

    def _records(self, look: Look, in_force: str) -> tuple[AuditRecord, ...]:
        """Each process puts on record by what it goes from now on, and what it refuses."""
        if look.found is Found.MENDED:
            return ()
        details: dict[str, Any] = {"process": self._process, "host": self._host, "in_force": in_force}
        if look.found is Found.REFUSED:
            details |= {"refused": look.digest, "problem": look.problem[:_LONGEST_PROBLEM]}
        kind = f"policy.{look.found.value}"
        return (AuditRecord(kind=kind, at=self._clock.now(), details=details),)

    # What processes tell each other

    async def _say(self) -> None:
        """Say by which policy this process goes, and look whether the others do, too."""
        now, mine = self._clock.now(), self._in_force().digest
        line = Running(process=self._process, host=self._host, policy=mine, at=now)
        await self._book.note(self._name, line)
        lines = await self._book.running()
        gone = [name for name, line in lines.items() if now - line.at > GONE_AFTER]
        await self._book.forget(*gone)
        others = [
            f"{name} by {in_short(line.policy)}"
            for name, line in sorted(lines.items())
            if name not in gone and line.policy != mine
        ]
        if others:
            self._health.trouble(
                TROUBLE,
                f"this process goes by policy {in_short(mine)}, and {', '.join(others)}: give all of them the"
                " same file; a change may take minutes to reach each of them",
            )
        else:
            self._health.trouble_over(TROUBLE)

    async def _goodbye(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._book.forget(self._name)
        except (DependencyAway, TimeoutError) as error:
            log.warning("the others will see later that this process ended", error=str(error))


async def _sleep(for_s: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(for_s):
            await event.wait()
    except TimeoutError:
        pass
