"""What the bot knows of people: asked once, kept for a while, and never granted to a guest."""

import asyncio
from collections.abc import Callable

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import directory as module
from bot.slack.directory import Directory
from bot.slack.pace import Pace
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import NADIA, OLIVIA, Json
from workers.domain.policy.model import OncallPolicy, Policy
from workers.domain.ports.clock import SystemClock
from workers.domain.starts.people import Owner

POLICY = Policy(oncall=OncallPolicy(usergroup="S0ONCALL01"))
BRIEF_S = 0.05

Count = Callable[[str], int]


def directory_of(web: AsyncWebClient, policy: Policy = POLICY) -> Directory:
    return Directory(web, lambda: policy, Pace(SystemClock()))


@pytest.fixture
def calls(slack: SlackServer) -> Count:
    """How often a method of the Web API was called."""
    return lambda method: sum(e.data.get("method") == method for e in slack.record.since(kind="api"))


@pytest.fixture
def described_as(slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[Json], None]:
    """Slack describes everybody with these fields, too."""
    member = type(slack.state.workspace.members[NADIA])
    as_json = member.as_json

    def describe(fields: Json) -> None:
        monkeypatch.setattr(member, "as_json", lambda *args, **kwargs: as_json(*args, **kwargs) | fields)

    return describe


async def test_many_who_ask_at_once_cost_slack_one_call(web: AsyncWebClient, calls: Count) -> None:
    directory = directory_of(web)
    actors = await asyncio.gather(*(directory.actor(NADIA) for _ in range(20)))
    assert {actor.on_call for actor in actors} == {True}
    assert (calls("users.info"), calls("usergroups.users.list")) == (1, 1)


async def test_who_left_the_on_call_group_is_off_call_once_the_cache_expires(
    slack: SlackServer, web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONCALL_TTL_S", BRIEF_S)
    directory = directory_of(web)
    assert (await directory.actor(NADIA)).on_call
    slack.state.workspace.groups["S0ONCALL01"].users.remove(NADIA)
    await asyncio.sleep(2 * BRIEF_S)
    assert not (await directory.actor(NADIA)).on_call


async def test_who_was_deactivated_owns_nothing_once_the_cache_expires(
    slack: SlackServer, web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PERSON_TTL_S", BRIEF_S)
    directory = directory_of(web)
    email = slack.state.workspace.members[OLIVIA].email
    owner = Owner(emails=(email,), source="tag owner")
    assert (await directory.actor(OLIVIA)).email == email
    assert (await directory.owners(owner)).users == (OLIVIA,)
    slack.state.workspace.members[OLIVIA].deleted = True
    await asyncio.sleep(2 * BRIEF_S)
    assert not (await directory.actor(OLIVIA)).email
    assert not (await directory.owners(owner)).users


async def test_a_failure_is_not_kept(slack: SlackServer, web: AsyncWebClient) -> None:
    directory = directory_of(web)
    members = slack.state.workspace.groups
    group = members.pop("S0ONCALL01")
    doubtful = await directory.actor(NADIA)
    assert (doubtful.on_call, bool(doubtful.doubt)) == (False, True)
    members[group.id] = group
    assert (await directory.actor(NADIA)).on_call


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted"])
async def test_a_guest_owns_nothing_and_is_not_on_call(
    slack: SlackServer, web: AsyncWebClient, described_as: Callable[[Json], None], flag: str
) -> None:
    described_as({flag: True})
    directory = directory_of(web, Policy(oncall=OncallPolicy(usergroup="S0ONCALL01", users=(NADIA,))))
    guest = await directory.actor(NADIA)
    assert (guest.on_call, guest.email) == (False, "")
    email = slack.state.workspace.members[NADIA].email
    for owner in (
        Owner(emails=(email,), source="tag owner"),
        Owner(slack_users=(NADIA,), source="tag owner"),
    ):
        found = await directory.owners(owner)
        assert found.users == ()
        assert found.notice
