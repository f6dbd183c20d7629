"""The use cases over memory, wired as the processes wire them."""

from datetime import datetime

from tests import acting
from tests import builders as a
from tests.doubles import CrashingNudger, FakeClock, FakeFacts, FakeRunner
from tests.examples import pytest_collection_modifyitems  # noqa: F401 - pytest finds it here by its name
from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import approval_id, partition_of_vm
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy
from workers.domain.ports.groups import NoGroups
from workers.domain.ports.store import Commit
from workers.domain.starts.events import StartEvent
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
            groups=NoGroups(),
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
