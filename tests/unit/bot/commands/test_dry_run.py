"""``/vm-lockdown … --dry-run``: a dialog opens, is changed by the answer, and says when none comes."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.cards import looking
from bot.cards.blocks.plans.looked_up import lookup_dialog
from bot.cards.notices import Notices
from bot.commands.answered import answered_views
from bot.commands.lockdown import COMMAND
from bot.flow import Flow
from bot.slack.errors import Refused
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as a
from tests.looking import answer_lookup
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.containment.foresight.drills import Obstacle
from workers.domain.containment.foresight.lookups import Foresight, Lookup
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.messages import Complete, Later, Message
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.limits import Guard
from workers.domain.starts.people import Actor

WEB = a.known_vm()


class Slack:
    """One person's dialogs, by their external id."""

    def __init__(self) -> None:
        self.open: dict[str, dict[str, Any]] = {}
        self.told: list[str] = []
        self.refuses = ""

    async def views_open(self, *, view: dict[str, Any], **_: object) -> None:
        self.show(view)

    async def change(self, view: dict[str, Any]) -> bool:
        if self.refuses:
            raise Refused(self.refuses)
        if view["external_id"] not in self.open:
            return False
        self.show(view)
        return True

    def show(self, view: dict[str, Any]) -> None:
        assert check_view(view, "modal") == []
        self.open[view.get("external_id", "")] = view

    async def ack(self, **_: object) -> None:
        pass

    async def respond(self, **answer: object) -> Any:
        self.told.append(str(answer))
        return SimpleNamespace(status_code=200, body="")

    def shown(self) -> str:
        return str(list(self.open.values()))


class Bot:
    def __init__(self, rig: Rig, actor: Actor) -> None:
        self.rig, self.slack, self._actor = rig, Slack(), actor
        self.services = services_of(rig, SimpleNamespace(actor=self._who), dialogs=self.slack)
        self.notices = Notices(
            renderer=cast("Any", None),
            store=rig.store,
            dialogs=cast("Any", self.slack),
            views=answered_views(self.services),
            clock=rig.clock,
        )

    async def _who(self, _user: str, **_: object) -> Actor:
        return self._actor

    async def type(self, text: str) -> None:
        listener = Flow(self.services).command(COMMAND, COMMAND.listener(self.services).typed)
        body = {"text": text, "user_id": self._actor.slack_user, "trigger_id": "t"}
        await listener(ack=self.slack.ack, body=body, client=self.slack, respond=self.slack.respond)

    async def notice(self) -> object:
        (nudge,) = [one for one in self.rig.nudger.to_notices if one.subject is Subject.LOOKUP]
        return await self.notices(_message(nudge))


def _message(nudge: Nudge) -> Message:
    return Message(body=nudge.model_dump_json().encode(), message_id=nudge.message_id)


@pytest.fixture
async def bot(rig: Rig) -> Bot:
    await rig.inventory.put([WEB])
    return Bot(rig, a.oncall())


async def answered(bot: Bot) -> None:
    (nudge,) = bot.rig.worked(Subject.LOOKUP)
    await answer_lookup(bot.rig)(nudge.id)


async def test_it_opens_a_dialog_and_contains_nothing(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} --dry-run odd traffic")
    assert "Asking Azure" in bot.slack.shown()
    assert "nothing is changed" in bot.slack.shown()
    assert (await bot.rig.store.vm_record(WEB.ref)).containment_id is None


async def test_the_answer_takes_the_place_of_what_was_known(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} --dry-run")
    await answered(bot)
    assert await bot.notice() == Complete()
    assert "Asking Azure" not in bot.slack.shown()
    assert f"isolate {WEB.ref.name}" in bot.slack.shown()
    assert "Based on the VM" in bot.slack.shown()


async def test_the_plan_of_an_open_question_is_shown_meanwhile(bot: Bot) -> None:
    await bot.rig.asked()
    await bot.type(f"{WEB.ref.name} --dry-run")
    assert "Asking Azure" in bot.slack.shown()
    assert f"isolate {WEB.ref.name}" in bot.slack.shown()


async def test_an_answer_that_is_faster_than_the_dialog_comes_again(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} --dry-run")
    await answered(bot)
    dialogs, bot.slack.open = bot.slack.open, {}
    assert isinstance(await bot.notice(), Later)
    bot.slack.open = dialogs
    assert await bot.notice() == Complete()
    bot.slack.open = {}
    bot.rig.clock.advance(timedelta(minutes=1))
    assert await bot.notice() == Complete()  # it was closed


async def test_a_dialog_that_slack_refuses_ends_the_notice(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} --dry-run")
    await answered(bot)
    bot.slack.refuses = "invalid_arguments"
    assert await bot.notice() == Complete()


async def test_where_no_answer_comes_the_dialog_says_so(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "ANSWERED_WITHIN", timedelta(seconds=0.01))
    await bot.type(f"{WEB.ref.name} --dry-run")
    async with asyncio.timeout(PATIENCE_S):
        while "have not answered" not in bot.slack.shown():  # noqa: ASYNC110 - the dialog has no event
            await asyncio.sleep(0.01)
    await answered(bot)
    assert await bot.notice() == Complete()  # late, and shown all the same
    assert "have not answered" not in bot.slack.shown()


async def test_an_unknown_profile_or_option_is_said_and_contains_nothing(bot: Bot) -> None:
    for text in ("profile=hard", "--dryrun", "profile="):
        await bot.type(f"{WEB.ref.name} {text} odd traffic")
    assert "There is no lockdown profile hard. There are: standard." in bot.slack.told[0]
    assert "There is no option --dryrun" in bot.slack.told[1]


async def test_a_profile_that_is_named_is_the_one_that_is_used(bot: Bot) -> None:
    hard = LockdownProfile(name="hard")
    bot.rig.policy = a.policy(lockdowns={"standard": LockdownProfile(), "hard": hard})
    await bot.type(f"{WEB.ref.name} profile=hard --yes odd traffic")
    record = await bot.rig.store.vm_record(WEB.ref)
    containment = await bot.rig.store.containment(record.containment_id or "")
    assert (containment.profile.name, containment.cause.reason) == ("hard", "odd traffic")


@pytest.mark.parametrize("text", ["nowhere --dry-run", "vm- --dry-run"])
async def test_a_dry_run_of_no_certain_vm_looks_up_nothing(bot: Bot, text: str) -> None:
    other = a.known_vm(ref=a.vm_ref(name="vm-db-01"))
    await bot.rig.inventory.put([other])
    await bot.type(text)
    assert bot.rig.worked(Subject.LOOKUP) == []


def test_a_failure_is_said_with_its_reason() -> None:
    lookup = Lookup(
        id=f"q0{'0' * 24}", vm=a.vm_ref(), profile=LockdownProfile(), by=a.oncall(), asked_at=a.NOW
    )
    failed = str(lookup_dialog(lookup.failed_because(a.NOW, "azure: throttles <!channel>")))
    assert "throttles" in failed
    assert "<!channel>" not in failed
    found = str(lookup_dialog(lookup.answered(a.NOW, Foresight(plan=a.plan()))))
    assert a.plan().steps[0].change.summary in found


async def test_a_drill_says_what_would_stop_the_lockdown(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} drill")
    assert "Drill: nothing is changed" in bot.slack.shown()
    (nudge,) = bot.rig.worked(Subject.LOOKUP)
    locked = Obstacle(step=StepName.STOP, why="the ReadOnly lock <!here> on it", remedy="remove the lock")
    await answer_lookup(bot.rig, locked)(nudge.id)
    assert await bot.notice() == Complete()
    shown = bot.slack.shown()
    assert "Not everything could be done" in shown
    assert "*Stop:* the ReadOnly lock" in shown.replace("The", "the")
    assert "Remove the lock." in shown
    assert "<!here>" not in shown
    assert (await bot.rig.store.vm_record(WEB.ref)).containment_id is None


async def test_a_drill_that_finds_nothing_says_so(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} drill")
    await answered(bot)
    await bot.notice()
    assert "Everything could be done" in bot.slack.shown()
    assert "about 40 s" in bot.slack.shown()


@pytest.mark.parametrize("how", ["--dry-run", "drill"])
async def test_a_guarded_vm_says_so_and_shows_no_plan(bot: Bot, how: str) -> None:
    bot.rig.policy = a.policy(never=(Guard(name="web <!here>", when="true"),))
    await bot.type(f"{WEB.ref.name} {how}")
    await answered(bot)
    await bot.notice()
    shown = bot.slack.shown()
    assert "The policy never contains" in shown
    assert "<!here>" not in shown
    assert "isolate" not in shown
