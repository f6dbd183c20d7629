"""Once a burst is answered, every copy of its card says who did, when and why."""

from datetime import timedelta

from tests import acting
from tests import builders as a
from tests.unit.bot.cards.bursts.rig import Burst
from tests.unit.bot.cards.bursts.test_renderer_bursts import answers_to_all
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, ONCALL
from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer


async def look(burst: Burst, approvals: list[Approval]) -> None:
    for one in approvals:
        await acting.look_at_approval(store=burst.store, nudger=burst.nudger, clock=burst.clock)(one.id)
    await burst.until_at_rest(*approvals)


async def test_every_copy_says_who_answered_when_and_why_on_calls_too() -> None:
    burst = Burst()
    approvals = await burst.asked(3)
    burst.clock.to(max([one.escalate_at for one in await burst.stored(approvals)]))
    await look(burst, approvals)
    at = burst.clock.now()
    answer = answers_to_all(burst)
    await answer(Answer.CONFIRM, approvals[0].id, a.oncall(), shown=3, reason="the nightly <!here> run")
    await burst.until_at_rest(*approvals)
    for channel in (DM, CHANNEL, ONCALL):
        (card,) = burst.cards(channel)
        assert "Answered: 3 starts" in card
        said = "*Confirmed* 3 starts: Olga Oncall (olga@contoso.com) <!date^"
        assert said in card, channel
        assert f"<!date^{int(at.replace(second=0).timestamp())}^" in card
        assert "Reason: \u201cthe nightly" in card
        assert "<!here>" not in card


async def test_answers_that_differ_have_a_line_each() -> None:
    burst = Burst()
    approvals = await burst.asked(4)
    await burst.decide(Answer.CONFIRM, approvals[1].id, a.actor())
    burst.clock.advance(timedelta(minutes=2))
    await burst.decide(Answer.CONFIRM, approvals[2].id, a.actor())
    await burst.decide(Answer.REJECT, approvals[3].id, a.actor(), reason="not mine")
    await burst.until_at_rest(*approvals)
    (card,) = burst.cards()
    assert "*Confirmed* 2 starts: Alice Example (alice@contoso.com) <!date^" in card
    assert "}|2026-" in card
    assert " to <!date^" in card, "two minutes lie between the two"
    assert "*Rejected* 1 start: Alice Example (alice@contoso.com)" in card
    assert "Reason: \u201cnot mine\u201d" in card


async def test_silence_is_nobodys_answer_and_on_call_reads_what_is_left_to_do() -> None:
    burst = Burst()
    approvals = await burst.asked(2)
    burst.clock.to(max([one.escalate_at for one in await burst.stored(approvals)]))
    await look(burst, approvals)
    burst.clock.to(max([one.expire_at for one in await burst.stored(approvals)]))
    await look(burst, approvals)
    assert not any(one.open for one in await burst.stored(approvals))
    for channel in (DM, ONCALL):
        (card,) = burst.cards(channel)
        assert "Closed: 2 starts" in card
        assert "*No answer* 2 starts" in card
        assert "Nobody answered; on-call was told." in card
    replies = [one.says for ts, one in burst.slack.shows.items() if ts.startswith(ONCALL)][1:]
    assert [said for said in replies if "Contain a VM with `/vm-lockdown VM`" in said] == replies
    assert len(replies) == 1
