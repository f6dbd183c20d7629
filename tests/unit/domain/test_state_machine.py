"""Any interleaving of events, clicks, deadlines, orders, retries and crashes keeps the safety properties."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import Containment, ContainmentState, Progress, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import AlreadyDecided, DependencyAway, NotAllowed, StepFailed
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Defaults, OnSilence, Rule, Verdict
from workers.domain.starts.events import Phase
from workers.domain.starts.vm import VmRef

T = TypeVar("T")

VMS = (a.vm_ref(name="vm-one"), a.vm_ref(name="vm-two"))
ALICE = a.actor()
OLGA = a.oncall()
CAROL = a.actor(slack_user="U0CAROL01", name="Carol", email="carol@contoso.com")
MALLORY = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@evil.example")
NOBODY = a.actor(slack_user="U0NOBODY1", name="", email="")
PEOPLE = (ALICE, OLGA, CAROL, MALLORY, NOBODY)
MAY = {Answer.CONFIRM: {ALICE, OLGA}, Answer.REJECT: {ALICE, OLGA, CAROL}}
ON_SILENCE = {OnSilence.ISOLATE: {StepName.ISOLATE}, OnSilence.CONTAIN: set(LockdownProfile().steps)}

RULES = (
    Rule(name="told", when='event.correlation_id == "y"', verdict=Verdict.TELL),
    Rule(name="ruled", when='event.correlation_id == "w"', verdict=Verdict.CONTAIN),
)
"""The other correlation ids are asked about."""

TROUBLE = st.sampled_from(
    [
        StepFailed("busy", code="Busy"),
        StepFailed("locked", code="ScopeLocked", final=True),
        DependencyAway("azure", "throttled", retry_after_s=9),
        Progress(done=False, note="not so"),
        Progress(done=False, again=True, note="came to nothing"),
        KeyError("properties"),
    ]
)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Tracebacks of thousands of steps with a defect would take longer than the steps."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def _answer(approval: Approval) -> Approval:
    """Without what is still learned of the start itself, and of later ones."""
    return approval.changed(version=0, ended=None, later=())


class World(RuleBasedStateMachine):
    """Two VMs, a few people, workers that crash at any nudge."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.rights: dict[str, set[StepName]] = {vm.key: set() for vm in VMS}
        self.closed: dict[str, Approval] = {}
        self.untouched: list[str] = []

    @initialize(on_silence=st.sampled_from(OnSilence))
    def begin(self, on_silence: OnSilence) -> None:
        minutes = {"remind_after": 10, "escalate_after": 20, "expire_after": 60, "reject_within": 90}
        delays = {name: timedelta(minutes=n) for name, n in minutes.items()}
        self.rig = Rig(a.policy(defaults=Defaults(on_silence=on_silence, **delays), rules=RULES))
        for runner in self.rig.runners.values():
            runner.watched = self.touched

    def run(self, act: Coroutine[Any, Any, T]) -> T | None:
        """What it gives; ``None`` when the process crashed in it."""
        with contextlib.suppress(CrashError):
            return self.loop.run_until_complete(act)
        return None

    def at_once(self, *acts: Coroutine[Any, Any, Any]) -> list[Any]:
        """What each gives or raises, all of them side by side."""

        async def gathered() -> list[Any]:
            return await asyncio.gather(*acts, return_exceptions=True)

        return self.loop.run_until_complete(gathered())

    def touched(self, vm: VmRef, step: StepName) -> None:
        """S1, told by this model and not by the product: nobody had the right to this step."""
        self.allow_silence()
        if step not in self.rights[vm.key]:
            self.untouched.append(f"{step} of {vm.name}")

    def allow_silence(self) -> None:
        for approval in self.approvals():
            told = approval.event.correlation_id == "y"
            if approval.state is ApprovalState.EXPIRED and not told:
                self.rights[approval.event.vm.key] |= ON_SILENCE.get(approval.terms.on_silence, set())
            if approval.event.correlation_id == "w":
                self.rights[approval.event.vm.key] |= set(LockdownProfile().steps)

    # What there is

    def approvals(self) -> list[Approval]:
        return [d for d in self.rig.store._documents.values() if isinstance(d, Approval)]

    def containments(self) -> list[Containment]:
        return [d for d in self.rig.store._documents.values() if isinstance(d, Containment)]

    # What happens

    @rule(
        vm=st.sampled_from(VMS),
        correlation=st.sampled_from("xxyyzw"),
        phase=st.sampled_from([Phase.STARTED, Phase.STARTED, Phase.SUCCEEDED, Phase.FAILED]),
        later_s=st.sampled_from([0, 0, 3, 40]),
        crashes=st.integers(0, 1),
    )
    def a_start_is_told(self, vm: VmRef, correlation: str, phase: Phase, later_s: int, crashes: int) -> None:
        caller, at = (
            a.caller(email=CAROL.email, name="Carol"),
            a.start_event().at + timedelta(seconds=later_s),
        )
        event = a.start_event(vm=vm, correlation_id=correlation, phase=phase, caller=caller, at=at)
        self.rig.nudger.crashes = crashes
        self.run(self.rig.open(event))
        self.rig.nudger.crashes = 0

    @precondition(lambda self: self.approvals())
    @rule(data=st.data(), crashes=st.integers(0, 1))
    def a_card_is_posted(self, data: st.DataObject, crashes: int) -> None:
        approval = data.draw(st.sampled_from(self.approvals()), "approval")
        self.rig.nudger.crashes = crashes
        self.run(self.rig.note_asked(approval.id, (a.ALICE,)))
        self.rig.nudger.crashes = 0

    @precondition(lambda self: self.approvals())
    @rule(
        data=st.data(),
        clicks=st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(Answer)), min_size=1, max_size=3),
        crashes=st.integers(0, 2),
    )
    def people_click(self, data: st.DataObject, clicks: list[tuple[Any, Answer]], crashes: int) -> None:
        approval = data.draw(st.sampled_from(self.approvals()), "approval")
        allowed = [who in MAY[answer] for who, answer in clicks]
        if (
            any(ok and answer is Answer.REJECT for ok, (_, answer) in zip(allowed, clicks, strict=True))
            and approval.open
        ):
            rejects = True
        else:
            rejects = False
        before = set(self.rights[approval.event.vm.key])
        if rejects:
            self.rights[approval.event.vm.key] |= set(LockdownProfile().steps)
        self.rig.nudger.crashes = crashes
        results = self.at_once(
            *(self.rig.decide(answer, approval.id, who, reason="r") for who, answer in clicks)
        )
        self.rig.nudger.crashes = 0
        for result, ok in zip(results, allowed, strict=True):
            assert isinstance(result, NotAllowed) is not ok, result
            assert not isinstance(result, BaseException) or isinstance(
                result, (NotAllowed, AlreadyDecided, CrashError)
            )
        won = [r for r in results if not isinstance(r, (NotAllowed, AlreadyDecided))]
        answers = {answer for ok, (_, answer) in zip(allowed, clicks, strict=True) if ok}
        counted = answers if approval.asks else answers - {Answer.CONFIRM}
        assert len(won) == (1 if approval.open and counted else 0)
        after = self.loop.run_until_complete(self.rig.store.approval(approval.id))
        if rejects and after.state is not ApprovalState.REJECTED:
            self.rights[approval.event.vm.key] = before

    @rule(vm=st.sampled_from(VMS), who=st.sampled_from(PEOPLE), crashes=st.integers(0, 1))
    def a_lockdown_is_ordered(self, vm: VmRef, who: Any, crashes: int) -> None:
        self.rig.nudger.crashes = crashes
        if who.on_call:
            self.rights[vm.key] |= set(LockdownProfile().steps)
            self.run(self.rig.lock_down(vm, who, LockdownProfile()))
        else:
            with pytest.raises(NotAllowed):
                self.run(self.rig.lock_down(vm, who, LockdownProfile()))
        self.rig.nudger.crashes = 0

    @rule(seconds=st.sampled_from([0.3, 2, 17, 50, 600, 3700]))
    def time_passes(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)

    @precondition(lambda self: self.rig.nudger.to_work)
    @rule(crashes=st.integers(0, 2), twice=st.booleans(), most=st.integers(1, 8))
    def nudges_arrive(self, crashes: int, twice: bool, most: int) -> None:  # noqa: FBT001 - hypothesis
        self.rig.nudger.crashes = crashes
        for nudge in self.taken()[:most]:
            self.deliver(nudge, twice=twice)
        self.rig.nudger.crashes = 0

    @precondition(lambda self: self.rig.nudger.to_work)
    @rule()
    def nudges_are_lost(self) -> None:
        self.rig.nudger.clear()

    @rule()
    def the_resync_runs(self) -> None:
        self.run(self.rig.resync())

    @rule(
        step=st.sampled_from(LockdownProfile().steps),
        trouble=TROUBLE,
        verb=st.sampled_from(["to_begin", "to_check"]),
    )
    def azure_makes_trouble(self, step: StepName, trouble: Any, verb: str) -> None:
        getattr(self.rig.runners[step], verb).append(trouble)

    def taken(self) -> list[Nudge]:
        """Nudges whose time has come, taken off the queue."""
        now = self.rig.clock.now()
        come = [n for n in self.rig.nudger.to_work if n.due is None or n.due <= now]
        self.rig.nudger.to_work[:] = [n for n in self.rig.nudger.to_work if n not in come]
        return list(dict.fromkeys(come))

    def deliver(self, nudge: Nudge, *, twice: bool = False) -> None:
        act = self.rig.look if nudge.subject is Subject.APPROVAL else self.rig.contain

        for result in self.at_once(*(act(nudge.id) for _ in range(1 + twice))):
            if isinstance(result, BaseException) and not isinstance(result, CrashError):
                raise result

    # What always holds

    @invariant()
    def nothing_was_touched_without_a_right(self) -> None:
        assert self.untouched == []

    @invariant()
    def one_start_has_one_approval(self) -> None:
        records = list(itertools.chain(*getattr(self, "rig", Rig()).store._audit.values()))
        opened = [r.about for r in records if r.kind == "approval.opened"]
        assert len(opened) == len(set(opened))
        closings = ("approval.confirmed", "approval.rejected", "approval.expired", "approval.withdrawn")
        ended = [r.about for r in records if r.kind in closings]
        assert len(ended) == len(set(ended))
        assert "containment.refused" not in {r.kind for r in records}

    @invariant()
    def a_decision_stands(self) -> None:
        for approval in self.approvals():
            assert not (approval.terms.verdict is Verdict.TELL and approval.state is ApprovalState.CONFIRMED)
            if approval.id in self.closed:
                assert _answer(approval) == self.closed[approval.id]
            elif not approval.open:
                self.closed[approval.id] = _answer(approval)

    @invariant()
    def silence_is_nobodys_rejection(self) -> None:
        for approval in self.approvals():
            assert (approval.decision is not None) is (
                approval.state in (ApprovalState.CONFIRMED, ApprovalState.REJECTED)
            )

    @invariant()
    def a_vm_has_one_containment_and_knows_its_questions(self) -> None:
        for vm in VMS:
            standing = [c for c in self.containments() if c.vm.key == vm.key and c.active]
            assert len(standing) <= 1
            record = self.loop.run_until_complete(self.rig.store.vm_record(vm))
            assert record.containment_id == (standing[0].id if standing else None)
            waiting = {x.id: x for x in self.approvals() if x.event.vm.key == vm.key and x.open}
            assert set(record.open_approvals) == waiting.keys()
            asking = [x for x in waiting.values() if x.asks]
            assert len(asking) <= 1, "further starts join the open question"
            assert len(waiting) - len(asking) <= 1, "and further announced ones the announcement"

    @invariant()
    def contained_is_proven(self) -> None:
        for containment in self.containments():
            if containment.state is ContainmentState.CONTAINED:
                assert containment.verified_at is not None
                assert {step.state for step in containment.steps} == {StepState.DONE}

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            self.loop.close()
            return
        self.rig.nudger.clear()
        for _ in range(400):
            if not any(c.working for c in self.containments()) and not any(x.open for x in self.approvals()):
                break
            for approval in self.approvals():
                self.run(self.rig.note_asked(approval.id, (a.ALICE,)))
            self.rig.clock.advance(30)
            self.run(self.rig.resync())
            for nudge in self.taken():
                self.deliver(nudge)
        self.nothing_was_touched_without_a_right()
        self.a_vm_has_one_containment_and_knows_its_questions()
        self.contained_is_proven()
        self.everything_came_to_its_end()
        self.loop.close()

    def everything_came_to_its_end(self) -> None:
        """S4: what was rejected is contained, or incomplete and said so."""
        containments = {c.id: c for c in self.containments()}
        ends = {ContainmentState.CONTAINED, ContainmentState.INCOMPLETE}
        assert {c.state for c in containments.values()} <= ends
        for approval in self.approvals():
            assert not approval.open
            contains = approval.state is ApprovalState.REJECTED or (
                approval.state is ApprovalState.EXPIRED and approval.terms.on_silence in ON_SILENCE
            )
            contains |= approval.state is ApprovalState.RULED
            if contains:
                containment = containments[approval.containment_id or ""]
                assert approval.id in containment.cards
                if approval.state is ApprovalState.REJECTED:
                    assert {s.name for s in containment.steps} == set(approval.terms.lockdown.steps)
        shown_by: datetime = self.rig.clock.now()
        unshown = self.loop.run_until_complete(self.rig.store.unshown(shown_by, limit=1000))
        assert {c.id for c in containments.values()} <= set(unshown), "the bot is never left unaware"


TestWorld = World.TestCase
TestWorld.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
