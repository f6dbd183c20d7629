"""What the bot knows of people: asked once, kept for a while, and never granted to a guest."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import directory as module
from bot.slack.directory import Directory
from bot.slack.installation import Installation
from bot.slack.pace import Pace
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import NADIA, OLIVIA, Json
from workers.domain.policy.model import Policy
from workers.domain.policy.people import Guests, OncallPolicy, PeoplePolicy
from workers.domain.ports.clock import SystemClock
from workers.domain.starts.people import Actor, Owner

GUS, PETRA = "U0GUS000005", "U0PETRA0006"
POLICY = Policy(oncall=OncallPolicy(usergroup="S0ONCALL01"))
BRIEF_S = 0.05

Count = Callable[[str], int]


def directory_of(web: AsyncWebClient, policy: Policy = POLICY) -> Directory:
    return Directory(web, lambda: policy, Installation(web), Pace(SystemClock()))


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
    assert tuple((await directory.owners(owner)).users) == (OLIVIA,)
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


def owned_by(slack: SlackServer, user: str) -> tuple[Owner, Owner]:
    """An owner by e-mail address, and one by Slack user id."""
    email = slack.state.workspace.members[user].email
    return Owner(emails=(email,), source="tag owner"), Owner(slack_users=(user,), source="tag owner")


@pytest.mark.parametrize(
    "flag", ["is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted", "team_id"]
)
async def test_who_is_no_member_owns_nothing_and_is_not_on_call(
    slack: SlackServer, web: AsyncWebClient, described_as: Callable[[Json], None], flag: str
) -> None:
    described_as({flag: "T0PARTNER1" if flag == "team_id" else True})
    directory = directory_of(web, Policy(oncall=OncallPolicy(usergroup="S0ONCALL01", users=(NADIA,))))
    guest = await directory.actor(NADIA)
    assert (guest.on_call, guest.email, bool(guest.barred)) == (False, "", True)
    for owner in owned_by(slack, NADIA):
        found = await directory.owners(owner)
        assert (found.users, guest.owns(owner)) == ({}, False)
        assert found.notice.startswith("tag owner names ")


async def test_somebody_connected_counts_neither_by_email_nor_by_id(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    """Where Slack finds them by e-mail address, too: their own administrators choose it."""
    await http.put("/_limits", json={"email_finds_connected": True})
    directory = directory_of(web)
    petra = await directory.actor(PETRA)
    assert petra.barred.startswith("Your account belongs to another workspace.")
    for owner in owned_by(slack, PETRA):
        assert not petra.owns(owner)
        found = await directory.owners(owner)
        assert not found.users
        assert found.notice.endswith(", who belongs to another workspace")


async def test_a_workspace_that_the_policy_names_counts_by_id_alone(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    await http.put("/_limits", json={"email_finds_connected": True})
    people = PeoplePolicy(workspaces=("T0PARTNER1",))
    directory = directory_of(web, POLICY.model_copy(update={"people": people}))
    petra = await directory.actor(PETRA, team="T0PARTNER1")
    by_email, by_id = owned_by(slack, PETRA)
    assert (petra.owns(by_email), petra.owns(by_id)) == (False, True)
    assert tuple((await directory.owners(by_id)).users) == (PETRA,)
    assert not (await directory.owners(by_email)).users


async def test_guests_are_owners_where_the_policy_says_so(slack: SlackServer, web: AsyncWebClient) -> None:
    people = PeoplePolicy(guests=Guests.OWNERS)
    oncall = OncallPolicy(usergroup="S0ONCALL01", users=(GUS,))
    directory = directory_of(web, Policy(oncall=oncall, people=people))
    gus = await directory.actor(GUS)
    assert (gus.on_call, gus.barred) == (False, "")
    for owner in owned_by(slack, GUS):
        assert gus.owns(owner)
        assert tuple((await directory.owners(owner)).users) == (GUS,)


async def test_a_click_from_another_team_is_nobodys(web: AsyncWebClient) -> None:
    directory = directory_of(web)
    assert (await directory.actor(OLIVIA, team="T0PARTNER1")).barred
    assert not (await directory.actor(OLIVIA, team="T0SANDBOX1")).barred


async def test_what_is_dangerous_is_decided_on_what_slack_says_now(
    slack: SlackServer, web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOW_TTL_S", BRIEF_S)
    directory = directory_of(web)
    assert (await directory.actor(NADIA)).on_call
    assert (await directory.actor(NADIA, now=True)).on_call
    slack.state.workspace.groups["S0ONCALL01"].users.remove(NADIA)
    slack.state.workspace.members[OLIVIA].is_restricted = True
    await asyncio.sleep(2 * BRIEF_S)
    assert (await directory.actor(NADIA)).on_call, "what is safe may go by what was known before"
    assert not (await directory.actor(NADIA, now=True)).on_call
    assert (await directory.actor(OLIVIA, now=True)).barred


def test_now_means_a_few_seconds() -> None:
    assert module.NOW_TTL_S <= 5


@pytest.mark.parametrize("error", ["ratelimited", "invalid_auth", "missing_scope"])
async def test_while_slack_cant_say_nobody_is_let_in_by_what_was_known_before(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession, error: str
) -> None:
    directory = directory_of(web)
    by_email, _ = owned_by(slack, OLIVIA)
    assert (await directory.actor(OLIVIA)).owns(by_email)
    await http.put("/_refusals", json=[{"method": "users.info", "error": error}])
    now = await directory.actor(OLIVIA, now=True)
    assert not now.owns(by_email)
    assert now.doubt == "Slack did not say right now who you are. Try again in a minute."
    assert (await directory.actor(OLIVIA)).owns(by_email)


def _group(slack: SlackServer, *users: str) -> None:
    oncall = slack.state.workspace.groups["S0ONCALL01"]
    slack.state.workspace.groups["S0WEBTEAM1"] = replace(oncall, id="S0WEBTEAM1", users=list(users))


async def test_members_of_a_user_group_are_its_owners_people_and_a_group_that_is_none_is_named(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    _group(slack, OLIVIA, NADIA)
    team = Owner(slack_users=(NADIA,), usergroups=("S0WEBTEAM1", "S0NOBODY01"), source="tag owner")
    whole, notice = await directory_of(web).with_members(team)
    assert whole.slack_users == (NADIA, OLIVIA)
    assert "S0NOBODY01, a user group that Slack does not show to the bot (no_such_subteam)" in notice


async def test_a_member_of_a_group_is_in_it_until_they_leave(
    slack: SlackServer, web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOW_TTL_S", BRIEF_S)
    _group(slack, OLIVIA)
    team, directory = Owner(usergroups=("S0WEBTEAM1", "S0NOBODY01")), directory_of(web)
    olivia = Actor(slack_user=OLIVIA)
    known = await directory.of(olivia, team, now=True)
    assert known.owns(team)
    assert "did not say who is in S0NOBODY01" in known.doubt
    assert not (await directory.of(Actor(slack_user=NADIA), team, now=True)).owns(team)
    slack.state.workspace.groups["S0WEBTEAM1"].users.clear()
    await asyncio.sleep(2 * BRIEF_S)
    assert not (await directory.of(olivia, team, now=True)).owns(team)


async def test_a_private_channel_owns_by_its_members_and_a_public_one_that_anybody_can_join_does_not(
    web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    made: list[str] = []
    for name, private in (("web-private", True), ("web-public", False)):
        order = {"name": name, "private": private, "bot_is_member": True, "join": ["olivia"]}
        async with http.post("/_channels", json=order) as answer:
            made.append(str((await answer.json())["ids"][0]))
    directory, olivia = directory_of(web), Actor(slack_user=OLIVIA)
    for channel, owns in zip(made, (True, False), strict=True):
        owner = Owner(channels=(channel,))
        assert (await directory.of(olivia, owner)).owns(owner) is owns
        assert not (await directory.of(Actor(slack_user=NADIA), owner)).owns(owner)
