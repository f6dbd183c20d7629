"""A channel of the policy that can't be used: the card goes to the other one, and never to nobody."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.audience import Audience, Subjects
from bot.slack.channels import Channels
from bot.slack.directory import Directory
from bot.slack.installation import Installation
from bot.slack.pace import Pace
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.slack.server import SlackServer
from tests import builders as a
from tests.contract.slack.rig import APPROVALS, OLIVIA, ONCALL, until
from workers.domain.asking.cards import Card, Copy, CopyKind, Post
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import DependencyAway, NotFound
from workers.domain.policy.model import Policy
from workers.domain.policy.people import OncallPolicy, OwnerPolicy
from workers.domain.ports.clock import SystemClock
from workers.domain.starts.people import Owner
from workers.store.in_memory.channel_book import MemoryChannelBook
from workers.telemetry.health import Health

NOBODY = Owner(source="no tag names anybody")
GONE = "#a-channel-that-was-deleted"


Copies = list[tuple[CopyKind, str]]


@contextlib.asynccontextmanager
async def audience(
    web: AsyncWebClient, *, approvals: str = "#vm-approvals", oncall: str = "#vm-oncall"
) -> AsyncIterator[Audience]:
    """The audience of a policy with these channels, once it is known which there are."""
    policy = Policy(
        owner=OwnerPolicy(fallback=approvals), oncall=OncallPolicy(usergroup="S0ONCALL01", channel=oncall)
    )
    clock, installation = SystemClock(), Installation(web)
    channels = Channels(web, lambda: (approvals, oncall), MemoryChannelBook(), installation, Health())
    looking = asyncio.create_task(channels.run())
    try:
        await until(lambda: all(settled(channels, name) for name in (approvals, oncall)))
        directory = Directory(web, lambda: policy, installation, Pace(clock))
        yield Audience(directory, channels, lambda: policy, clock)
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


def settled(channels: Channels, name: str) -> bool:
    try:
        channels.id_of(name)
    except DependencyAway:
        return False
    except NotFound:
        pass
    return True


async def copies(found: Audience, subjects: Subjects) -> Copies:
    """Where something is posted; not the copies that a channel refused."""
    card = await found.with_copies(Card(id="a1"), subjects)
    return [(copy.kind, copy.channel) for copy in card.copies if not copy.refused]


QUESTION = Subjects(a.approval(owner=NOBODY), None)
INCOMPLETE = Subjects(
    a.approval(owner=NOBODY, state="REJECTED"), a.containment(state=ContainmentState.INCOMPLETE)
)
LOCKDOWN = Subjects(None, a.containment())
IN_APPROVALS, IN_ONCALL = (CopyKind.CHANNEL, APPROVALS), (CopyKind.ONCALL, ONCALL)


@pytest.mark.parametrize(
    ("subjects", "wanted"),
    [(QUESTION, [IN_APPROVALS, IN_ONCALL]), (INCOMPLETE, [IN_APPROVALS, IN_ONCALL]), (LOCKDOWN, [IN_ONCALL])],
    ids=["question without an owner", "incomplete", "lockdown"],
)
async def test_a_card_goes_where_the_policy_says(
    web: AsyncWebClient, subjects: Subjects, wanted: Copies
) -> None:
    async with audience(web) as found:
        assert await copies(found, subjects) == wanted


async def test_a_question_to_an_owner_is_not_on_calls_before_it_is_escalated(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    owner = Owner(emails=(slack.state.workspace.members[OLIVIA].email,), source="tag owner")
    async with audience(web) as found:
        asked = await copies(found, Subjects(a.approval(owner=owner), None))
        assert [kind for kind, _ in asked] == [CopyKind.OWNER, CopyKind.CHANNEL]
        escalated = await copies(found, Subjects(a.approval(owner=owner, escalated_at=a.NOW), None))
        assert escalated[-1] == IN_ONCALL


async def test_without_the_approvals_channel_on_calls_gets_the_question(web: AsyncWebClient) -> None:
    async with audience(web, approvals=GONE) as found:
        assert (CopyKind.CHANNEL, ONCALL) in await copies(found, QUESTION)


async def test_without_on_calls_channel_they_are_called_in_the_approvals_channel(web: AsyncWebClient) -> None:
    """By a message of their own, beside the question that is there."""
    async with audience(web, oncall=GONE) as found:
        assert await copies(found, INCOMPLETE) == [IN_APPROVALS, (CopyKind.ONCALL, APPROVALS)]


async def test_nor_is_a_lockdown_without_a_card(web: AsyncWebClient) -> None:
    async with audience(web, oncall=GONE) as found:
        assert await copies(found, LOCKDOWN) == [(CopyKind.ONCALL, APPROVALS)]


@pytest.mark.parametrize("subjects", [QUESTION, LOCKDOWN], ids=["question", "lockdown"])
async def test_without_both_each_refusal_is_on_the_card_to_be_tried_again(
    web: AsyncWebClient, subjects: Subjects
) -> None:
    async with audience(web, approvals=GONE, oncall=f"{GONE}-too") as found:
        card = await found.with_copies(Card(id="a1"), subjects)
        refused = [copy for copy in card.copies if copy.refused]
        assert refused == list(card.copies)
        assert all(copy.root is not None and copy.root.again_at > a.NOW for copy in refused)


async def test_an_archived_channel_counts_as_gone(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.state.workspace.channels[APPROVALS].archived = True
    async with audience(web) as found:
        assert (CopyKind.CHANNEL, ONCALL) in await copies(found, QUESTION)


async def test_a_copy_stays_and_so_does_what_was_posted(slack: SlackServer, web: AsyncWebClient) -> None:
    """A copy that forgot its message would be posted again."""
    email = slack.state.workspace.members[OLIVIA].email
    card = Card(id="a1", copies=(Copy(kind=CopyKind.CHANNEL, channel="C0OLD"),))
    async with audience(web) as found:
        for source in ("one tag", "another tag"):
            owner = Owner(emails=(email,), source=source)
            card = await found.with_copies(card, Subjects(a.approval(owner=owner), None))
            posted = Post(intent="i", intended_at=a.NOW, ts="1.0", shows=source)
            for copy in card.copies:
                card = card.with_post(copy.key, "", copy.root or posted)

        again = await found.with_copies(card, Subjects(a.approval(owner=owner, escalated_at=a.NOW), None))

    old, direct, channel, oncall = again.copies
    assert (old.channel, direct.asked, channel.channel, oncall.channel) == (
        "C0OLD",
        OLIVIA,
        APPROVALS,
        ONCALL,
    )
    assert [copy.root and copy.root.shows for copy in again.copies] == ["one tag"] * 3 + [None]


async def test_a_channel_and_the_members_of_a_group_that_own_a_vm_are_asked(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    """Nobody else is: on-call waits until it is escalated."""
    slack.state.workspace.groups["S0ONCALL01"].users.append(OLIVIA)
    team = Owner(usergroups=("S0ONCALL01",), channels=("#web-team",), source="policy", by_policy="tag a=b")
    async with aiohttp.ClientSession(slack.url) as http:
        order = {"name": "web-team", "bot_is_member": True}
        async with http.post("/_channels", json=order) as answer:
            channel = (await answer.json())["ids"][0]
    async with audience(web) as found:
        question = Subjects(a.approval(owner=team), None)
        async with asyncio.timeout(PATIENCE_S):
            while (CopyKind.CHANNEL, channel) not in await copies(found, question):  # noqa: ASYNC110 - of Slack
                await asyncio.sleep(0.05)
        asked = await copies(found, question)
        assert sorted(kind for kind, _ in asked) == ["channel", "channel", "owner", "owner"]
        alone = Subjects(a.approval(owner=Owner(channels=(channel,), source="tag owner")), None)
        assert await copies(found, alone) == [(CopyKind.CHANNEL, channel), IN_APPROVALS]
