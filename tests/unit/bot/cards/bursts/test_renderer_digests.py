"""An owner with many open questions: further ones share one message, and each can be answered in time."""

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.blocks.bursts.digest import OPEN
from bot.cards.blocks.card import CONFIRM
from tests import acting
from tests import builders as a
from tests.unit.bot.cards.bursts.rig import Burst
from tests.unit.bot.cards.posting_rig import DM, ONCALL
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.asking.passing import PassedOn
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import approval_id
from workers.domain.policy.limits import BurstPolicy
from workers.domain.policy.model import OnSilence
from workers.domain.starts.risk import Level, Risk

BOB, ROOM_OF_BOB = "U0BOB00001", "D2"


class Owners(Burst):
    """Starts of VMs of one owner, each by another caller, a minute apart."""

    async def another(self, number: int, *, level: Level = Level.LOW, **changes: Any) -> Approval:
        vm = a.vm_ref(name=f"vm-{number:03}")
        caller = a.caller(name=f"Caller {number}", email=f"c{number}@contoso.com", object_id=f"{number}")
        event = a.start_event(vm=vm, correlation_id=str(number), at=self.clock.now(), caller=caller)
        approval = a.approval(
            **{
                "id": approval_id(vm.key, event.dedupe_key),
                "version": 0,
                "event": event,
                "risk": Risk(level=level),
                "opened_at": self.clock.now(),
                "asked_at": None,
                "asked_whom": (),
                **changes,
            }
        )
        await self.change(approval)
        return await self.store.approval(approval.id)

    async def asked(self, count: int, *, first: int = 0, **changes: Any) -> list[Approval]:
        """So many, one after another, each shown before the next."""
        made = []
        for number in range(first, first + count):
            made.append(await self.another(number, **changes))
            await self.until_at_rest(made[-1])
        return made

    async def look_at(self, *approvals: Approval) -> None:
        """What is due is done, and shown."""
        look = acting.look_at_approval(store=self.store, nudger=self.nudger, clock=self.clock)
        for one in approvals:
            await look(one.id)
        await self.until_at_rest(*approvals)

    def replies(self, channel: str = DM) -> list[str]:
        """What the replies in a conversation say."""
        ts = [one for one in self.slack.shows if one.startswith(f"{channel}-")]
        threads = dict(zip(ts, self.slack.threads.get(channel, []), strict=True))
        return [self.slack.shows[one].says for one in ts if threads[one] is not None]


@pytest.fixture
def owner() -> Owners:
    rig = Owners()
    rig.people.conversations = {BOB: ROOM_OF_BOB}
    return rig


async def test_beyond_five_open_questions_further_ones_are_rows_of_one_message(owner: Owners) -> None:
    asked = await owner.asked(9)
    assert len(owner.cards()) == 6
    digest = owner.cards()[-1]
    assert "4 starts wait for your answer" in digest
    for number in range(9):
        assert [f"vm-{number:03}" in card for card in owner.cards()].count(True) == 1
    await owner.every_asked(asked)


async def test_the_first_one_too_many_has_a_whole_card_until_another_follows(owner: Owners) -> None:
    await owner.asked(6)
    last = owner.slack.shows[f"{DM}-{len(owner.slack.posted) - 2}"]
    assert CONFIRM in str(last.blocks)
    assert OPEN not in str(last.blocks)


async def test_answered_questions_make_room_and_every_row_says_who_answered(owner: Owners) -> None:
    first = await owner.asked(5)
    for one in first[:3]:
        await owner.decide(Answer.CONFIRM, one.id, a.actor())
    await owner.until_at_rest(*first)
    await owner.asked(3, first=10)
    assert len(owner.cards()) == 8, "five are open, so each has a card"

    more = await owner.asked(3, first=20)
    await owner.decide(Answer.CONFIRM, more[1].id, a.actor())
    await owner.until_at_rest(more[1])
    assert len(owner.cards()) == 9
    assert "2 starts wait for your answer" in owner.cards()[-1]
    assert "`vm-021`: Confirmed as expected" in owner.cards()[-1]
    for one in (more[0], more[2]):
        await owner.decide(Answer.CONFIRM, one.id, a.actor())
    await owner.until_at_rest(*more)
    assert "Answered: 3 starts" in owner.cards()[-1]
    assert OPEN not in str([one.blocks for one in owner.slack.shows.values()])


@pytest.mark.parametrize(
    "changes",
    [
        {"level": Level.HIGH},
        {"terms": a.terms(on_silence=OnSilence.CONTAIN)},
        {"terms": a.terms(on_silence=OnSilence.ISOLATE)},
        {"terms": a.terms(remind_after=timedelta(minutes=10), escalate_after=timedelta(minutes=10))},
        {"terms": a.terms(second_within=timedelta(minutes=5))},
        {"guarded": "domain controllers"},
    ],
    ids=["high risk", "contained on silence", "isolated on silence", "no reminder", "two persons", "guarded"],
)
async def test_what_must_not_end_unheard_has_a_message_of_its_own(
    owner: Owners, changes: dict[str, Any]
) -> None:
    await owner.asked(8)
    before = len(owner.cards())
    await owner.asked(2, first=50, **changes)
    assert len(owner.cards()) == before + 2


async def test_a_risk_that_rises_gets_a_card_of_its_own_and_the_first_one_a_reply(owner: Owners) -> None:
    asked = await owner.asked(8)
    for risen in (asked[7], asked[5]):
        stored = await owner.store.approval(risen.id)
        await owner.change(stored.changed(risk=Risk(level=Level.HIGH)))
        await owner.until_at_rest(risen)
    assert ["vm-007" in card for card in owner.cards()].count(True) == 2
    assert ["vm-005" in reply for reply in owner.replies() if "*high risk* by now" in reply] == [True]
    assert owner.cards()[5].index("vm-007") < owner.cards()[5].index("vm-006"), "the riskiest come first"
    await owner.asked(2, first=20)
    assert len(owner.cards()) == 8, "it lists no more"


@pytest.mark.parametrize("first", [5, 6], ids=["the first is open", "the first is answered"])
async def test_one_reminder_for_all_then_the_next_question_rings_anew(owner: Owners, first: int) -> None:
    asked = await owner.asked(10)
    for one in asked[5:first]:
        await owner.decide(Answer.CONFIRM, one.id, a.actor())
        await owner.until_at_rest(one)
    listed = asked[first:]
    owner.clock.to(max([(await owner.store.approval(one.id)).remind_at for one in listed]))
    await owner.look_at(*listed)
    assert len([reply for reply in owner.replies() if "still wait for your answer" in reply]) == 1
    cards = len(owner.cards())
    await owner.asked(3, first=20)
    assert len(owner.cards()) == cards + 1


async def test_on_call_gets_a_card_and_a_page_of_each_that_nobody_answers(owner: Owners) -> None:
    listed = (await owner.asked(9))[5:]
    owner.clock.to(max([(await owner.store.approval(one.id)).escalate_at for one in listed]))
    owner.slack.full[ONCALL] = 30.0
    look = acting.look_at_approval(store=owner.store, nudger=owner.nudger, clock=owner.clock)
    for one in listed:
        await look(one.id)
    settled = [await owner.shown(one) for one in listed]
    assert all(type(one).__name__ == "Later" for one in settled), "on-call's channel is full"
    owner.slack.full.clear()
    owner.clock.advance(60)
    await owner.until_at_rest(*listed)

    assert len(owner.cards(ONCALL)) == len(owner.replies(ONCALL)) == 4
    for one in listed:
        vm = one.event.vm.name
        assert [vm in card for card in owner.cards(ONCALL)].count(True) == 1
        assert [vm in reply for reply in owner.replies(ONCALL)].count(True) == 1
    assert len(owner.cards()) == 6, "the owner gets no further card"
    assert not await owner.unshown()


@pytest.mark.parametrize("number", [5, 7], ids=["the first", "a row"])
async def test_whoever_it_is_passed_on_to_is_asked_about_that_one_alone(owner: Owners, number: int) -> None:
    asked = await owner.asked(8)
    stored = await owner.store.approval(asked[number].id)
    passing = PassedOn(by=a.actor(), to=a.actor(slack_user=BOB, email="bob@contoso.com"), at=a.NOW)
    await owner.change(stored.passed_on(passing))
    await owner.until_at_rest(stored)
    (card,) = owner.cards(ROOM_OF_BOB)
    assert f"vm-{number:03}" in card
    assert "wait for your answer" not in card
    assert owner.cards(ONCALL) == []
    assert len(owner.cards()) == 6


async def test_a_rejection_contains_the_vm_and_on_call_gets_its_card(owner: Owners) -> None:
    asked = await owner.asked(8)
    await owner.decide(Answer.REJECT, asked[6].id, a.actor(), reason="not mine")
    await owner.until_at_rest(asked[6])
    assert (await owner.store.approval(asked[6].id)).state is ApprovalState.REJECTED
    (card,) = owner.cards(ONCALL)
    assert "vm-006" in card
    assert len(owner.cards()) == 6


async def test_a_burst_keeps_its_card_with_one_answer_for_all(owner: Owners) -> None:
    asked = await owner.asked(8)
    alike = [await owner.opened(number) for number in range(100, 106)]
    await owner.until_at_rest(*alike)
    assert len(owner.cards()) == 7
    assert "4 starts wait for your answer" in owner.cards()[5], "the first of them is a row"
    assert "Were these 5 starts expected?" in owner.cards()[6]
    await owner.every_asked([*asked, *alike])


@pytest.mark.parametrize("bursts", [BurstPolicy(digest_over=0), BurstPolicy(together=False)])
async def test_the_policy_switches_it_off(bursts: BurstPolicy) -> None:
    owner = Owners()
    owner.policy = owner.policy.changed(bursts=bursts)
    await owner.asked(9)
    assert len(owner.cards()) == 9


async def test_another_owners_questions_do_not_count(owner: Owners) -> None:
    await owner.asked(8)
    before = len(owner.cards())
    await owner.asked(2, first=20, owner=a.owner(emails=("carol@contoso.com",)))
    await owner.asked(2, first=30, owner=a.owner(emails=(), usergroups=("S0TEAM0001",)))
    assert len(owner.cards()) == before + 4


async def test_two_processes_and_a_restart_ask_about_each_once() -> None:
    owner = Owners()
    bots = [owner.renderer, owner.bot()]
    first = await owner.asked(6)
    more = [await owner.another(number) for number in range(10, 20)]
    for number, one in enumerate(more):
        await owner.shown(one, bots[number % 2])
    owner.clock.advance(15)
    fresh = owner.bot()
    await owner.until_at_rest(*more, bots=[fresh])
    await owner.until_at_rest(*more, bots=bots)
    await owner.every_asked([*first, *more])
    assert "11 starts wait for your answer" in owner.cards()[-1]


@pytest.mark.parametrize("how", ["lost", "unknown"])
@pytest.mark.parametrize("number", range(1, 10))
async def test_a_kill_between_any_two_writes_loses_no_row(number: int, how: str) -> None:
    owner = Owners()
    first = await owner.asked(6)
    more = [await owner.another(one) for one in range(10, 13)]
    owner.store._count = 0
    owner.store.fails = {number: how}
    for one in more:
        await owner.until_at_rest(one, bots=[owner.bot()])
    owner.clock.advance(15)
    await owner.until_at_rest(*more, bots=[owner.bot()])
    await owner.every_asked([*first, *more])
    assert "4 starts wait for your answer" in owner.cards()[-1]
    assert LockdownProfile().name not in owner.cards()[-1]
