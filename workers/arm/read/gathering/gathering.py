"""One gathering under way: what has arrived so far can be taken out at any moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from workers.arm.read.around.beside import Beside
from workers.arm.read.gathering.network import NetworkReads
from workers.arm.read.rights.grants import Assignment, can_be_asked, grants_for
from workers.arm.read.sources import Sources
from workers.domain.errors import DependencyAway, NotFound, StartgateError
from workers.domain.starts.defender import DefenderFacts
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import (
    ASSIGNMENTS,
    JUST_IN_TIME,
    VM_PLAN,
    BackupFacts,
    Facts,
    LockFact,
    MachineFacts,
    MissingFact,
    NetworkFacts,
)
from workers.domain.starts.vm import VmRef

if TYPE_CHECKING:
    from workers.arm.read.defender.findings import Told
    from workers.arm.read.defender.plans import ServersPlan

log = structlog.get_logger(__name__)

MOST_READS = 10
"""For a start, before its question goes out."""
_WITH_JUST_IN_TIME = "P2"


class Gathering:
    """The facts of one VM."""

    def __init__(self, sources: Sources, vm: VmRef, since: datetime | None, start: StartEvent | None) -> None:
        self._sources = sources
        self._vm = vm
        self._since = since
        self._start = start
        self._assignments: tuple[Assignment, ...] = ()
        self._gone = False
        self._away: DependencyAway | None = None
        self._subscription_name = ""
        self._machine: MachineFacts | None = None
        self._backup: BackupFacts | None = None
        self._told: Told | None = None
        self._plan: ServersPlan | None = None
        self._just_in_time: tuple[str, ...] | None = None
        self._read_at: dict[str, datetime] = {}
        self._locks: tuple[LockFact, ...] | None = None
        self._network = NetworkReads(sources, since, self._fact, self._note)
        self._missing: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._took_ms: dict[str, float] = {}
        self._reads = 0

    async def all(self) -> None:
        """Read everything; ``facts`` says what has come, at any moment."""
        await asyncio.gather(
            self._fact("subscription", self._read_subscription),
            *([] if self._vm.classic else [self._fact("Defender", self._read_told)]),
            self._fact("locks", self._read_locks),
            *self._what_the_caller_may(),
            self._machine_and_what_it_names(),
        )
        if not self._vm.classic:
            await self._plan_and_just_in_time_access()

    async def _machine_and_what_it_names(self) -> None:
        await self._fact("machine", self._read_machine)
        machine = self._machine
        if machine is None or self._vm.classic:
            return
        started = time.monotonic()
        await asyncio.gather(
            self._fact("backup", lambda: self._read_backup(machine.location)),
            *(self._network.nic_and_neighbours(nic_id) for nic_id in machine.nic_ids),
        )
        self._took_ms["network"] = _ms_since(started)

    async def _fact(self, name: str, read: Callable[[], Awaitable[None]]) -> None:
        """Wait for one read; whatever goes wrong with it is noted, and harms no other."""
        started = time.monotonic()
        self._reads += 1
        self._waiting.add(name)
        try:
            await read()
        except StartgateError as error:
            self._missing[name] = error.diagnostics()
        except Exception:
            # The ask must go out, whatever Azure answered: an unexpected answer costs one fact.
            log.exception("unexpected answer", fact=name, vm=self._vm.key)
            self._missing[name] = "Azure's answer was not understood"
        else:
            self._took_ms[name] = _ms_since(started)
        self._waiting.discard(name)

    async def _read_subscription(self) -> None:
        self._subscription_name = await self._sources.subscription_name(self._vm)

    def _what_the_caller_may(self) -> list[Awaitable[None]]:
        """The read of their role assignments, if they are known by an id."""
        start = self._start
        if start is None or not can_be_asked(start.caller.object_id):
            return []

        async def read() -> None:
            self._assignments, at = await self._sources.assignments(
                self._vm.subscription_id.lower(), start.caller.object_id.lower()
            )
            self._note(ASSIGNMENTS, at)

        return [self._fact(ASSIGNMENTS, read)]

    async def _plan_and_just_in_time_access(self) -> None:
        """The VM's own Defender plan, unless all have their subscription's, and its just-in-time access.

        Only Defender for Servers Plan 2 has the latter, and a VM has that from its subscription alone;
        elsewhere nothing is read. The first start in a subscription may have read ten times by now. Then
        these are named as missing, and read with what is filled in later.
        Source: https://learn.microsoft.com/azure/defender-for-cloud/just-in-time-access-overview
        """
        if self._told is None or self._told.defender.subscription_plan is None:
            return
        reads: list[Awaitable[None]] = []
        known = self._sources.vm_plan.cache_contains(self._vm)
        too_many = self._sources.many_plans_are_read
        if not self._told.same_plan and self._may_read(VM_PLAN, known=known, too_many=too_many):
            reads.append(self._fact(VM_PLAN, self._read_plan))
        if self._told.defender.subscription_plan != _WITH_JUST_IN_TIME:
            self._just_in_time = ()
        else:
            known = self._sources.just_in_time.cache_contains(self._vm.subscription_id)
            too_many = self._reads + len(reads) > MOST_READS
            if self._may_read(JUST_IN_TIME, known=known, too_many=too_many):
                reads.append(self._fact(JUST_IN_TIME, self._read_just_in_time))
        await asyncio.gather(*reads)

    def _may_read(self, name: str, *, known: bool, too_many: bool) -> bool:
        """Whether a question may wait for this; if not, it is missing for now.

        Args:
            name: what it is.
            known: it was read a moment ago, which costs nothing.
            too_many: there is no room for one more read.
        """
        # The subscription's name is counted, and comes with the query.
        if known or self._since is None or not (too_many or self._reads > MOST_READS):
            return True
        self._missing[name] = "left for later, so that the question was not held back"
        return False

    async def _read_plan(self) -> None:
        self._plan, at = await self._sources.vm_plan(self._vm)
        self._note(VM_PLAN, at)

    async def _read_just_in_time(self) -> None:
        listed, at = await self._sources.just_in_time(self._vm.subscription_id)
        self._just_in_time = listed.get(self._vm.key, ())
        self._note(JUST_IN_TIME, at)

    async def _read_locks(self) -> None:
        locks, at = await self._sources.locks(self._vm.subscription_id)
        self._locks = tuple(one for one in locks if one.holds_for(self._vm.resource_id))
        self._note("locks", at)

    async def _read_machine(self) -> None:
        try:
            self._machine = await self._sources.machine(self._vm, self._since)
            self._note("machine", datetime.now(UTC))
        except NotFound:
            self._gone = True
        except DependencyAway as away:
            self._away = away
            raise

    async def _read_backup(self, location: str) -> None:
        self._backup, at = await self._sources.backup(self._vm, location)
        self._note("backup", at)

    async def _read_told(self) -> None:
        self._told = await self._sources.told(self._vm)
        if (at := self._told.defender.read_at) is not None:
            self._note("Defender", at)

    def _note(self, name: str, at: datetime) -> None:
        """When a fact was read; of one with several parts, the oldest."""
        self._read_at[name] = min(at, self._read_at.get(name, at))

    def late(self, budget_s: float) -> None:
        """The budget is used up: what is still awaited is missing."""
        for name in self._waiting:
            self._missing.setdefault(name, f"did not come within {budget_s:g} s")

    def facts(self) -> Facts:
        """What is known now.

        Raises:
            DependencyAway: the read of the VM itself was refused for now.
        """
        if self._away is not None:
            raise self._away
        shown = None
        if self._machine is not None and not self._vm.classic:
            shown = self._network.found(self._machine.nic_ids)
        self._explain(shown)
        beside = self._told.beside if self._told else Beside()
        return Facts(
            subscription_name=self._subscription_name,
            machine=self._with_extensions(beside),
            network=shown,
            backup=self._with_recovery_point(beside),
            defender=self._defender(),
            group_tags=beside.group_tags,
            subscription_tags=beside.subscription_tags,
            just_in_time=self._just_in_time,
            read_at=dict(self._read_at),
            locks=self._locks,
            grants=grants_for(self._start, self._assignments) if self._start else (),
            gone=self._gone,
            missing=tuple(MissingFact(name=name, reason=why) for name, why in self._missing.items()),
            took_ms=dict(self._took_ms),
            gathered_at=datetime.now(UTC),
        )

    def _defender(self) -> DefenderFacts | None:
        """With the plan that holds for the VM: its own, or one that all VMs of the subscription have."""
        if self._told is None:
            return None
        found, read = self._told.defender, self._plan
        if read is not None:
            return found.changed(vm_plan=read.sub_plan, vm_plan_own=read.own)
        return found.changed(vm_plan=found.subscription_plan) if self._told.same_plan else found

    def _with_extensions(self, beside: Beside) -> MachineFacts | None:
        if self._machine is None or beside.failed_extensions is None:
            return self._machine
        return self._machine.model_copy(update={"failed_extensions": beside.failed_extensions})

    def _with_recovery_point(self, beside: Beside) -> BackupFacts | None:
        if self._backup is None or beside.recovery_point_at is None:
            return self._backup
        return self._backup.model_copy(update={"recovery_point_at": beside.recovery_point_at})

    def _explain(self, shown: NetworkFacts | None) -> None:
        """Say of everything that is not there why it is not."""
        if self._gone:
            self._missing["machine"] = "the VM does not exist"
        if self._vm.classic:
            self._missing["network"] = "not available for classic VMs"
            self._missing["backup"] = "Azure Backup does not protect classic VMs"
            self._missing["Defender"] = "not available for classic VMs"
        because = "the VM itself is not known" if self._machine is None else "did not come in time"
        parts = (
            ("network", shown),
            ("backup", self._backup),
            ("Defender", self._told),
            ("locks", self._locks),
        )
        for name, there in parts:
            if there is None:
                self._missing.setdefault(name, because)


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
