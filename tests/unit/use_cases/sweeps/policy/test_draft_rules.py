"""A rule drafted from answers is replayed over what is on record, and offered once."""

from datetime import timedelta

import pytest

from bot.cards.blocks.oncall.report_card import report_card
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.sweeps.policy.test_observed_day import AuditOf
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.asking.notices.reports import PolicyReport, RuleDraft
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_vm, report_id
from workers.domain.nudges import Subject
from workers.domain.policy.model import Mode, Rule, Verdict
from workers.domain.ports.store import Commit
from workers.domain.starts.events import StartEvent
from workers.use_cases.starts.record import start_record
from workers.use_cases.sweeps.policy.drafts import EVERY, DraftRules

DAY = timedelta(days=1)
ALICE = a.caller(object_id="o-alice")
ID = report_id(f"draft o-alice {a.vm_ref().key}")


class Drafting(Rig):
    def __init__(self, *rules: Rule) -> None:
        super().__init__(a.policy(rules=rules))
        self.look_for_drafts = self.another()

    def another(self) -> DraftRules:
        return DraftRules(
            store=self.store,
            nudger=self.nudger,
            audit=AuditOf(self.store),
            clock=self.clock,
            policy=lambda: self.policy,
        )

    def start(self, **changes: object) -> StartEvent:
        now = self.clock.now()
        made = {"caller": ALICE, "at": now, "correlation_id": now.isoformat(), **changes}
        return a.start_event(**made)

    async def answered(self, answer: Answer, **changes: object) -> None:
        approval = await self.asked(self.start(**changes))
        await self.decide(answer, approval.id, a.oncall())
        self.nudger.clear()

    async def recorded(self, approval: Approval) -> None:
        """What became of an earlier start, as the store has it."""
        record = start_record("approval.opened", approval.event, self.clock.now(), approval)
        partition = partition_of_vm(approval.event.vm.key)
        await self.store.commit(Commit(partition=partition, documents=(approval,), audit=(record,)))

    async def three_days(self) -> None:
        for _ in range(3):
            await self.answered(Answer.CONFIRM)
            self.clock.advance(DAY)
        self.clock.advance(-DAY + timedelta(minutes=1))


async def test_after_three_like_confirmations_the_rule_is_offered_with_what_it_would_have_passed() -> None:
    rig = Drafting()
    approval = await rig.asked(rig.start())  # an older one, which it would pass, too
    await rig.decide(Answer.CONFIRM, approval.id, a.oncall())
    rig.clock.advance(DAY)
    await rig.three_days()
    rig.nudger.clear()

    assert await rig.look_for_drafts() == 1

    draft = (await rig.store.report(ID)).draft
    assert draft is not None
    assert (draft.confirmed, draft.passed, draft.days, draft.place) == (3, 4, 30, "vm-web-01")
    assert 'caller.object_id == "o-alice"' in draft.yaml
    assert "verdict: pass" in draft.yaml
    (nudge,) = rig.nudger.to_notices
    assert (nudge.subject, nudge.id) == (Subject.REPORT, ID)
    assert rig.policy.rules == (), "nothing changes by itself"


async def test_it_is_offered_once() -> None:
    rig = Drafting()
    await rig.three_days()
    assert [await rig.look_for_drafts(), await rig.another()()] == [1, 0]
    rig.clock.advance(EVERY)
    assert await rig.look_for_drafts() == 0
    await rig.answered(Answer.CONFIRM)
    rig.clock.advance(EVERY)
    assert await rig.look_for_drafts() == 0


@pytest.mark.parametrize("state", [ApprovalState.REJECTED, ApprovalState.RULED])
@pytest.mark.parametrize("hour", [0, 9])
async def test_it_is_not_offered_if_anything_like_it_was_rejected_at_whatever_hour(
    hour: int, state: ApprovalState
) -> None:
    rig = Drafting()
    event = rig.start(correlation_id="before").changed(at=a.NOW + timedelta(hours=hour))
    await rig.recorded(a.approval(state=state, event=event, version=0, containment_id="c" * 26))
    rig.clock.advance(DAY)
    await rig.three_days()
    assert await rig.look_for_drafts() == 0
    with pytest.raises(NotFound):
        await rig.store.report(ID)


async def test_nor_if_a_question_that_it_had_joined_was() -> None:
    rig = Drafting()
    asked = a.approval(state=ApprovalState.REJECTED, version=0, containment_id="c" * 26)
    joined = a.approval(event=rig.start(correlation_id="before"), version=0).joins(asked.id, a.NOW)
    await rig.recorded(asked)
    await rig.recorded(joined)
    rig.clock.advance(DAY)
    await rig.three_days()
    assert await rig.look_for_drafts() == 0


async def test_what_somebody_else_had_rejected_does_not_matter() -> None:
    rig = Drafting()
    other = a.vm_ref(name="vm-other")
    await rig.answered(Answer.REJECT, vm=other, caller=a.caller(object_id="o-mallory"))
    rig.clock.advance(DAY)
    await rig.three_days()
    assert await rig.look_for_drafts() == 1


async def test_without_a_new_confirmation_nothing_is_read_again() -> None:
    rig = Drafting()
    await rig.three_days()
    rig.clock.advance(3 * EVERY)
    assert await rig.look_for_drafts() == 0
    with pytest.raises(NotFound):
        await rig.store.report(ID)


async def test_what_passes_already_needs_no_rule_and_an_observing_policy_offers_none() -> None:
    rig = Drafting()
    await rig.three_days()
    passing = Rule(name="alice", when='caller.object_id == "o-alice"', verdict=Verdict.PASS)
    rig.policy = rig.policy.changed(rules=(passing,))
    assert await rig.look_for_drafts() == 0
    rig.policy = a.policy(mode=Mode.OBSERVE)
    rig.clock.advance(EVERY)
    assert await rig.look_for_drafts() == 0


def test_the_offer_shows_the_rule_and_where_it_goes_and_hostile_names_are_text() -> None:
    draft = RuleDraft(
        name="x", yaml='  - name: "```<!here>"\n', before="<!channel>", caller="<@U0ALICE01>", place="`rm`"
    )
    message = report_card(PolicyReport(id=ID, at=a.NOW, draft=draft))
    assert check_blocks(message.blocks, "message") == []
    said = str(message.blocks)
    for hostile in ("<!here>", "<!channel>", "<@U0ALICE01>"):
        assert hostile not in said
    assert said.count("```") == 2
    assert "Nothing changes by itself" in said
