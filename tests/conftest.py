"""What tests share: a clock that is moved by hand, a real Valkey, the bus stand-in, and scripted ports.

Nothing here applies by itself but how the log is written; a test asks for the rest.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import redis
import structlog
from hypothesis import HealthCheck, settings

from deploy.sandbox.servicebus.server import BusServer
from tests import acting
from tests import builders as a
from tests.valkey_server import Valkey
from workers.bus.memory import MemoryNudger
from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.containment.afterwards.jobs import Job
from workers.domain.containment.by_hand import Words
from workers.domain.containment.containment import Containment, Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import approval_id, partition_of_vm
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy
from workers.domain.ports.store import Commit
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef
from workers.store.in_memory.inventory import MemoryInventory
from workers.store.in_memory.store import MemoryStore
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.asking.assess import Assess
from workers.use_cases.asking.fill_in import FillIn
from workers.use_cases.containment.contain import Contain
from workers.use_cases.containment.never import GuardedByInventory, GuardedInAzure
from workers.use_cases.orders.access.answer import AnswerAccess
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.starts.open import OpenApproval
from workers.use_cases.sweeps.resync import Resync

settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("steady")
"""The same examples each time, however slow the machine is. ``--hypothesis-profile=search`` tries others."""


COMPUTES_S = 600
"""For tests that compute all the time, which a busy machine makes many times as slow, and wait for nobody."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What hypothesis runs goes through hundreds of examples: a hang is cut, a busy machine is none."""
    for item in items:
        if item.get_closest_marker("hypothesis") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(COMPUTES_S))


def pytest_configure() -> None:
    """Plain tracebacks: the coloured ones with every local variable take seconds on a busy machine."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = a.NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta | float) -> None:
        """By a timedelta or so many seconds."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)

    def to(self, at: datetime) -> None:
        """Forward to a moment; never back."""
        self._now = max(self._now, at)


class CrashError(RuntimeError):
    """Stands for the end of the process at this very point."""


class CrashingNudger(MemoryNudger):
    """Dies instead of sending, as often as ``crashes`` says."""

    def __init__(self) -> None:
        super().__init__()
        self.crashes = 0

    def _maybe(self) -> None:
        if self.crashes:
            self.crashes -= 1
            raise CrashError

    async def work(self, *nudges: Nudge) -> None:
        self._maybe()
        await super().work(*nudges)

    async def schedule_work(self, nudge: Nudge) -> int:
        self._maybe()
        return await super().schedule_work(nudge)

    async def notices(self, *nudges: Nudge) -> None:
        self._maybe()
        await super().notices(*nudges)

    def clear(self) -> None:
        self.to_work.clear()
        self.to_notices.clear()


class FakeFacts:
    """Gives ``answer``, or raises it; ``by_subscription`` goes first."""

    def __init__(self) -> None:
        self.answer: Facts | Exception = a.facts()
        self.by_subscription: dict[str, Facts | Exception] = {}
        self.asked: list[tuple[VmRef, float, datetime | None]] = []

    async def gather(
        self,
        vm: VmRef,
        *,
        budget_s: float,
        since: datetime | None = None,
        start: StartEvent | None = None,
    ) -> Facts:
        del start
        self.asked.append((vm, budget_s, since))
        answer = self.by_subscription.get(vm.subscription_id, self.answer)
        if isinstance(answer, Exception):
            raise answer
        return answer


Script = Progress | Exception | Callable[[], Progress]


class FakeRunner:
    """A step that does what its scripts say, and otherwise begins at once and is done at the next look.

    Attributes:
        begun: the calls of ``begin``: the earlier change each was given.
        checked: the calls of ``check``: the step each was given.
        watched: told of every call of ``begin``, before it does anything.
        held: while it is not set, ``begin`` does not return; ``reached`` says that it was called.
    """

    def __init__(self, name: StepName) -> None:
        self.name = name
        self.to_begin: deque[Script] = deque()
        self.to_check: deque[Script] = deque()
        self.to_follow: deque[Job | Exception] = deque()
        self.begun: list[Change | None] = []
        self.checked: list[Step] = []
        self.profiles: list[LockdownProfile] = []
        self.watched: Callable[[VmRef, StepName], None] = lambda _vm, _name: None
        self.held: asyncio.Event | None = None
        self.reached = asyncio.Event()

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        del facts, profile
        return Change(summary=f"{self.name} {vm.name}")

    def by_hand(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
        del facts, profile
        return (("az", "vm", str(self.name), "--name", vm.name),)

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        del containment_id
        self.begun.append(earlier)
        self.watched(vm, self.name)
        self.profiles.append(profile)
        self.reached.set()
        if self.held is not None:
            await self.held.wait()
        if self.to_begin:
            return _played(self.to_begin.popleft())
        # What comes from the plan alone knows no *before* yet.
        change = (
            earlier
            if earlier and earlier.before
            else Change(summary=f"{self.name} {vm.name}", before={"was": len(self.begun)})
        )
        return Progress(done=False, token=f"{self.name}-token", change=change, note="begun")

    async def begin_in(self, containment: Containment, step: Step) -> Progress:
        return await self.begin(containment.vm, containment.profile, containment.id, earlier=step.change)

    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        del vm, profile
        self.checked.append(step)
        if self.to_check:
            return _played(self.to_check.popleft())
        return Progress(done=True, note=f"{self.name} reads back")

    async def undo(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        raise NotImplementedError

    async def lift(self, vm: VmRef, step: Step) -> str:
        del vm, step
        return ""

    async def follow(self, vm: VmRef, job: Job) -> Job:
        del vm
        seen = self.to_follow.popleft() if self.to_follow else job
        if isinstance(seen, Exception):
            raise seen
        return seen


def _played(script: Script) -> Progress:
    if isinstance(script, Exception):
        raise script
    return script if isinstance(script, Progress) else script()


class Rig:
    """The use cases over memory, with every port in the test's hand."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.clock = FakeClock()
        self.policy = policy or a.policy()
        self.inventory = MemoryInventory()
        self.store = MemoryStore(self.clock, self.inventory)
        self.nudger = CrashingNudger()
        self.facts = FakeFacts()
        self.runners = {name: FakeRunner(name) for name in LockdownProfile().steps}
        self.assess = assess = Assess(runners=list(self.runners.values()), policy=lambda: self.policy)
        self.open = OpenApproval(
            store=self.store,
            nudger=self.nudger,
            inventory=self.inventory,
            facts=self.facts,
            assess=assess,
            clock=self.clock,
        )
        self.note_asked = NoteAsked(store=self.store, nudger=self.nudger, clock=self.clock)
        self.fill_in = FillIn(
            store=self.store, nudger=self.nudger, facts=self.facts, assess=assess, clock=self.clock
        )
        self.look = acting.look_at_approval(
            store=self.store, nudger=self.nudger, clock=self.clock, fill_in=self.fill_in
        )
        self.decide = acting.decide(store=self.store, nudger=self.nudger, clock=self.clock)
        self.lock_down = acting.lock_down(
            store=self.store,
            nudger=self.nudger,
            clock=self.clock,
            guarded=GuardedByInventory(lambda: self.policy, self.inventory),
        )
        self.second = AskSecond(
            store=self.store, nudger=self.nudger, clock=self.clock, policy=lambda: self.policy
        )
        self.access = AnswerAccess(
            store=self.store,
            nudger=self.nudger,
            clock=self.clock,
            policy=lambda: self.policy,
            inventory=self.inventory,
        )
        self.contain = self.worker()
        self.resync = Resync(store=self.store, nudger=self.nudger, clock=self.clock)

    def worker(self) -> Contain:
        """Another worker over the same store."""
        return Contain(
            store=self.store,
            nudger=self.nudger,
            runners=list(self.runners.values()),
            clock=self.clock,
            guarded=GuardedInAzure(lambda: self.policy, self.facts),
            brakes=acting.brakes(store=self.store, clock=self.clock),
            policy=lambda: self.policy,
        )

    async def asked(self, event: StartEvent | None = None) -> Approval:
        """An approval whose card reached the owner."""
        opened = await self.open(event or a.start_event())
        await self.note_asked(opened.document_id, (a.ALICE,))
        self.nudger.clear()
        return await self.store.approval(opened.document_id)

    async def asked_beside(
        self, first: Approval, correlation_id: str, at: datetime | None = None
    ) -> Approval:
        """A second open question about the VM, as earlier versions asked one for each start."""
        event = first.event.changed(correlation_id=correlation_id, at=at or first.event.at)
        vm, now = event.vm, self.clock.now()
        second = first.changed(
            id=approval_id(vm.key, event.dedupe_key), version=0, event=event, opened_at=now, asked_at=now
        )
        record = await self.store.vm_record(vm)
        opened = AuditRecord(kind="approval.opened", at=now, about=second.id, vm=vm.key)
        await self.store.commit(
            Commit(
                partition=partition_of_vm(vm.key),
                documents=(
                    second,
                    record.changed(open_approvals=(*record.open_approvals, second.id)),
                ),
                audit=(opened,),
            )
        )
        return await self.store.approval(second.id)

    async def rejected(self, event: StartEvent | None = None) -> Containment:
        """The containment that a rejection set going."""
        approval = await self.asked(event)
        decided = await self.decide(a.Answer.REJECT, approval.id, a.actor(), reason="not me")
        self.nudger.clear()
        assert decided.containment is not None
        return await self.store.containment(decided.containment.id)

    async def advance(self, containment_id: str, *, times: int = 1, by: float = 2.0) -> Containment:
        """Look at it so often, with this many seconds before each further look."""
        for round_ in range(times):
            if round_:
                self.clock.advance(by)
            await self.contain(containment_id)
        return await self.store.containment(containment_id)

    async def until_rest(self, containment_id: str, *, most: int = 200) -> Containment:
        """Go on, at the times it asks for, until nothing is left to do."""
        for _ in range(most):
            containment = await self.store.containment(containment_id)
            due = containment.due_at()
            if due is None:
                return containment
            self.clock.to(due)
            await self.contain(containment_id)
        raise AssertionError(f"{containment_id} does not come to rest")

    async def audit(self, vm: VmRef | None = None) -> list[AuditRecord]:
        """The audit of one VM's partition."""
        return list(await self.store.audit(partition_of_vm((vm or a.vm_ref()).key)))

    async def kinds(self) -> list[str]:
        """What kinds of records there are, in order."""
        return [record.kind for record in await self.audit()]

    def worked(self, subject: Subject) -> list[Nudge]:
        """Nudges to the workers about this kind of thing."""
        return [nudge for nudge in self.nudger.to_work if nudge.subject is subject]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    directory = Path(tempfile.mkdtemp(prefix="startgate-valkey-"))
    server = Valkey(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """An empty Valkey; its ``url`` is what a client needs."""
    with contextlib.suppress(redis.RedisError):
        valkey_server.flush()
        return valkey_server
    valkey_server.stop()
    valkey_server.start()
    return valkey_server


@pytest_asyncio.fixture
async def bus_server() -> AsyncIterator[BusServer]:
    """A Service Bus stand-in with the product's three queues, in this process."""
    server = BusServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
