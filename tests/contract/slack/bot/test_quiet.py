"""Who is not to be disturbed: the policy's quiet hours, and Slack's do-not-disturb by the unmodified SDK."""

from datetime import timedelta

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.directory import Directory
from bot.slack.installation import Installation
from bot.slack.pace import Pace
from bot.slack.quiet import SlackQuiet
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import NADIA, OLIVIA, seen
from tests.doubles import FakeClock
from workers.domain.policy.model import Policy
from workers.domain.policy.people import OncallPolicy, PeoplePolicy
from workers.domain.policy.quiet import QuietHours

EMAIL = "olivia@contoso.example"


class Desk:
    def __init__(self, web: AsyncWebClient, clock: FakeClock) -> None:
        self.clock = clock
        self.policy = Policy(oncall=OncallPolicy(usergroup="S0ONCALL01"))
        directory = Directory(web, lambda: self.policy, Installation(web), Pace(clock))
        self.quiet = SlackQuiet(web, lambda: self.policy, clock, directory.members)

    def hours(self, *who: str) -> QuietHours:
        """An hour from now on, in UTC."""
        begin, end = self.clock.now(), self.clock.now() + timedelta(hours=1)
        return QuietHours(who=who, begin=f"{begin:%H:%M}", end=f"{end:%H:%M}")


@pytest.fixture
def desk(web: AsyncWebClient, clock: FakeClock) -> Desk:
    return Desk(web, clock)


async def disturb(slack: SlackServer, begin: float, end: float) -> None:
    order = {"key": "olivia", "dnd_start": int(begin), "dnd_end": int(end)}
    async with aiohttp.ClientSession(slack.url) as http, http.post("/_people", json=order) as answer:
        assert answer.status == 200


async def test_who_has_no_do_not_disturb_may_be_disturbed_and_slack_is_asked_once(
    desk: Desk, slack: SlackServer
) -> None:
    for _ in range(3):
        assert await desk.quiet.until(OLIVIA, EMAIL) is None
    assert sum(entry["method"] == "dnd.info" for entry in seen(slack, "api")) == 1


async def test_while_it_is_on_they_are_left_alone_until_it_ends(desk: Desk, slack: SlackServer) -> None:
    now = desk.clock.now().timestamp()
    await disturb(slack, now - 60, now + 600)
    assert await desk.quiet.until(OLIVIA, EMAIL) == desk.clock.now() + timedelta(seconds=600)
    assert await desk.quiet.until(NADIA, "") is None
    desk.clock.advance(600)
    assert await desk.quiet.until(OLIVIA, EMAIL) is None


async def test_the_next_session_does_not_count_before_it_begins(desk: Desk, slack: SlackServer) -> None:
    now = desk.clock.now().timestamp()
    await disturb(slack, now + 60, now + 600)
    assert await desk.quiet.until(OLIVIA, EMAIL) is None
    then = desk.clock.now() + timedelta(seconds=60)
    assert await desk.quiet.until(OLIVIA, EMAIL, at=then) == desk.clock.now() + timedelta(seconds=600)


async def test_the_policy_may_leave_it_out(desk: Desk, slack: SlackServer) -> None:
    now = desk.clock.now().timestamp()
    await disturb(slack, now - 60, now + 600)
    desk.policy = desk.policy.changed(people=PeoplePolicy(do_not_disturb=False))
    assert await desk.quiet.until(OLIVIA, EMAIL) is None
    assert not any(entry["method"] == "dnd.info" for entry in seen(slack, "api"))


@pytest.mark.parametrize("error", ["missing_scope", "ratelimited", "internal_error"])
async def test_where_slack_does_not_say_they_are_asked(desk: Desk, slack: SlackServer, error: str) -> None:
    async with aiohttp.ClientSession(slack.url) as http:
        await http.put("/_refusals", json=[{"method": "dnd.info", "error": error}])
    assert await desk.quiet.until(OLIVIA, EMAIL) is None


async def test_quiet_hours_are_a_persons_a_groups_or_a_channels(desk: Desk) -> None:
    end = desk.clock.now().replace(second=0, microsecond=0) + timedelta(hours=1)
    for who, user, email in ((EMAIL, OLIVIA, EMAIL), (NADIA, NADIA, ""), ("S0ONCALL01", NADIA, "")):
        desk.policy = desk.policy.changed(quiet_hours=(desk.hours(who),))
        assert await desk.quiet.until(user, email) == end, who
        assert await desk.quiet.until("U0SAM00004", "sam@contoso.example") is None, who
        assert desk.quiet.of_channel("#web-team") is None
    desk.policy = desk.policy.changed(quiet_hours=(desk.hours("#web-team"),))
    assert desk.quiet.of_channel("#web-team") == end
    desk.policy = desk.policy.changed(quiet_hours=(desk.hours("S0NOBODY01"),))
    assert await desk.quiet.until(OLIVIA, EMAIL) is None, "a group that Slack does not show"
