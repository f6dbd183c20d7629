"""Many starts by one caller for one owner: one card that grows, and no start is lost or asked about twice."""

import asyncio
from datetime import timedelta

import pytest

from bot.cards.blocks.bursts.card import CONFIRM_ALL
from bot.cards.blocks.card import CONFIRM
from tests import acting
from tests import builders as a
from tests.unit.bot.cards.bursts.rig import Burst
from tests.unit.bot.cards.posting_rig import DM, ONCALL
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.bursts import Burst as SharedBurst
from workers.domain.asking.bursts import BurstStart
from workers.domain.asking.decisions import Answer
from workers.domain.errors import Conflict, DependencyAway, NotAllowed
from workers.domain.policy.limits import BurstPolicy
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat
from workers.use_cases.asking.answer_all import AnswerAll, Given

NO_MFA = Signal(id="no-mfa", threat=Threat.UNAUTHORIZED, weight=20, sentence="signed in without MFA")


@pytest.fixture
def burst() -> Burst:
    return Burst()


async def test_the_first_ask_goes_out_at_once_and_others_join_by_edit(burst: Burst) -> None:
    first, *others = await burst.burst(5)
    await burst.shown(first)
    assert len(burst.cards()) == 1
    assert (await burst.store.approval(first.id)).asked_at is not None

    await burst.until_at_rest(*others)

    (card,) = burst.cards()
    assert "Were these 5 starts expected?" in card
    await burst.every_asked([first, *others])


async def test_a_card_is_edited_once_a_second_at_most(burst: Burst) -> None:
    first, *others = await burst.burst(30)
    await burst.shown(first)
    began = burst.clock.now()
    for other in others:
        await burst.shown(other)
        burst.clock.advance(0.1)
    await burst.until_at_rest(*others)
    seconds = (burst.clock.now() - began).total_seconds()
    assert burst.slack.edits.count(f"{DM}-0") <= seconds + 1
    await burst.every_asked([first, *others])


async def test_five_hundred_vms_are_one_card_and_the_next_one_begins_another(burst: Burst) -> None:
    approvals = await burst.burst(501)
    await asyncio.gather(*(burst.shown(one) for one in approvals))
    await burst.until_at_rest(*approvals)
    sizes = [len((await burst.store.card(one.id)).members) for one in approvals]
    assert max(sizes) == 500
    assert len(burst.cards()) == 2
    assert all(len(str(message.blocks)) < 15_000 for message in burst.slack.shows.values())


async def test_the_others_say_so_even_if_the_one_that_differs_comes_last(burst: Burst) -> None:
    alike = await burst.burst(4)
    await burst.until_at_rest(*alike)
    odd = await burst.opened(90, signals=[NO_MFA])
    await burst.until_at_rest(odd)
    assert "4 of 5 look alike; 1 differs" in burst.cards()[0]
    await burst.until_at_rest(await burst.opened(91, signals=[NO_MFA]))
    assert "4 of 6 look alike; 2 differ" in burst.cards()[0]


async def test_what_was_read_before_the_last_one_that_differs_does_not_hide_it(
    burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = await burst.burst(4)
    odd, last = [await burst.opened(number, signals=[NO_MFA]) for number in (90, 91)]
    await burst.until_at_rest(*alike[:3], odd, last)
    join = burst.store.join_burst

    async def before_the_last(start: BurstStart, *, leads: bool = False) -> SharedBurst:
        found = await join(start, leads=leads)
        return found._replace(looks={key: look for key, look in found.looks.items() if key != last.id})

    monkeypatch.setattr(burst.store, "join_burst", before_the_last)
    await burst.until_at_rest(alike[3])
    assert "4 of 6 look alike; 2 differ" in burst.cards()[0]


async def test_those_that_differ_have_a_card_each_and_the_others_say_so(burst: Burst) -> None:
    alike = await burst.burst(4)
    odd = await burst.opened(90, signals=[NO_MFA])
    await burst.until_at_rest(*alike[:2], odd, *alike[2:])
    burst.clock.advance(1)
    await burst.until_at_rest(alike[0])

    together, alone = burst.cards()
    assert "4 of 5 look alike; 1 differ" in together
    assert "no mfa" in together
    assert "vm-090" not in together
    assert "vm-090" in alone
    await burst.every_asked([*alike, odd])


async def test_a_high_risk_start_never_hides_in_a_group(burst: Burst) -> None:
    high = [await burst.opened(number, level=Level.HIGH) for number in range(3)]
    await burst.until_at_rest(*high)
    assert len(burst.cards()) == 3


async def test_a_risk_that_rises_gets_a_card_of_its_own_and_is_not_confirmed_with_the_others(
    burst: Burst,
) -> None:
    first, risen, other = approvals = await burst.burst(3)
    await burst.until_at_rest(*approvals)
    stored = await burst.store.approval(risen.id)
    await burst.change(stored.changed(risk=Risk(level=Level.HIGH)))
    await burst.until_at_rest(risen)
    assert [risen.event.vm.name in card for card in burst.cards()] == [True, True]

    answer = answers_to_all(burst)
    assert await answer(Answer.CONFIRM, first.id, a.actor(), shown=3) == Given(2)
    await burst.until_at_rest(first)
    states = [(await burst.store.approval(one.id)).state for one in (first, risen, other)]
    assert states == [ApprovalState.CONFIRMED, ApprovalState.PENDING, ApprovalState.CONFIRMED]


async def test_starts_far_apart_and_a_policy_without_bursts_give_a_card_each(burst: Burst) -> None:
    apart = [await burst.opened(number, after_s=25 * number) for number in range(3)]
    await burst.until_at_rest(*apart)
    assert len(burst.cards()) == 3

    off = Burst()
    off.policy = off.policy.changed(bursts=BurstPolicy(together=False))
    await off.until_at_rest(*await off.burst(3))
    assert len(off.cards()) == 3


def answers_to_all(burst: Burst) -> AnswerAll:
    decide = acting.decide(store=burst.store, nudger=burst.nudger, clock=burst.clock)
    return AnswerAll(decide=decide, store=burst.store, nudger=burst.nudger, clock=burst.clock)


class TestAnswers:
    async def test_one_tap_covers_what_the_message_showed(self, burst: Burst) -> None:
        approvals = await burst.burst(4)
        await burst.until_at_rest(*approvals)
        answer = answers_to_all(burst)

        assert await answer(Answer.CONFIRM, approvals[0].id, a.actor(), shown=3) == Given(3)
        await burst.until_at_rest(approvals[0])
        await burst.until_at_rest(*approvals)

        stored = [await burst.store.approval(one.id) for one in approvals]
        assert [one.open for one in stored] == [False, False, False, True]
        (card,) = burst.cards()
        assert "*1* of them wait for an answer" in card
        assert len([r for p in range(16) for r in await burst.store.audit(p)
                    if r.kind == "approval.confirmed"]) == 3  # fmt: skip

    async def test_nobody_else_answers_for_all(self, burst: Burst) -> None:
        approvals = await burst.burst(2)
        await burst.until_at_rest(*approvals)
        answer = answers_to_all(burst)
        stranger = a.actor(slack_user="U0SAM00001", name="Sam", email="sam@contoso.com")
        for said in Answer:
            with pytest.raises(NotAllowed):
                await answer(said, approvals[0].id, stranger, shown=2)

    async def test_a_rejection_of_all_gives_on_call_a_card_of_each_and_the_owner_none(
        self, burst: Burst
    ) -> None:
        approvals = await burst.burst(3)
        await burst.until_at_rest(*approvals)
        answer = answers_to_all(burst)
        await answer(Answer.REJECT, approvals[0].id, a.actor(), shown=3, reason="not mine")
        await burst.until_at_rest(approvals[0])
        await burst.until_at_rest(*approvals)

        assert len(burst.cards()) == 1
        assert len(burst.cards(ONCALL)) == 3
        for one in approvals:
            stored = await burst.store.approval(one.id)
            assert stored.state is ApprovalState.REJECTED
            assert stored.decision is not None
            assert stored.decision.reason == "not mine"

    async def test_once_all_are_answered_no_button_is_left(self, burst: Burst) -> None:
        approvals = await burst.burst(2)
        await burst.until_at_rest(*approvals)
        assert CONFIRM_ALL in str(burst.slack.shows[f"{DM}-0"].blocks)
        for one in approvals:
            await burst.decide(Answer.CONFIRM, one.id, a.actor())
        await burst.until_at_rest(*approvals)
        shown = str(burst.slack.shows[f"{DM}-0"].blocks)
        assert CONFIRM_ALL not in shown
        assert CONFIRM not in shown


async def test_silence_is_told_once_for_all(burst: Burst) -> None:
    approvals = await burst.burst(3)
    await burst.until_at_rest(*approvals)
    burst.clock.to(max([(await burst.store.approval(one.id)).escalate_at for one in approvals]))
    look = acting.look_at_approval(store=burst.store, nudger=burst.nudger, clock=burst.clock)
    for _ in range(2):
        for one in approvals:
            await look(one.id)
    await burst.until_at_rest(*approvals)
    assert len(burst.cards(ONCALL)) == 1
    assert [t for t in burst.slack.threads[ONCALL] if t is not None] == [f"{ONCALL}-{2}"]


@pytest.mark.parametrize("how", ["lost", "unknown"])
@pytest.mark.parametrize("number", range(1, 16))
async def test_a_kill_between_any_two_writes_loses_nothing_and_asks_nobody_twice(
    number: int, how: str
) -> None:
    burst = Burst()
    approvals = await burst.burst(4)
    burst.store._count = 0
    burst.store.fails = {number: how}
    bots = [burst.renderer, burst.bot()]
    for one in approvals:
        try:
            await burst.shown(one, bots[0])
        except (DependencyAway, Conflict):
            bots[0] = burst.bot()  # the process that was killed, started again
    burst.clock.advance(15)
    await burst.until_at_rest(*approvals, bots=bots)
    await burst.until_at_rest(*approvals, bots=bots)
    await burst.every_asked(approvals)


async def test_two_bots_at_once_ask_about_each_once(burst: Burst) -> None:
    approvals = await burst.burst(20)
    bots = [burst.renderer, burst.bot()]
    await asyncio.gather(*(burst.shown(one, bots[n % 2]) for n, one in enumerate(approvals)))
    burst.clock.advance(15)
    await burst.until_at_rest(*approvals, bots=bots)
    await burst.until_at_rest(*approvals, bots=bots[::-1])
    await burst.every_asked(approvals)


async def test_in_quiet_hours_none_of_a_burst_counts_as_asked_before_they_end() -> None:
    rig = Burst()
    morning = a.NOW + timedelta(hours=8)
    rig.people.quiet[a.ALICE] = morning
    approvals = await rig.burst(3)
    await rig.until_at_rest(*approvals)
    night = [await rig.store.approval(one.id) for one in approvals]
    assert [(one.asked_at, one.quiet_until) for one in night] == [(None, morning)] * 3
    assert not any(one.undelivered(morning) for one in night)

    rig.clock.to(morning)
    for one in approvals:
        await acting.look_at_approval(store=rig.store, nudger=rig.nudger, clock=rig.clock)(one.id)
    await rig.until_at_rest(*approvals)
    asked = [await rig.store.approval(one.id) for one in approvals]
    assert all(one.asked_at is not None and one.asked_at >= morning for one in asked)
    assert {one.asked_whom for one in asked} == {(a.ALICE,)}
