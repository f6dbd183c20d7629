"""App Home: what each person sees of it, when it is published, and that nobody sees what is not theirs."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.commands.registry import COMMANDS
from bot.home import homes as homes_module
from bot.home.homes import Homes
from bot.home.trouble import trouble_line
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.telemetry.health import Health

OWNER, ONCALL = a.actor(), a.oncall()
STRANGER = a.actor(slack_user="U0SAM0001", name="Sam", email="sam@contoso.com")
BARRED = a.actor(slack_user="U0GUEST01", name="Gus", barred="Guests can't use Startgate.")
PEOPLE = {one.slack_user: one for one in (OWNER, ONCALL, STRANGER, BARRED)}
DB = a.vm_ref(name="vm-db-01")


class Directory:
    async def actor(self, user: str, **_how: object) -> Actor:
        return PEOPLE[user]


class Refusal(dict[str, Any]):
    status_code = 200
    headers: dict[str, str] = {}


class Slack:
    """Keeps Homes as Slack does: a publication with another hash than that of what is there is refused."""

    def __init__(self) -> None:
        self.homes: dict[str, dict[str, Any]] = {}
        self.published: list[tuple[str, float]] = []
        self.conflicts = 0

    async def views_publish(self, *, user_id: str, view: dict[str, Any], hash: str = "") -> Any:  # noqa: A002
        assert check_view(view, "home") == []
        there = self.homes.get(user_id)
        if hash and there is not None and there["hash"] != hash:
            self.conflicts += 1
            raise SlackApiError("x", Refusal(error="hash_conflict"))
        self.homes[user_id] = {**view, "hash": f"h{len(self.published)}"}
        self.published.append((user_id, asyncio.get_running_loop().time()))
        return {"view": self.homes[user_id]}


class Bot:
    def __init__(self, rig: Rig) -> None:
        self.slack, self.trouble = Slack(), ""
        services = services_of(rig, Directory())
        self.homes = Homes(self.slack, services, COMMANDS, lambda: self.trouble)  # type: ignore[arg-type]

    async def opens(self, who: Actor) -> str:
        before = len(self.slack.published)
        self.homes.opened(who.slack_user)
        await self.until(before + 1)
        return str(self.slack.homes[who.slack_user])

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.slack.published) < count:  # noqa: ASYNC110 - the double has no event
                await asyncio.sleep(0.005)


@pytest.fixture
async def bot(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(homes_module, "EVERY_S", 0.2)
    monkeypatch.setattr(homes_module, "_APART_S", 0.01)
    await rig.inventory.put([a.known_vm(), a.known_vm(ref=DB, tags={"owner": "somebody@contoso.com"})])
    made = Bot(rig)
    running = asyncio.create_task(made.homes.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_owner_sees_what_asks_them_with_buttons_and_their_vms_starts(rig: Rig, bot: Bot) -> None:
    asked = await rig.asked()
    seen = await bot.opens(OWNER)
    for words in ("Waiting for you: 1", f"{asked.id}:1", "approval.confirm", "Your VMs, lately", "/vm-help"):
        assert words in seen
    assert "On call" not in seen
    assert "/vm-lockdown" not in seen


async def test_a_stranger_sees_no_vm(rig: Rig, bot: Bot) -> None:
    await rig.asked()
    await rig.lock_down(DB, ONCALL, LockdownProfile())
    seen = await bot.opens(STRANGER)
    assert "Nothing waits for you." in seen
    assert "vm-web-01" not in seen
    assert "vm-db-01" not in seen


async def test_who_does_not_count_is_told_so(bot: Bot) -> None:
    assert "Guests can't use Startgate." in await bot.opens(BARRED)


async def test_on_call_sees_what_is_open_what_is_contained_and_how_startgate_is(rig: Rig, bot: Bot) -> None:
    await rig.asked()
    older = (await rig.lock_down(DB, ONCALL, LockdownProfile(), reason="odd")).containment
    bot.trouble = "Slack is throttled."
    seen = await bot.opens(ONCALL)
    for words in ("Open questions: 1", "1 VM contained", "vm-db-01", "odd", "Slack is throttled."):
        assert words in seen
    assert older.state is ContainmentState.PLANNED


async def test_it_changes_when_something_changes_and_not_otherwise(rig: Rig, bot: Bot) -> None:
    asked = await rig.asked()
    await bot.opens(OWNER)
    bot.homes.changed()
    await asyncio.sleep(0.3)
    assert len(bot.slack.published) == 1, "nothing is another"
    await rig.decide(Answer.CONFIRM, asked.id, OWNER)
    bot.homes.changed()
    await bot.until(2)
    assert "Nothing waits for you." in str(bot.slack.homes[OWNER.slack_user])


async def test_however_often_something_changes_a_home_is_published_once_in_a_while(
    rig: Rig, bot: Bot
) -> None:
    asked = await rig.asked()
    await bot.opens(OWNER)
    for n in range(20):
        current = await rig.store.approval(asked.id)
        await rig.store.commit(
            Commit(partition=partition_of_id(asked.id), documents=(current.changed(notice=f"{n}"),))
        )
        bot.homes.changed()
        await asyncio.sleep(0.025)
    times = [at for _, at in bot.slack.published]
    assert 2 <= len(times) <= 5
    assert all(later - earlier >= 0.19 for earlier, later in itertools.pairwise(times))


async def test_what_another_process_has_published_gives_way_to_what_is_newer(rig: Rig, bot: Bot) -> None:
    await bot.opens(OWNER)
    bot.slack.homes[OWNER.slack_user]["hash"] = "another process was here"
    await rig.asked()
    bot.homes.changed()
    await bot.until(2)
    assert bot.slack.conflicts == 1
    assert "Waiting for you: 1" in str(bot.slack.homes[OWNER.slack_user])


async def test_many_questions_and_containments_stay_within_a_hundred_blocks(rig: Rig, bot: Bot) -> None:
    for n in range(40):
        vm = a.vm_ref(name=f"vm-{n:02}")
        await rig.asked(a.start_event(vm=vm, correlation_id=f"c0ffee00-0000-4000-8000-0000000000{n:02}"))
        await rig.lock_down(a.vm_ref(name=f"held-{n:02}"), ONCALL, LockdownProfile(), reason="<!here> " * 60)
    seen = await bot.opens(ONCALL)
    assert len(bot.slack.homes[ONCALL.slack_user]["blocks"]) <= 100
    assert "25 more: `/vm-approvals open`" in seen
    assert "<!here>" not in seen


async def test_delegations_are_shown_and_bring_the_questions_of_who_gave_them(rig: Rig, bot: Bot) -> None:
    asked = await rig.asked()
    delegations = await rig.store.delegations()
    now = rig.clock.now()
    one = delegations.begun(OWNER, STRANGER, now, now + timedelta(hours=4), timedelta(days=1))
    await rig.store.commit(Commit(partition=partition_of_id(one.id), documents=(one,)))
    seen = await bot.opens(STRANGER)
    assert f"You answer in the stead of <@{OWNER.slack_user}>" in seen
    assert f"{asked.id}:1" in seen
    assert seen.count(f"You answer in the stead of <@{OWNER.slack_user}>") == 2, "below the question, too"
    assert f"<@{STRANGER.slack_user}> answers in your stead" in await bot.opens(OWNER)


def test_one_line_says_what_is_not_well() -> None:
    health = Health("redis", "slack")
    assert trouble_line(health.as_json()) == ""
    health.away("slack", "no answer")
    health.trouble("channel", "The bot was removed from #vm-oncall")
    assert trouble_line(health.as_json()) == "Slack is away; The bot was removed from #vm-oncall."
