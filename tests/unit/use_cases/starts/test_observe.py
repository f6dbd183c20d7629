"""``mode: observe``: starts are read, judged and recorded; nobody is asked, and nothing is contained."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import IN_WORDS, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.brakes.held import HeldBy
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotAllowed, OnlyObserving, WritesPaused
from workers.domain.nudges import Subject
from workers.domain.policy.model import Defaults, Mode, OnSilence, OnUndelivered, Policy, Rule, Verdict
from workers.domain.starts.events import Phase
from workers.domain.starts.facts import Facts
from workers.telemetry.health import Health
from workers.use_cases.containment.contain import Contain
from workers.use_cases.orders.restore import Restore
from workers.use_cases.starts.outcome import Outcome
from workers.use_cases.sweeps.policy.mode import WatchMode

STRICT = Defaults(on_silence=OnSilence.CONTAIN, on_undelivered=OnUndelivered.CONTAIN)


class Observing(Rig):
    """As both processes are wired. ``switch`` changes the mode, as a new policy does."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        ports = {"store": self.store, "nudger": self.nudger, "clock": self.clock}
        self.look = acting.look_at_approval(fill_in=self.fill_in, observes=self.observes, **ports)
        self.decide = acting.decide(observes=self.observes, **ports)
        self.lock_down = acting.lock_down(observes=self.observes, **ports)
        self.retry = acting.retry(observes=self.observes, **ports)
        self.restore = Restore(policy=lambda: self.policy, **ports)
        self.brakes = acting.brakes(store=self.store, clock=self.clock, observes=self.observes)
        self.health = Health()
        self.watch = WatchMode(health=self.health, observes=self.observes, **ports)
        self.contain = Contain(
            runners=list(self.runners.values()), policy=lambda: self.policy, brakes=self.brakes, **ports
        )

    def observes(self) -> bool:
        return self.policy.observes

    def switch(self, mode: Mode) -> None:
        self.policy = self.policy.changed(mode=mode)


def observing(verdict: Verdict = Verdict.ASK) -> Observing:
    rule = Rule(name="every", when='vm.tags["owner"] != ""', verdict=verdict)
    return Observing(a.policy(mode=Mode.OBSERVE, rules=(rule,), defaults=STRICT))


def touched(rig: Rig) -> bool:
    return any(runner.begun for runner in rig.runners.values())


@pytest.mark.parametrize("verdict", [Verdict.ASK, Verdict.TELL, Verdict.CONTAIN])
async def test_a_start_is_judged_and_recorded_and_nobody_hears_of_it(verdict: Verdict) -> None:
    rig = observing(verdict)
    opened = await rig.open(a.start_event())
    assert opened.outcome is Outcome.OBSERVED
    observed = await rig.store.approval(opened.document_id)
    assert (observed.state, observed.open, observed.has_card) == (ApprovalState.OBSERVED, False, False)
    assert (observed.terms.verdict, observed.containment_id) == (verdict, None)
    assert observed.facts.known_count
    assert observed.risk is not None
    (record,) = await rig.audit()
    assert (record.kind, record.details["verdict"], record.details["rule"]) == (
        "start.observed",
        verdict.value,
        "every",
    )

    rig.clock.advance(timedelta(days=2))
    await rig.resync()
    await rig.look(observed.id)
    assert (rig.nudger.to_notices, rig.nudger.to_work, touched(rig)) == ([], [], False)
    assert (await rig.store.vm_record(a.vm_ref())).free


async def test_a_start_passes_as_it_would() -> None:
    rig = observing(Verdict.PASS)
    assert (await rig.open(a.start_event())).outcome is Outcome.PASSED
    assert await rig.kinds() == ["start.passed"]


async def test_of_a_vm_that_is_gone_nobody_hears_either() -> None:
    rig = observing()
    rig.facts.answer = Facts(gone=True)
    assert (await rig.open(a.start_event())).outcome is Outcome.OBSERVED
    assert rig.nudger.to_notices == []


async def test_once_it_is_enforced_old_starts_are_not_asked_about_and_new_ones_are() -> None:
    rig = observing()
    await rig.open(a.start_event())
    rig.switch(Mode.ENFORCE)
    for phase in (Phase.STARTED, Phase.SUCCEEDED):
        assert (await rig.open(a.start_event(phase=phase))).outcome is Outcome.DUPLICATE
    await rig.resync()
    assert rig.nudger.to_notices == []
    assert (await rig.open(a.start_event(correlation_id="new"))).outcome is Outcome.ASKED


async def test_what_was_asked_before_is_withdrawn_and_silence_contains_nothing() -> None:
    rig = observing()
    rig.switch(Mode.ENFORCE)
    asked = await rig.asked()
    rig.switch(Mode.OBSERVE)
    rig.clock.to(asked.expire_at)
    await rig.look(asked.id)
    withdrawn = await rig.store.approval(asked.id)
    assert (withdrawn.state, withdrawn.containment_id) == (ApprovalState.WITHDRAWN, None)
    rig.switch(Mode.ENFORCE)
    await rig.look(asked.id)
    assert await rig.store.approval(asked.id) == withdrawn


async def test_a_confirmation_stands_that_nobody_could_be_asked_about_anew() -> None:
    rig = observing()
    rig.switch(Mode.ENFORCE)
    asked = await rig.asked()
    await rig.decide(Answer.CONFIRM, asked.id, a.actor(), via=IN_WORDS, words="me")
    confirmed = await rig.store.approval(asked.id)
    rig.nudger.clear()
    take_back = acting.take_back(
        store=rig.store, nudger=rig.nudger, clock=rig.clock, observes=lambda: rig.policy.observes
    )
    rig.switch(Mode.OBSERVE)

    with pytest.raises(NotAllowed):
        await take_back(asked.id, a.actor(slack_user="U0SAM00001", email="sam@contoso.com"))
    with pytest.raises(OnlyObserving, match="set mode: enforce"):
        await take_back(asked.id, a.actor())

    assert await rig.watch() == 0
    assert await rig.store.approval(asked.id) == confirmed
    assert (rig.nudger.to_notices, rig.nudger.to_work, touched(rig)) == ([], [], False)
    rig.switch(Mode.ENFORCE)
    assert (await take_back(asked.id, a.actor())).state is ApprovalState.PENDING


async def test_the_workers_withdraw_them_without_waiting_for_a_deadline_and_health_says_why() -> None:
    rig = observing()
    rig.switch(Mode.ENFORCE)
    asked = await rig.asked()
    assert await rig.watch() == 0
    rig.switch(Mode.OBSERVE)
    assert await rig.watch() == 1
    assert not (await rig.store.approval(asked.id)).open
    assert "mode: enforce" in rig.health.as_json()["troubles"]["mode"]["reason"]
    rig.switch(Mode.ENFORCE)
    await rig.watch()
    assert rig.health.as_json()["troubles"] == {}


async def test_no_answer_and_no_order_changes_anything_and_each_says_what_to_set() -> None:
    rig = observing()
    rig.switch(Mode.ENFORCE)
    asked = await rig.asked()
    locked = await rig.lock_down(a.vm_ref(name="other"), a.oncall(), LockdownProfile())
    contained = await rig.until_rest(locked.containment.id)
    rig.switch(Mode.OBSERVE)
    rig.nudger.clear()
    for order in (
        rig.decide(Answer.REJECT, asked.id, a.actor()),
        rig.decide(Answer.CONFIRM, asked.id, a.actor()),
        rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile()),
        rig.restore(contained.id, a.oncall(), shown=contained.demand),
        rig.retry(contained.id, a.oncall()),
    ):
        with pytest.raises(OnlyObserving, match="set mode: enforce"):
            await order
    with pytest.raises(NotAllowed):
        await rig.lock_down(a.vm_ref(), a.actor(), LockdownProfile())
    assert await rig.store.containment(contained.id) == contained
    assert rig.worked(Subject.CONTAINMENT) == []


async def test_what_was_ordered_before_is_held_and_goes_on_once_it_is_enforced() -> None:
    rig = observing()
    rig.switch(Mode.ENFORCE)
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile())
    rig.switch(Mode.OBSERVE)
    held = await rig.advance(locked.containment.id, times=5, by=90)
    assert held.held is not None
    assert (held.state, held.held.by, touched(rig)) == (ContainmentState.PLANNED, HeldBy.MODE, False)
    with pytest.raises(WritesPaused):
        await rig.brakes.may_write()
    rig.switch(Mode.ENFORCE)
    assert (await rig.until_rest(held.id)).state is ContainmentState.CONTAINED


async def test_a_contained_vm_that_is_started_is_not_touched() -> None:
    rig = observing()
    rig.switch(Mode.ENFORCE)
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile())
    await rig.until_rest(locked.containment.id)
    begun = [len(runner.begun) for runner in rig.runners.values()]
    rig.switch(Mode.OBSERVE)
    rig.clock.advance(60)
    opened = await rig.open(a.start_event(at=rig.clock.now()))
    assert opened.outcome is Outcome.RECONTAINED
    await rig.advance(locked.containment.id, times=3)
    assert [len(runner.begun) for runner in rig.runners.values()] == begun
