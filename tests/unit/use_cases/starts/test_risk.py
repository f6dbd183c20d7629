"""What is remembered, what it says of the next start, and how the risk of a question can rise."""

from datetime import timedelta
from typing import Any

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.restore_rig import RestoreRig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import NeedsReason, NotAllowed
from workers.domain.policy.model import OnSilence, Rule, Verdict
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.risk import Level
from workers.domain.starts.risk_settings import RiskSettings
from workers.use_cases.starts.outcome import Outcome

DAY = timedelta(days=1)
LATE = (MissingFact(name="some", reason="late"),)
BOB = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
MALLORY = a.caller(name="Mallory", email="mallory@contoso.com", object_id="eeee", mfa=False)
ELSEWHERE = MALLORY.changed(ip="192.0.2.66")


def tagged(owner: str, **more: str) -> Facts:
    machine = a.facts().machine
    assert machine is not None
    return a.facts(machine=machine.changed(tags={"owner": owner, **more}))


class Life(Rig):
    """Starts, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def event(self, **changes: Any) -> StartEvent:
        self.count += 1
        return a.start_event(at=self.clock.now(), correlation_id=f"start-{self.count}", **changes)

    async def started(self, event: StartEvent | None = None, **changes: Any) -> Approval:
        opened = await self.open(event or self.event(**changes))
        return await self.store.approval(opened.document_id)

    async def confirmed(self, **changes: Any) -> Approval:
        approval = await self.asked(self.event(**changes))
        return (await self.decide(Answer.CONFIRM, approval.id, a.actor())).approval


def signals(approval: Approval) -> set[str]:
    assert approval.risk is not None
    return {one.id for one in approval.risk.signals}


def level(approval: Approval) -> Level:
    assert approval.risk is not None
    return approval.risk.level


@pytest.fixture
def life() -> Life:
    return Life()


class TestStored:
    async def test_a_question_is_asked_with_its_risk_and_so_is_the_audit(self, life: Life) -> None:
        asked = await life.started(caller=ELSEWHERE)
        assert asked.risk is not None
        assert level(asked) is Level.HIGH
        opened = (await life.audit())[-1]
        assert opened.details["risk"] == asked.risk.summary
        assert opened.details["risk"]["level"] == "high"
        assert opened.details["risk"]["signals"]["no-mfa"] == 20

    async def test_the_policy_of_the_moment_weighs(self, life: Life) -> None:
        life.policy = a.policy(risk=RiskSettings(medium=1, high=15))
        assert level(await life.started()) is Level.HIGH

    async def test_a_start_that_passes_by_its_facts_is_on_record_with_its_risk(self, life: Life) -> None:
        calm = Rule(name="calm", when='risk.level == "low"', verdict=Verdict.PASS)
        life.policy = a.policy(rules=(calm,))
        assert (await life.open(life.event())).outcome is Outcome.PASSED
        assert (await life.audit())[-1].details["risk"]["level"] == "low"
        assert (await life.open(life.event(caller=ELSEWHERE))).outcome is Outcome.ASKED

    async def test_a_low_risk_passes_only_once_everything_is_known(self, life: Life) -> None:
        calm = Rule(name="calm", when='risk.level == "low"', verdict=Verdict.PASS)
        life.policy = a.policy(rules=(calm,))
        life.facts.answer = Facts(missing=(MissingFact(name="everything", reason="late"),))
        assert (await life.open(life.event())).outcome is Outcome.ASKED


class TestHistory:
    async def test_starts_and_answers_are_remembered(self, life: Life) -> None:
        for _ in range(3):
            await life.confirmed()
            life.clock.advance(DAY)
        robot = a.caller(object_id="robot", email="", name="robot")
        past = (await life.started(caller=robot)).history
        assert past is not None
        assert (past.vm_starts, past.by_caller, past.callers, past.confirmed) == (3, 0, 1, 3)
        assert (past.usual_answerer, past.usual_answers) == ("Alice Example", 3)
        assert past.vm_last_at == life.clock.now() - DAY

    async def test_who_never_started_a_vm_that_others_start_is_a_signal(self, life: Life) -> None:
        for _ in range(5):
            await life.confirmed()
            life.clock.advance(DAY)
        assert "never-started-this-vm" not in signals(await life.confirmed())
        assert "never-started-this-vm" in signals(await life.started(caller=MALLORY))

    async def test_a_rejection_is_remembered_and_so_is_silence(self, life: Life) -> None:
        asked = await life.asked(life.event())
        life.clock.to(asked.expire_at)
        await life.look(asked.id)
        life.clock.advance(60)
        contained = await life.rejected(life.event())
        await life.until_rest(contained.id)
        again = life.event()
        known = await life.store.known_start(asked.id, again)
        assert known.background is not None
        remembered = sorted(one.what.value for one in known.background.past.of_vm)
        assert remembered == ["rejected", "silent", "started", "started"]

    async def test_attempts_that_failed_just_before_are_a_signal(self, life: Life) -> None:
        for _ in range(3):
            await life.open(life.event(phase=Phase.FAILED, caller=MALLORY))
            life.clock.advance(60)
        assert "failed-attempts" in signals(await life.started(caller=MALLORY))

    async def test_many_vms_within_minutes_are_a_signal_from_the_fifth_on(self, life: Life) -> None:
        found = []
        for n in range(6):
            started = await life.started(vm=a.vm_ref(name=f"vm-{n}"))
            found.append("many-vms" in signals(started))
            life.clock.advance(10)
        assert found == [False] * 4 + [True] * 2

    async def test_what_passes_unasked_is_part_of_the_habit(self, life: Life) -> None:
        robot = a.caller(kind="service principal", object_id="robot", email="", mfa=None, app_id="b0")
        nightly = Rule(
            name="nightly", when='caller.app_id == "b0" && now.getHours() < 6', verdict=Verdict.PASS
        )
        life.policy = a.policy(rules=(nightly,))
        for _ in range(10):
            assert (await life.open(life.event(caller=robot))).outcome is Outcome.PASSED
            life.clock.advance(DAY)
        life.clock.advance(timedelta(hours=9))
        odd = await life.started(caller=robot)
        assert {"application-outside-its-hours", "outside-usual-hours"} <= signals(odd)
        assert odd.history is not None
        assert odd.history.passed == 10

    async def test_a_duplicate_changes_no_history(self, life: Life) -> None:
        event = life.event()
        first = await life.started(event)
        for phase in (Phase.STARTED, Phase.SUCCEEDED):
            assert (await life.open(event.changed(phase=phase))).outcome is Outcome.DUPLICATE
        later = await life.started(vm=a.vm_ref(name="other"))
        assert later.history is not None
        assert later.history.caller_starts == 1
        assert (await life.store.approval(first.id)).history == first.history


class TestRising:
    async def test_late_facts_raise_the_risk_and_it_is_on_record(self, life: Life) -> None:
        life.facts.answer = a.facts(
            machine=None, network=None, missing=(MissingFact(name="m", reason="late"),)
        )
        asked = await life.started(caller=MALLORY)
        assert (level(asked), signals(asked)) == (Level.LOW, {"no-mfa", "no-backup"})
        assert asked.history is not None
        await life.note_asked(asked.id, (a.ALICE,))
        life.facts.answer = a.facts()
        life.clock.advance(3)
        await life.look(asked.id)
        filled = await life.store.approval(asked.id)
        assert (level(filled), filled.level_when_opened) == (Level.MEDIUM, Level.LOW)
        assert signals(filled) >= {"not-owner", "no-mfa", "management-port-open"}
        assert filled.history == asked.history
        record = next(one for one in await life.audit() if one.kind == "facts.filled-in")
        assert record.details["risk"]["level"] == "medium"

    async def test_the_history_stays_as_it_was_when_somebody_was_asked(self, life: Life) -> None:
        await life.open(life.event(phase=Phase.FAILED))
        life.clock.advance(timedelta(minutes=50))
        life.facts.answer = a.facts(network=None, missing=LATE)
        asked = await life.asked(life.event())
        assert asked.history is not None
        assert asked.history.failed_before == 1
        life.policy = a.policy(risk=RiskSettings(failed_minutes=10))
        life.facts.answer = a.facts()
        life.clock.advance(3)
        await life.look(asked.id)
        filled = await life.store.approval(asked.id)
        assert filled.facts.network is not None
        assert filled.history == asked.history

    async def test_facts_that_come_out_harmless_lower_nothing(self, life: Life) -> None:
        life.policy = a.policy(risk=RiskSettings(medium=1, high=20))
        life.facts.answer = a.facts(network=None, missing=(MissingFact(name="network", reason="late"),))
        asked = await life.started(caller=MALLORY)
        await life.note_asked(asked.id, (a.ALICE,))
        life.policy = a.policy()
        life.facts.answer = a.facts()
        life.clock.advance(3)
        await life.look(asked.id)
        assert level(await life.store.approval(asked.id)) is Level.HIGH

    async def test_a_further_start_by_somebody_else_raises_the_question_s_risk(self, life: Life) -> None:
        first = await life.asked(life.event())
        life.clock.advance(60)
        joined = await life.open(life.event(caller=ELSEWHERE))
        assert joined.outcome is Outcome.JOINED
        grown = await life.store.approval(first.id)
        assert level(grown) is Level.HIGH
        assert grown.risk is not None
        told = [one.sentence for one in grown.risk.signals if one.id == "no-mfa"]
        assert told == ["a later start by “Mallory”: “Mallory” signed in without a second factor (MFA)"]

    async def test_late_facts_raise_the_risk_of_further_starts_too(self, life: Life) -> None:
        life.policy = a.policy(risk=RiskSettings(medium=20, high=30))
        life.facts.answer = a.facts(machine=None, network=None, backup=None, missing=LATE)
        first = await life.asked(life.event())
        await life.open(life.event(caller=MALLORY))
        before = await life.store.approval(first.id)
        assert [one.level for one in before.joined] == [Level.MEDIUM]
        assert before.risky_callers == ()
        life.facts.answer = a.facts()
        life.clock.advance(3)
        await life.look(first.id)
        after = await life.store.approval(first.id)
        assert after.risky_callers == (MALLORY,)
        assert after.risk is not None
        told = "a later start by “Mallory”: “Mallory” is not the owner of this VM"
        assert any(one.sentence.startswith(told) for one in after.risk.signals)

    async def test_many_starts_of_one_caller_repeat_nothing(self, life: Life) -> None:
        first = await life.asked(life.event(caller=MALLORY))
        for _ in range(3):
            await life.open(life.event(caller=MALLORY))
        grown = await life.store.approval(first.id)
        assert grown.risk is not None
        assert len([one for one in grown.risk.signals if one.id == "no-mfa"]) == 1
        assert grown.starts == 4


class TestChangedTags:
    async def life(self, life: Life, *, before: str, now: str) -> Approval:
        await life.inventory.put([a.known_vm(tags={"owner": before}, seen_at=life.clock.now() - DAY / 2)])
        life.facts.answer = tagged(now)
        return await life.asked(life.event(caller=MALLORY))

    async def test_the_former_owner_is_asked_too_and_it_is_a_signal(self, life: Life) -> None:
        asked = await self.life(life, before="alice@contoso.com", now="mallory@contoso.com")
        assert asked.owner.emails == ("alice@contoso.com", "mallory@contoso.com")
        assert asked.owner_before == a.owner()
        assert "owner-tag-changed" in signals(asked)
        assert level(asked) is Level.HIGH

    async def test_an_earlier_change_is_remembered_with_the_line_that_the_start_renews(
        self, life: Life
    ) -> None:
        await self.life(life, before="alice@contoso.com", now="mallory@contoso.com")
        life.clock.advance(timedelta(hours=3))
        await life.inventory.put(
            [a.known_vm(tags={"owner": "mallory@contoso.com"}, seen_at=life.clock.now())]
        )
        again = await life.started(vm=a.vm_ref(), caller=a.caller(object_id="other", email="o@contoso.com"))
        question = await life.store.approval(again.joined_to or again.id)
        assert "owner-tag-changed" in signals(question)
        assert question.owner.emails[0] == "alice@contoso.com"

    async def test_late_tags_are_compared_too(self, life: Life) -> None:
        await life.inventory.put([a.known_vm(tags={"owner": "alice@contoso.com"})])
        life.facts.answer = Facts(missing=(MissingFact(name="machine", reason="late"),))
        asked = await life.asked(life.event(caller=MALLORY))
        assert asked.owner_before is None
        life.facts.answer = tagged("mallory@contoso.com")
        life.clock.advance(3)
        await life.look(asked.id)
        filled = await life.store.approval(asked.id)
        assert filled.owner.emails == ("alice@contoso.com", "mallory@contoso.com")
        assert filled.owner_before == a.owner()

    async def test_rules_see_the_tags_before(self, life: Life) -> None:
        trusting = Rule(
            name="dev", when='vm.tags["env"] == "dev" && vm.tags_before["env"] == "dev"', verdict=Verdict.PASS
        )
        life.policy = a.policy(rules=(trusting,))
        await life.inventory.put([a.known_vm(tags={"env": "prod"})])
        life.facts.answer = tagged("alice@contoso.com", env="dev")
        assert (await life.open(life.event())).outcome is Outcome.ASKED
        await life.inventory.put([a.known_vm(ref=a.vm_ref(name="calm"), tags={"env": "dev"})])
        assert (await life.open(life.event(vm=a.vm_ref(name="calm")))).outcome is Outcome.PASSED


async def test_a_start_while_a_restore_is_under_way_is_a_signal() -> None:
    rig = RestoreRig()
    ordered = await rig.ordered()
    event = a.start_event(
        at=rig.clock.now() + timedelta(minutes=30), correlation_id="stranger", caller=MALLORY
    )
    opened = await rig.open(event)
    assert opened.outcome is Outcome.ASKED, ordered.state
    assert "while-contained" in signals(await rig.store.approval(opened.document_id))


class TestWhoMayConfirm:
    async def test_whose_own_start_is_harmless_may_confirm_it_beside_a_risky_one(self, life: Life) -> None:
        asked = await life.asked(life.event())
        await life.open(life.event(caller=ELSEWHERE))
        question = await life.store.approval(asked.id)
        assert (level(question), question.level) == (Level.HIGH, Level.LOW)
        assert question.risky_callers == (ELSEWHERE,)
        decided = await life.decide(Answer.CONFIRM, asked.id, a.actor(), shown=2, reason="planned")
        assert decided.approval.state is ApprovalState.CONFIRMED

    async def test_a_risky_start_that_goes_from_the_list_leaves_its_caller_risky(self, life: Life) -> None:
        asked = await life.asked(life.event())
        await life.open(life.event(caller=ELSEWHERE))
        calm = ELSEWHERE.changed(ip="203.0.113.7", mfa=True)
        for _ in range(60):
            await life.open(life.event(caller=calm))
        question = await life.store.approval(asked.id)
        assert len(question.joined) == 50
        alone = await life.started(vm=a.vm_ref(name="other"), caller=calm)
        assert level(alone) is not Level.HIGH
        assert calm in question.risky_callers

    async def test_the_caller_can_not_confirm_their_own_start_at_high_risk(self, life: Life) -> None:
        life.facts.answer = tagged("mallory@contoso.com")
        asked = await life.asked(life.event(caller=ELSEWHERE.changed(signin_ip="203.0.113.7", app_id="odd")))
        assert level(asked) is Level.HIGH
        mallory = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@contoso.com")
        with pytest.raises(NotAllowed, match="high risk"):
            await life.decide(Answer.CONFIRM, asked.id, mallory)
        assert "decision.refused" in await life.kinds()
        with pytest.raises(NeedsReason):
            await life.decide(Answer.CONFIRM, asked.id, a.oncall(), reason="  ")
        decided = await life.decide(Answer.CONFIRM, asked.id, a.oncall(), reason="planned")
        assert decided.approval.state is ApprovalState.CONFIRMED

    async def test_an_answer_counts_the_risk_that_is_known_when_it_comes(self, life: Life) -> None:
        life.policy = a.policy(risk=RiskSettings(medium=5, high=10))
        life.facts.answer = a.facts(
            network=None, backup=None, missing=(MissingFact(name="n", reason="late"),)
        )
        asked = await life.asked(life.event())
        assert level(asked) is Level.LOW
        life.facts.answer = a.facts()
        life.clock.advance(3)
        await life.look(asked.id)
        with pytest.raises(NotAllowed, match="high risk"):
            await life.decide(Answer.CONFIRM, asked.id, a.actor())

    async def test_who_changed_the_tag_to_themselves_can_not_confirm(self, life: Life) -> None:
        life.policy = a.policy(risk=RiskSettings(weights={"owner-tag-changed": 0}))
        await life.inventory.put([a.known_vm(tags={"owner": "bob@contoso.com"})])
        asked = await life.asked(life.event())
        assert level(asked) is Level.MEDIUM
        with pytest.raises(NotAllowed, match="only since it was changed"):
            await life.decide(Answer.CONFIRM, asked.id, a.actor())
        assert (await life.decide(Answer.CONFIRM, asked.id, BOB)).approval.state is ApprovalState.CONFIRMED


async def test_on_silence_a_rule_about_risk_contains(life: Life) -> None:
    strict = Rule(name="risky", when='risk.level == "high"', on_silence=OnSilence.CONTAIN)
    life.policy = a.policy(rules=(strict,))
    risky = await life.started(caller=ELSEWHERE)
    assert (risky.terms.rule, risky.terms.on_silence) == ("risky", OnSilence.CONTAIN)
    assert (await life.started(vm=a.vm_ref(name="calm"))).terms.rule == "defaults"
