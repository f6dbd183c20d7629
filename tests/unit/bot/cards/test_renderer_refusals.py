"""Slack refuses one copy of a card: everybody else's goes out, and somebody is reached."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, ONCALL, Posting
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Copy, CopyKind
from workers.domain.messages import Complete, Later

NOT_IN_IT = "not_in_channel"


@pytest.fixture
async def posting() -> Posting:
    rig = Posting()
    await rig.open_one()
    return rig


async def copy_in(posting: Posting, channel: str, kind: CopyKind) -> Copy | None:
    card = await posting.store.card(posting.id)
    return card.copy_of(f"{kind}:{channel}")


def troubles(posting: Posting) -> dict[str, str]:
    return {name: one["reason"] for name, one in posting.health.as_json()["troubles"].items()}


async def change(posting: Posting, **changes: object) -> None:
    approval = await posting.approval()
    await posting.change(approval.changed(**changes))


async def test_an_owner_whom_slack_refuses_is_named_and_the_channel_has_the_card(posting: Posting) -> None:
    posting.slack.refuses[DM] = "user_disabled"
    await posting.render()
    asked = await posting.approval()
    assert asked.asked_at is not None
    assert asked.notice == "Slack refused the message to alice@contoso.com (user_disabled)"
    channel = await copy_in(posting, CHANNEL, CopyKind.CHANNEL)
    assert channel is not None
    assert channel.sent
    assert not troubles(posting), "a person is no channel"


async def test_what_a_channel_refuses_goes_to_the_other_channel_with_the_mention(posting: Posting) -> None:
    posting.slack.refuses[CHANNEL] = NOT_IN_IT
    await posting.render()
    instead = await copy_in(posting, ONCALL, CopyKind.CHANNEL)
    assert instead is not None
    assert (instead.sent, instead.instead_of, instead.because) == (True, CHANNEL, NOT_IN_IT)
    assert list(instead.replies) == ["moved"]
    assert posting.slack.threads[ONCALL] == [None, instead.root.ts if instead.root else ""]
    assert (await posting.approval()).asked_whom == (a.ALICE,)


async def test_nobody_was_asked_where_everything_was_refused(posting: Posting) -> None:
    posting.slack.refuses = {DM: "user_disabled", CHANNEL: NOT_IN_IT, ONCALL: "is_archived"}
    await posting.render()
    assert (await posting.approval()).asked_at is None
    assert await posting.asked_records() == 0
    assert posting.slack.posted == {}
    assert troubles(posting) == {
        f"slack channel {CHANNEL}": f"Slack refuses messages there: {NOT_IN_IT}",
        f"slack channel {ONCALL}": "Slack refuses messages there: is_archived",
    }


async def test_a_refused_copy_is_tried_again_and_then_somebody_is_asked(posting: Posting) -> None:
    posting.slack.refuses = {DM: "user_disabled", CHANNEL: NOT_IN_IT, ONCALL: NOT_IN_IT}
    settled = await posting.nudged()
    assert isinstance(settled, Later)
    assert 29 <= settled.after_s <= 30
    posting.slack.refuses.pop(CHANNEL)
    posting.clock.advance(30)
    await posting.render()
    asked = await posting.approval()
    assert asked.asked_at == posting.clock.now(), "the clock starts when somebody got it"
    assert f"slack channel {CHANNEL}" not in troubles(posting)


async def test_it_is_tried_less_and_less_often_but_at_least_every_quarter_of_an_hour(
    posting: Posting,
) -> None:
    posting.slack.refuses[CHANNEL] = NOT_IN_IT
    pauses = []
    for _ in range(9):
        settled = await posting.nudged()
        assert isinstance(settled, Later)
        pauses.append(round(settled.after_s + 0.3))
        posting.clock.advance(settled.after_s + 0.3)
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900, 900]
    posting.slack.refuses.clear()
    assert isinstance(await posting.nudged(), Complete)
    channel = await copy_in(posting, CHANNEL, CopyKind.CHANNEL)
    assert channel is not None
    assert channel.sent


async def test_a_closed_question_is_not_brought_into_a_channel_any_more(posting: Posting) -> None:
    posting.slack.refuses[CHANNEL] = NOT_IN_IT
    await posting.render()
    approval = await posting.approval()
    await posting.change(approval.withdrawn(posting.clock.now(), "the VM stopped"))
    assert isinstance(await posting.nudged(), Complete)


async def _escalated(posting: Posting) -> Approval:
    await posting.render()
    await change(posting, escalated_at=posting.clock.now())
    return await posting.approval()


async def _page_refused(posting: Posting) -> Copy:
    """On-call's card is there, and the page below it is refused. The copy as it was before that."""
    await _escalated(posting)
    posting.slack.refuses.clear()
    await posting.render()
    before = await copy_in(posting, ONCALL, CopyKind.ONCALL)
    assert before is not None
    posting.slack.refuses[ONCALL] = NOT_IN_IT
    card = await posting.store.card(posting.id)
    await posting.change(card.with_post(f"{CopyKind.ONCALL}:{ONCALL}", "escalation", None))
    await posting.render()
    return before


async def test_the_page_to_on_call_goes_to_the_approvals_channel_where_theirs_refuses(
    posting: Posting,
) -> None:
    posting.slack.refuses[ONCALL] = "is_archived"
    await _escalated(posting)
    await posting.render()
    assert ONCALL not in posting.slack.threads, "nothing goes into the thread of a refused message"
    page = await copy_in(posting, CHANNEL, CopyKind.ONCALL)
    assert page is not None
    assert page.sent
    assert set(page.replies) == {"moved", "escalation"}


async def test_a_bot_that_was_removed_later_pages_on_call_elsewhere(posting: Posting) -> None:
    """The card is in on-call's channel, and the page below it is refused."""
    await _escalated(posting)
    posting.slack.refuses.clear()
    await posting.render()
    before = await copy_in(posting, ONCALL, CopyKind.ONCALL)
    assert before is not None
    assert set(before.replies) == {"escalation"}
    posting.slack.refuses[ONCALL] = NOT_IN_IT
    await change(posting, state="EXPIRED", closed_at=posting.clock.now(), containment_id=None)
    card = await posting.store.card(posting.id)
    await posting.change(card.with_post(f"{CopyKind.ONCALL}:{ONCALL}", "escalation", None))
    await posting.render()
    page = await copy_in(posting, CHANNEL, CopyKind.ONCALL)
    assert page is not None
    assert (page.sent, "escalation" in page.replies) == (True, True)


async def test_names_that_slack_does_not_show_hold_nobody_elses_copy_back(posting: Posting) -> None:
    posting.people.unknown = {"#vm-approvals", "#vm-oncall"}
    settled = await posting.nudged()
    assert (await posting.approval()).asked_whom == (a.ALICE,)
    assert list(posting.slack.threads) == [DM]
    assert set(troubles(posting)) == {"slack channel #vm-approvals", "slack channel #vm-oncall"}
    assert isinstance(settled, Later)
    posting.people.unknown = set()
    posting.clock.advance(timedelta(seconds=30))
    await posting.render()
    channel = await copy_in(posting, CHANNEL, CopyKind.CHANNEL)
    assert channel is not None
    assert channel.sent
    assert "slack channel #vm-approvals" not in troubles(posting)


async def test_while_a_name_is_looked_for_the_owner_is_asked_and_the_channel_waits(posting: Posting) -> None:
    posting.people.sought = {"#vm-approvals"}
    settled = await posting.nudged()
    assert (await posting.approval()).asked_whom == (a.ALICE,)
    assert list(posting.slack.threads) == [DM], "it goes nowhere else meanwhile"
    assert isinstance(settled, Later)
    assert settled.after_s <= 2
    posting.people.sought = set()
    posting.clock.advance(settled.after_s)
    assert isinstance(await posting.nudged(), Complete)
    assert list(posting.slack.threads) == [DM, CHANNEL]
    kinds = [(copy.kind, copy.channel) for copy in (await posting.store.card(posting.id)).copies]
    assert kinds == [(CopyKind.OWNER, DM), (CopyKind.CHANNEL, CHANNEL)]


async def test_a_question_that_is_closed_while_a_name_is_looked_for_comes_to_rest(posting: Posting) -> None:
    posting.people.sought = {"#vm-approvals"}
    await posting.nudged()
    approval = await posting.approval()
    await posting.change(approval.withdrawn(posting.clock.now(), "the VM stopped"))
    posting.people.sought = set()
    posting.clock.advance(5)
    assert isinstance(await posting.nudged(), Complete)
    channels = [copy.channel for copy in (await posting.store.card(posting.id)).copies]
    assert channels == [DM, CHANNEL], "a name that is left would be asked for at every nudge, for ever"


async def test_a_bot_that_is_back_goes_on_with_the_card_that_is_there(posting: Posting) -> None:
    before = await _page_refused(posting)
    lost = await copy_in(posting, ONCALL, CopyKind.ONCALL)
    assert lost is not None
    assert lost.refused
    posting.slack.refuses.clear()
    posting.clock.advance(timedelta(minutes=15))
    posted = len(posting.slack.threads[ONCALL])
    await posting.render()
    await posting.render()
    back = await copy_in(posting, ONCALL, CopyKind.ONCALL)
    assert back is not None
    assert back.thread == before.thread
    assert posting.slack.threads[ONCALL][posted:] == [before.thread], "the page, below the card of before"


async def test_a_card_whose_page_was_refused_still_shows_how_its_question_ended(posting: Posting) -> None:
    """Slack refuses new messages in the channel, and takes edits: no button may be left that does nothing."""
    before = await _page_refused(posting)
    assert before.thread not in posting.slack.edits
    await change(posting, state="EXPIRED", closed_at=posting.clock.now(), containment_id=None)
    settled = await posting.nudged()
    assert posting.slack.edits.count(str(before.thread)) == 1
    assert isinstance(settled, Complete), "it comes to rest, although the channel still refuses"
    assert posting.slack.threads[ONCALL].count(None) == 1, "no second card"
