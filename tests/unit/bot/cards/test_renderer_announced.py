"""Who gets the card of a start about which nobody is asked."""

import pytest

from bot.slack.directory import Found
from tests import builders as a
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, ONCALL, Posting
from workers.domain.asking.approvals import ApprovalState
from workers.domain.policy.model import Mode


async def channels(posting: Posting) -> set[str]:
    await posting.render()
    return {copy.channel for copy in (await posting.store.card(posting.id)).copies if copy.sent}


@pytest.mark.parametrize(
    ("state", "found", "to"),
    [
        (ApprovalState.TOLD, True, {DM, CHANNEL}),
        (ApprovalState.TOLD, False, {CHANNEL}),
        (ApprovalState.PENDING, False, {CHANNEL, ONCALL}),
        (ApprovalState.RULED, True, {DM, CHANNEL, ONCALL}),
        (ApprovalState.RULED, False, {CHANNEL, ONCALL}),
    ],
)
async def test_on_call_gets_what_a_rule_contains_and_no_announcement(
    state: ApprovalState,
    found: bool,  # noqa: FBT001 - a table
    to: set[str],
) -> None:
    posting = Posting()
    if not found:
        posting.people.found = Found({}, "no such person")
    await posting.change(a.approval(state=state, version=0, asked_at=None, asked_whom=()))
    assert await channels(posting) == to


@pytest.mark.parametrize("state", [ApprovalState.PENDING, ApprovalState.TOLD, ApprovalState.OBSERVED])
async def test_nobody_hears_of_it_while_the_policy_only_observes(state: ApprovalState) -> None:
    posting = Posting()
    posting.policy = posting.policy.changed(mode=Mode.OBSERVE)
    await posting.change(a.approval(state=state, version=0, asked_at=None, asked_whom=()))
    assert await channels(posting) == set()
    assert not posting.slack.posted
