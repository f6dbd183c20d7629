"""What the renderer writes for one posting, in how many writes, and what becomes of it when one fails."""

import pytest

from bot.cards.delivery import SETTLING
from bot.slack.directory import Found
from tests import builders as a
from tests.doubles import CrashError
from tests.unit.bot.cards.posting_rig import DM, Posting
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import REFUSED
from workers.domain.asking.decisions import Answer
from workers.domain.errors import Conflict, DependencyAway


@pytest.fixture
async def posting() -> Posting:
    rig = Posting()
    await rig.open_one()
    return rig


async def test_a_first_posting_is_two_writes_the_intent_and_all_that_came_of_it(posting: Posting) -> None:
    await posting.render()

    intent, results = posting.store.written
    assert [type(d).__name__ for d in intent.documents] == ["Card"]
    assert [type(d).__name__ for d in results.documents] == ["Card", "Approval"]
    assert [record.kind for record in results.audit] == ["approval.asked"]
    asked = await posting.approval()
    assert (asked.asked_at, asked.asked_whom) == (posting.clock.now(), (a.ALICE,))
    assert await posting.unshown() == []
    assert await posting.posts() == set(posting.slack.posted.values())
    (nudge,) = posting.nudger.to_work
    assert (nudge.id, nudge.version, nudge.due) == (asked.id, asked.version, asked.remind_at)
    noted = await posting.store.scheduled(asked.id)
    assert noted is not None
    assert noted.due == asked.remind_at


async def test_rendering_it_again_asks_nobody_again(posting: Posting) -> None:
    await posting.render()
    await posting.render()
    assert await posting.asked_records() == 1
    assert (len(posting.slack.posted), posting.slack.edits) == (2, [])
    assert len(posting.nudger.to_work) == 1


async def test_an_approval_that_changed_while_it_was_posted_keeps_the_change_and_the_posting(
    posting: Posting,
) -> None:
    async def meanwhile() -> None:
        await posting.change((await posting.approval()).changed(notice="somebody was here", fill_in_at=a.NOW))

    posting.slack.meanwhile = meanwhile
    await posting.render()
    asked = await posting.approval()
    assert asked.fill_in_at == a.NOW, "the change is kept"
    assert asked.asked_whom == (a.ALICE,)
    assert await posting.posts() == set(posting.slack.posted.values())
    assert await posting.asked_records() == 1
    assert await posting.unshown() == [posting.id], "what changed is not claimed to be shown"
    assert [nudge.version for nudge in posting.nudger.to_work] == [asked.version]
    posting.clock.advance(60)
    await posting.render()
    assert len(posting.slack.posted) == 2
    assert await posting.unshown() == []


async def test_one_decided_while_it_was_posted_was_posted_once_and_shows_the_decision(
    posting: Posting,
) -> None:
    posting.decide._store = posting.store

    async def meanwhile() -> None:
        await posting.decide(Answer.CONFIRM, posting.id, a.actor())

    posting.slack.meanwhile = meanwhile
    await posting.render()
    assert await posting.posts() == set(posting.slack.posted.values())
    assert await posting.asked_records() == 0
    await posting.render()
    assert (await posting.approval()).state is ApprovalState.CONFIRMED
    assert len(set(posting.slack.edits)) == 2
    assert await posting.unshown() == []


async def test_a_card_that_another_process_wrote_meanwhile_is_a_conflict_and_nobody_is_noted_as_asked(
    posting: Posting,
) -> None:
    async def meanwhile() -> None:
        await posting.change((await posting.store.card(posting.id)).changed(notice="another bot"))

    posting.slack.meanwhile = meanwhile
    with pytest.raises(Conflict):
        await posting.render()
    assert await posting.asked_records() == 0
    assert (await posting.approval()).asked_at is None
    posting.clock.advance(SETTLING)
    await posting.render()
    assert await posting.asked_records() == 1
    assert len(posting.slack.posted) == 2


@pytest.mark.parametrize("how", ["lost", "unknown"])
async def test_a_redis_that_goes_away_with_the_results_costs_no_second_posting(
    posting: Posting, how: str
) -> None:
    posting.store.fails = {2: how}
    with pytest.raises(DependencyAway):
        await posting.render()
    posting.clock.advance(SETTLING)
    await posting.render()
    assert len(posting.slack.posted) == 2
    assert await posting.posts() == set(posting.slack.posted.values())
    assert await posting.asked_records() == 1
    assert await posting.unshown() == []


@pytest.mark.parametrize("how", ["lost", "unknown"])
async def test_a_redis_that_goes_away_after_a_conflict_costs_no_second_posting(
    posting: Posting, how: str
) -> None:
    async def meanwhile() -> None:
        await posting.change((await posting.approval()).changed(fill_in_at=a.NOW))

    posting.slack.meanwhile = meanwhile
    posting.store.fails = {3: how}  # 2 is the conflict
    with pytest.raises(DependencyAway):
        await posting.render()
    posting.clock.advance(SETTLING)
    await posting.render()
    assert len(posting.slack.posted) == 2
    assert await posting.asked_records() == 1
    assert (await posting.approval()).asked_whom == (a.ALICE,)


async def test_a_crash_before_the_deadline_is_scheduled_is_made_up_for(posting: Posting) -> None:
    posting.nudger.crashes = 1
    with pytest.raises(CrashError):
        await posting.render()
    await posting.render()
    assert await posting.asked_records() == 1
    due = (await posting.approval()).remind_at
    assert list(await posting.store.past_due(due)) == [posting.id], "the resync finds it"


async def test_a_copy_that_slack_refuses_asked_nobody(posting: Posting) -> None:
    posting.slack.refuses[DM] = "user_disabled"
    await posting.render()
    asked = await posting.approval()
    assert (asked.asked_at, asked.asked_whom) == (posting.clock.now(), ())
    assert REFUSED in await posting.posts()
    assert await posting.asked_records() == 1


async def test_an_owner_who_started_it_is_asked_whether_it_was_them(posting: Posting) -> None:
    caller = (await posting.approval()).event.caller
    posting.people.found = Found({a.ALICE: "alice"}, "", {a.ALICE: caller.email})
    await posting.render()
    card = await posting.store.card(posting.id)
    assert [copy.email for copy in card.copies] == [caller.email, ""]


async def test_what_each_message_says_is_kept_for_the_evidence(posting: Posting) -> None:
    await posting.render()
    said = await posting.store.said(posting.id)
    card = await posting.store.card(posting.id)
    roots = [copy.root for copy in card.copies if copy.root is not None]
    assert roots
    for root in roots:
        assert "Was this start expected?" in said[root.shows]
        assert "`vm-web-01`" in said[root.shows]
    asked = await posting.approval()
    await posting.change(asked.decided(a.decision(answer=Answer.CONFIRM, reason="")))
    await posting.render()
    said = await posting.store.said(posting.id)
    copies = (await posting.store.card(posting.id)).copies
    shown = [copy.root.shows for copy in copies if copy.root is not None]
    assert shown
    assert all("Confirmed by" in said[digest] for digest in shown)
