"""A channel of the policy that can't be used: the card goes to the other one, and never to nobody."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.audience import Audience, Subjects
from bot.slack.directory import Directory
from bot.slack.pace import Pace
from deploy.sandbox.slack.server import SlackServer
from tests import builders as a
from tests.contract.slack.rig import APPROVALS, OLIVIA, ONCALL
from workers.domain.asking.cards import Card, Copy, CopyKind, Post
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import NotFound
from workers.domain.policy.model import OncallPolicy, OwnerPolicy, Policy
from workers.domain.ports.clock import SystemClock
from workers.domain.starts.people import Owner

NOBODY = Owner(source="no tag names anybody")
GONE = "#a-channel-that-was-deleted"


def audience(
    web: AsyncWebClient, *, approvals: str = "#vm-approvals", oncall: str = "#vm-oncall"
) -> Audience:
    policy = Policy(
        owner=OwnerPolicy(fallback=approvals), oncall=OncallPolicy(usergroup="S0ONCALL01", channel=oncall)
    )
    clock = SystemClock()
    return Audience(Directory(web, lambda: policy, Pace(clock)), lambda: policy, clock)


async def copies(audience: Audience, subjects: Subjects) -> list[tuple[CopyKind, str]]:
    card = await audience.with_copies(Card(id="a1"), subjects)
    return [(copy.kind, copy.channel) for copy in card.copies]


QUESTION = Subjects(a.approval(owner=NOBODY), None)
ESCALATED = Subjects(a.approval(owner=NOBODY, escalated_at=a.NOW), None)
INCOMPLETE = Subjects(
    a.approval(owner=NOBODY, state="REJECTED"), a.containment(state=ContainmentState.INCOMPLETE)
)
LOCKDOWN = Subjects(None, a.containment())
IN_APPROVALS, IN_ONCALL = (CopyKind.CHANNEL, APPROVALS), (CopyKind.ONCALL, ONCALL)


@pytest.mark.parametrize(
    ("subjects", "wanted"),
    [
        (QUESTION, [IN_APPROVALS]),
        (ESCALATED, [IN_APPROVALS, IN_ONCALL]),
        (INCOMPLETE, [IN_APPROVALS, IN_ONCALL]),
        (LOCKDOWN, [IN_ONCALL]),
    ],
    ids=["question", "escalated", "incomplete", "lockdown"],
)
async def test_a_card_goes_where_the_policy_says(
    web: AsyncWebClient, subjects: Subjects, wanted: list[tuple[CopyKind, str]]
) -> None:
    assert await copies(audience(web), subjects) == wanted


async def test_without_the_approvals_channel_on_calls_gets_the_question(web: AsyncWebClient) -> None:
    assert await copies(audience(web, approvals=GONE), QUESTION) == [(CopyKind.CHANNEL, ONCALL)]


@pytest.mark.parametrize("subjects", [ESCALATED, INCOMPLETE], ids=["escalated", "incomplete"])
async def test_without_on_calls_channel_they_are_called_in_the_approvals_channel(
    web: AsyncWebClient, subjects: Subjects
) -> None:
    """By a message of their own, beside the question that is there."""
    assert await copies(audience(web, oncall=GONE), subjects) == [IN_APPROVALS, (CopyKind.ONCALL, APPROVALS)]


async def test_nor_is_a_lockdown_without_a_card(web: AsyncWebClient) -> None:
    assert await copies(audience(web, oncall=GONE), LOCKDOWN) == [(CopyKind.ONCALL, APPROVALS)]


@pytest.mark.parametrize("subjects", [QUESTION, LOCKDOWN], ids=["question", "lockdown"])
async def test_without_both_it_fails_and_is_tried_again(web: AsyncWebClient, subjects: Subjects) -> None:
    with pytest.raises(NotFound, match="invite it there"):
        await copies(audience(web, approvals=GONE, oncall=GONE), subjects)


async def test_an_archived_channel_counts_as_gone(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.state.workspace.channels[APPROVALS].archived = True

    assert await copies(audience(web), QUESTION) == [(CopyKind.CHANNEL, ONCALL)]


async def test_a_copy_stays_and_so_does_what_was_posted(slack: SlackServer, web: AsyncWebClient) -> None:
    """A copy that forgot its message would be posted again."""
    email = slack.state.workspace.members[OLIVIA].email
    card = Card(id="a1", copies=(Copy(kind=CopyKind.CHANNEL, channel="C0OLD"),))
    for source in ("one tag", "another tag"):
        owner = Owner(emails=(email,), source=source)
        card = await audience(web).with_copies(card, Subjects(a.approval(owner=owner), None))
        posted = Post(intent="i", intended_at=a.NOW, ts="1.0", shows=source)
        for copy in card.copies:
            card = card.with_post(copy.key, "", copy.root or posted)

    again = await audience(web).with_copies(card, Subjects(a.approval(owner=owner, escalated_at=a.NOW), None))

    old, direct, channel, oncall = again.copies
    assert (old.channel, direct.asked, channel.channel, oncall.channel) == (
        "C0OLD",
        OLIVIA,
        APPROVALS,
        ONCALL,
    )
    assert [copy.root and copy.root.shows for copy in again.copies] == ["one tag"] * 3 + [None]
