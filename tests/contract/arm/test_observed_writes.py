"""While the policy only observes, no write reaches Azure, whatever is on record: by Azure's own requests."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from deploy.sandbox.azure.server import AzureServer
from tests import builders as a
from tests.contract.arm.driver import nics, ref
from tests.contract.arm.test_paused_writes import HOUR, House
from workers.arm.read.facts import ArmFacts
from workers.arm.read.sources import Sources
from workers.arm.steps import step_runners
from workers.arm.steps.standing import ArmStanding
from workers.domain.asking.approvals import ApprovalState
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.model import Defaults, Mode, OnSilence, OnUndelivered, Policy, Rule, Verdict
from workers.store.in_memory.inventory import MemoryInventory
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.asking.assess import Assess
from workers.use_cases.asking.expire import LookAtApproval
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.containment.contain import Contain
from workers.use_cases.starts.open import OpenApproval
from workers.use_cases.sweeps.resync import Resync
from workers.use_cases.sweeps.standing import RereadStanding

RULES = (
    Rule(name="bait", when='event.correlation_id == "bait"', verdict=Verdict.CONTAIN),
    Rule(name="told", when='event.correlation_id == "told"', verdict=Verdict.TELL),
)


class Observed(House):
    """The whole of the workers over the real steps. It enforces until ``observe``."""

    def __init__(self, arm: AzureServer) -> None:
        super().__init__(arm)
        strict = Defaults(on_silence=OnSilence.CONTAIN, on_undelivered=OnUndelivered.CONTAIN)
        self.policy: Policy = a.policy(rules=RULES, defaults=strict)
        nudger = self.lock_down._nudger
        ports = {"store": self.store, "nudger": nudger, "clock": self.clock}
        self.brakes = Brakes(store=self.store, clock=self.clock, observes=self.observes)
        runners = step_runners(self.azure)
        standing = ArmStanding(self.azure)
        self.contain = Contain(
            runners=runners, brakes=self.brakes, policy=lambda: self.policy, standing=standing, **ports
        )
        self.open = OpenApproval(
            inventory=MemoryInventory(),
            facts=ArmFacts(self.azure, Sources(self.azure)),
            assess=Assess(runners=runners, policy=lambda: self.policy),
            **ports,
        )
        self.asked_of = NoteAsked(**ports)
        self.look = LookAtApproval(observes=self.observes, **ports)
        self.standing = RereadStanding(reader=standing, period_s=60, **ports)
        self.resync = Resync(**ports)

    def observes(self) -> bool:
        return self.policy.observes

    def observe(self) -> None:
        self.policy = self.policy.changed(mode=Mode.OBSERVE)


@pytest.fixture
async def house(arm: AzureServer) -> AsyncIterator[Observed]:
    made = Observed(arm)
    async with made.azure:
        yield made


async def test_nothing_is_written_by_silence_rules_orders_or_sweeps(house: Observed) -> None:
    contained = (await house.lock_down(ref(house.arm, "web-01"), a.oncall(), LockdownProfile())).containment
    assert (await house.go_on(contained.id, HOUR)).state is ContainmentState.CONTAINED
    vm = ref(house.arm, "web-02")
    silent = (await house.open(a.start_event(vm=vm, at=house.clock.now()))).document_id
    await house.asked_of(silent, (a.ALICE,))
    under_way = (await house.lock_down(ref(house.arm, "db-01"), a.oncall(), LockdownProfile())).containment

    house.observe()
    sent = house.sent()
    for nic in nics(house.arm, "web-01"):  # somebody undoes the isolation
        nic.properties.pop("networkSecurityGroup")
    for correlation_id in ("bait", "told", "asked"):
        await house.open(a.start_event(vm=vm, correlation_id=correlation_id, at=house.clock.now()))
    house.clock.advance(timedelta(hours=2))
    await house.look(silent)
    await house.standing()
    await house.resync()
    for containment_id in (contained.id, under_way.id):
        for _ in range(5):
            house.clock.advance(90)
            await house.contain(containment_id)

    assert house.sent() == sent
    assert (await house.store.approval(silent)).state is ApprovalState.WITHDRAWN
    assert (await house.store.containment(under_way.id)).state is ContainmentState.PLANNED
    assert (await house.store.containment(contained.id)).drift, "the sweep has seen it"
    assert (await house.store.vm_record(vm)).containment_id is None


async def test_the_same_way_writes_once_it_is_enforced(house: Observed) -> None:
    """So the test above can fail: all of that is written without the mode."""
    vm = ref(house.arm, "web-02")
    sent = house.sent()
    bait = (await house.open(a.start_event(vm=vm, correlation_id="bait", at=house.clock.now()))).document_id
    held = (await house.store.approval(bait)).containment_id or ""
    assert (await house.go_on(held, HOUR)).state is ContainmentState.CONTAINED
    assert house.sent() > sent
