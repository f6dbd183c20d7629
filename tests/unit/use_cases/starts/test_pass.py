"""What rules decide about a start: it passes and is put on record, or is asked about on a rule's terms."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import FILL_IN_AFTER
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.model import OnSilence, Rule, Verdict
from workers.domain.ports.store import Commit
from workers.domain.starts.events import Phase
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.vm import VmRecord
from workers.use_cases.starts.outcome import Opened, Outcome

EXPECTED = Rule(
    name="nightly builds",
    when=f'caller.app_id == "{a.AZURE_CLI}" && now.getHours() < 6',
    verdict=Verdict.PASS,
)
DEV = Rule(name="dev", when='vm.tags["env"] == "dev"', verdict=Verdict.PASS)
PRODUCTION = Rule(
    name="production",
    when='vm.tags["env"] == "prod"',
    expire_after=timedelta(minutes=5),
    on_silence=OnSilence.CONTAIN,
    lockdown="hard",
)
LOCKDOWNS = {"standard": LockdownProfile(), "hard": LockdownProfile(steps=(StepName.ISOLATE,))}
PASSED = Opened(Outcome.PASSED)


def with_rules(rig: Rig, *rules: Rule) -> Rig:
    rig.policy = a.policy(rules=rules, lockdowns=LOCKDOWNS)
    return rig


@pytest.fixture
def nightly(rig: Rig) -> Rig:
    return with_rules(rig, EXPECTED)


class TestPassing:
    async def test_a_start_that_a_rule_expects_is_on_record_and_nobody_is_asked(self, nightly: Rig) -> None:
        assert await nightly.open(a.start_event()) == PASSED
        assert nightly.facts.asked == [], "Azure was asked nothing"
        assert nightly.nudger.to_notices == []
        assert nightly.nudger.to_work == []
        assert await nightly.inventory.count() == 0
        (record,) = await nightly.audit()
        assert (record.kind, record.about, record.vm) == ("start.passed", "", a.vm_ref().key)
        assert record.details == {
            "caller": a.caller().model_dump(mode="json"),
            "correlation_id": a.start_event().correlation_id,
            "started_at": a.start_event().at.isoformat(),
            "shape": "eventgrid",
            "rule": "nightly builds",
            "verdict": "pass",
            "phase": "started",
        }

    async def test_a_rule_about_tags_lets_pass_once_they_are_read(self, rig: Rig) -> None:
        with_rules(rig, DEV)
        machine = a.facts().machine
        assert machine is not None
        rig.facts.answer = a.facts(machine=machine.changed(tags={"env": "dev"}))
        assert await rig.open(a.start_event()) == PASSED
        assert len(rig.facts.asked) == 1
        assert await rig.kinds() == ["start.passed"]
        assert rig.nudger.to_notices == []

    async def test_missing_facts_let_nothing_pass(self, rig: Rig) -> None:
        with_rules(rig, DEV, Rule(name="not prod", when='vm.tags["env"] != "prod"', verdict=Verdict.PASS))
        rig.facts.answer = Facts(missing=(MissingFact(name="machine", reason="timeout"),))
        opened = await rig.open(a.start_event())
        assert opened.outcome is Outcome.ASKED
        (record,) = await rig.audit()
        assert (record.details["rule"], record.details["verdict"]) == ("defaults", "ask")
        assert record.details["unevaluated"] == {
            "dev": "vm.tags is not known",
            "not prod": "vm.tags is not known",
        }

    async def test_a_rule_that_fails_does_not_match_and_is_named_where_it_passes(self, rig: Rig) -> None:
        with_rules(rig, Rule(name="odd", when="1 / 0 == 1", verdict=Verdict.PASS), EXPECTED)
        assert await rig.open(a.start_event()) == PASSED
        (record,) = await rig.audit()
        assert record.details["rule"] == "nightly builds"
        assert record.details["unevaluated"] == {"odd": "divide by zero"}

    async def test_a_passed_start_may_have_failed_and_that_is_what_is_noted(self, nightly: Rig) -> None:
        assert (await nightly.open(a.start_event(phase=Phase.FAILED))).outcome is Outcome.FAILED_START
        assert await nightly.kinds() == ["start.failed"]


class TestEachTellingIsJudged:
    async def test_an_event_delivered_again_is_on_record_once(self, nightly: Rig) -> None:
        for _ in range(3):
            assert await nightly.open(a.start_event()) == PASSED
        assert await nightly.kinds() == ["start.passed"]

    async def test_who_borrows_the_correlation_id_of_a_passed_start_is_asked_about(
        self, nightly: Rig
    ) -> None:
        await nightly.open(a.start_event())
        mallory = a.caller(name="Mallory", object_id="bad", app_id="other")
        opened = await nightly.open(a.start_event(caller=mallory))
        assert opened.outcome is Outcome.ASKED
        assert await nightly.kinds() == ["start.passed", "approval.opened"]

    @pytest.mark.parametrize(
        "change",
        [
            {"at": a.NOW},
            {"caller": a.caller(object_id="somebody else")},
            {"correlation_id": "another"},
            {"operation": "Microsoft.ClassicCompute/virtualMachines/start/action"},
        ],
        ids=["at another time", "by another caller", "of another id", "of another operation"],
    )
    async def test_another_event_is_another_record(self, nightly: Rig, change: dict[str, object]) -> None:
        await nightly.open(a.start_event())
        assert await nightly.open(a.start_event(**change)) == PASSED
        assert await nightly.kinds() == ["start.passed", "start.passed"]

    async def test_a_start_that_is_asked_about_is_no_other_start_when_told_again(self, nightly: Rig) -> None:
        nightly.clock.advance(timedelta(hours=5))
        asked = await nightly.open(a.start_event())
        assert asked.outcome is Outcome.ASKED
        nightly.clock.advance(timedelta(hours=16))  # a rule would pass it now
        again = await nightly.open(a.start_event(phase=Phase.SUCCEEDED))
        assert again == (Outcome.DUPLICATE, asked.document_id)


class TestContainedVms:
    async def test_no_rule_lets_a_contained_vm_run(self, nightly: Rig) -> None:
        mallory = a.caller(app_id="other")
        containment = await nightly.until_rest((await nightly.rejected(a.start_event(caller=mallory))).id)
        opened = await nightly.open(a.start_event(correlation_id="another", at=nightly.clock.now()))
        assert opened == (Outcome.RECONTAINED, containment.id)
        assert (await nightly.store.containment(containment.id)).state is ContainmentState.RUNNING
        assert "start.passed" not in await nightly.kinds()

    async def test_a_vm_that_is_contained_while_a_start_is_judged_does_not_pass(self, nightly: Rig) -> None:
        containment = a.containment(version=0, state=ContainmentState.CONTAINED, vm=a.vm_ref())
        commit, seen = nightly.store.commit, list[Commit]()

        async def contained_first(wanted: Commit) -> bool:
            if not seen:
                await commit(
                    Commit(
                        partition=wanted.partition,
                        documents=(containment, VmRecord(vm=a.vm_ref(), containment_id=containment.id)),
                    )
                )
            seen.append(wanted)
            return await commit(wanted)

        nightly.store.commit = contained_first  # type: ignore[method-assign]
        await nightly.open(a.start_event(correlation_id="another", at=nightly.clock.now()))

        assert seen[0].audit[0].kind == "start.passed"
        assert "start.passed" not in await nightly.kinds()

    async def test_a_passed_start_costs_one_write_and_no_read(self, nightly: Rig) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("was read")

        nightly.store.vm_record = nightly.store.approval = refuse  # type: ignore[assignment]

        assert await nightly.open(a.start_event()) == PASSED


class TestTermsOfARule:
    async def test_the_approval_keeps_the_terms_of_its_rule(self, rig: Rig) -> None:
        with_rules(rig, EXPECTED.changed(when="false"), PRODUCTION)
        opened = await rig.open(a.start_event())
        approval = await rig.store.approval(opened.document_id)
        assert approval.terms.rule == "production"
        assert approval.terms.expire_after == timedelta(minutes=5)
        assert approval.terms.escalate_after == timedelta(minutes=5)
        assert approval.terms.on_silence is OnSilence.CONTAIN
        assert (approval.terms.lockdown.name, approval.plan.profile) == ("hard", "hard")
        assert [step.step for step in approval.plan.steps] == [StepName.ISOLATE]
        (record,) = await rig.audit()
        assert (record.details["rule"], record.details["verdict"]) == ("production", "ask")
        assert "unevaluated" not in record.details

    async def test_a_rejection_does_what_the_rule_says(self, rig: Rig) -> None:
        containment = await with_rules(rig, PRODUCTION).rejected()
        assert containment.profile.name == "hard"
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED
        assert rig.runners[StepName.STOP].begun == []

    async def test_a_rule_that_decides_early_still_shows_the_facts(self, rig: Rig) -> None:
        with_rules(rig, Rule(name="all", when="true", on_silence=OnSilence.LEAVE))
        opened = await rig.open(a.start_event())
        approval = await rig.store.approval(opened.document_id)
        assert (approval.terms.rule, approval.facts) == ("all", a.facts())
        assert len(rig.facts.asked) == 1

    async def test_facts_that_come_late_change_neither_terms_nor_verdict(self, rig: Rig) -> None:
        with_rules(rig, DEV, PRODUCTION)
        rig.facts.answer = Facts(missing=(MissingFact(name="machine", reason="timeout"),))
        asked = await rig.asked()
        machine = a.facts().machine
        assert machine is not None
        rig.facts.answer = a.facts(machine=machine.changed(tags={"env": "dev"}))
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(asked.id)
        filled = await rig.store.approval(asked.id)
        assert filled.open
        assert filled.facts.tags == {"env": "dev"}
        assert filled.terms == asked.terms

    async def test_the_plan_is_filled_in_for_the_lockdown_it_was_asked_on(self, rig: Rig) -> None:
        with_rules(rig, PRODUCTION)
        rig.facts.answer = a.facts(network=None, missing=(MissingFact(name="network", reason="timeout"),))
        asked = await rig.asked()
        rig.facts.answer = a.facts()
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(asked.id)
        filled = await rig.store.approval(asked.id)
        assert filled.facts == a.facts()
        assert filled.plan.profile == filled.terms.lockdown.name == "hard"
