"""``/vm-restore``: the dialog shows what was recorded, then how it is now, and ``--dry-run`` only shows."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.cards import looking
from bot.cards.notices import Notices
from bot.cards.replies.containment.restore_thread import restore_replies
from bot.commands.answered import answered_views
from bot.commands.restore import COMMAND, _parsed
from bot.commands.restore_blocks import Options
from bot.flow import Flow
from bot.requests import Submitted
from deploy.sandbox.client import PATIENCE_S
from tests import builders as a
from tests.looking import answer_lookup
from tests.rig import Rig
from tests.unit.bot.commands.test_dry_run import Slack
from tests.unit.bot.services_rig import services_of
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.spec import StepName
from workers.domain.ids import partition_of_vm
from workers.domain.messages import Complete, Message
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.people import TwoPersons
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRecord

WEB = a.known_vm()
FOUND = (
    Return(
        step=StepName.ISOLATE,
        lines=("nic-1: NSG lock now \u2192 NSG <!here>",),
        drift=("nic-2: has NSG mine",),
    ),
)


class Bot:
    def __init__(self, rig: Rig) -> None:
        self.rig, self.slack = rig, Slack()
        self.services = services_of(rig, SimpleNamespace(actor=self._who), dialogs=self.slack)
        self.notices = Notices(
            renderer=cast("Any", None),
            store=rig.store,
            dialogs=cast("Any", self.slack),
            views=answered_views(self.services),
            clock=rig.clock,
        )

    async def _who(self, _user: str, **_: object) -> Actor:
        return a.oncall()

    async def type(self, text: str) -> None:
        listener = Flow(self.services).command(COMMAND, COMMAND.listener(self.services).typed)
        body = {"text": text, "user_id": a.oncall().slack_user, "trigger_id": "t"}
        await listener(ack=self.slack.ack, body=body, client=self.slack, respond=self.slack.respond)

    async def answer(self, *returns: Return) -> object:
        nudge = self.rig.worked(Subject.LOOKUP)[-1]
        await answer_lookup(self.rig, returns=returns)(nudge.id)
        notice = next(n for n in self.rig.nudger.to_notices if n.subject is Subject.LOOKUP)
        return await self.notices(_message(notice))

    @property
    def view(self) -> dict[str, Any]:
        (view,) = self.slack.open.values()
        return view


def _message(nudge: Nudge) -> Message:
    return Message(body=nudge.model_dump_json().encode(), message_id=nudge.message_id)


@pytest.fixture
async def bot(rig: Rig) -> Bot:
    containment = a.containment(version=0, state=ContainmentState.CONTAINED)
    record = VmRecord(vm=WEB.ref, containment_id=containment.id)
    await rig.store.commit(Commit(partition=partition_of_vm(WEB.ref.key), documents=(containment, record)))
    await rig.inventory.put([WEB])
    return Bot(rig)


async def test_what_was_recorded_is_shown_at_once_and_how_it_is_now_afterwards(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} start all is well")
    assert "Asking Azure how it is now" in bot.slack.shown()
    assert await bot.answer(*FOUND) == Complete()
    shown = bot.slack.shown()
    assert "nic-1: NSG lock now" in shown.replace("\u2236", ":")
    assert "\u26a0\ufe0f nic-2" in shown
    assert "<!here>" not in shown
    assert "Read in Azure" in shown
    assert (bot.view["submit"]["text"], bot.view["callback_id"]) == ("Restore", "restore.confirm")


async def test_the_fields_stay_so_that_what_was_typed_stays(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} all is well")
    before = [
        (one["block_id"], one["element"]["action_id"]) for one in bot.view["blocks"] if "element" in one
    ]
    await bot.answer(*FOUND)
    after = [(one["block_id"], one["element"]["action_id"]) for one in bot.view["blocks"] if "element" in one]
    assert before == after != []


async def test_a_dry_run_can_not_be_submitted(bot: Bot) -> None:
    await bot.type(f"{WEB.ref.name} --dry-run")
    await bot.answer(*FOUND)
    assert "Dry run: nothing is changed" in bot.slack.shown()
    assert "submit" not in bot.view
    assert not any("element" in block for block in bot.view["blocks"])
    containment = await bot.rig.store.containment(a.containment().id)
    assert containment.state is ContainmentState.CONTAINED


async def test_a_vm_that_was_contained_anew_meanwhile_is_not_shown_as_if_it_were_the_same(bot: Bot) -> None:
    await bot.type(WEB.ref.name)
    containment = await bot.rig.store.containment(a.containment().id)
    again = containment.once_more(bot.rig.clock.now())
    await bot.rig.store.commit(Commit(partition=partition_of_vm(WEB.ref.key), documents=(again,)))
    carried = bot.view["private_metadata"]
    await bot.answer(*FOUND)
    assert bot.view["private_metadata"] == carried
    assert "nic-1" not in bot.slack.shown()


async def test_where_no_answer_comes_the_restore_is_still_offered(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "ANSWERED_WITHIN", timedelta(seconds=0.01))
    await bot.type(WEB.ref.name)
    async with asyncio.timeout(PATIENCE_S):
        while "have not answered" not in bot.slack.shown():  # noqa: ASYNC110 - the dialog has no event
            await asyncio.sleep(0.01)
    assert bot.view["submit"]["text"] == "Restore"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web start why", Options(start=True, reason="why")),
        ("web --dry-run", Options(dry_run=True)),
        ("web start \u2014dry-run", Options(start=True, dry_run=True)),
        ("web why --dry-run", Options(reason="why", dry_run=True)),
    ],
)
def test_what_follows_the_vm(text: str, found: Options) -> None:
    assert _parsed(text)[:2] == ("web", found)


class TestTwoPersons:
    SECOND = Actor(slack_user="U0SECOND1", name="Sven", on_call=True)

    @pytest.fixture(autouse=True)
    def _needed(self, bot: Bot) -> None:
        bot.rig.policy = a.policy(two_person=TwoPersons(restore=True))

    async def submit(self, bot: Bot, by: Actor) -> dict[str, Any]:
        view = {**bot.view, "state": {"values": {"reason": {"reason": {"value": "it is <!here> fine"}}}}}
        outcome = await COMMAND.listener(bot.services).dialogs["restore.confirm"](
            Submitted(actor=by, view=view)
        )
        return {"view": outcome.view, "message": outcome.message}

    async def test_the_first_one_is_told_that_nothing_is_restored_yet(self, bot: Bot) -> None:
        await bot.type(WEB.ref.name)
        assert bot.view["submit"]["text"] == "Ask to restore"
        assert "Two persons are needed" in bot.slack.shown()
        said = await self.submit(bot, a.oncall())
        assert "Nothing is restored yet" in str(said["message"])

    async def test_the_second_one_sees_who_asked_and_why_and_can_change_nothing_of_it(self, bot: Bot) -> None:
        await bot.type(WEB.ref.name)
        await self.submit(bot, a.oncall())
        bot.slack.open.clear()
        await bot.type(WEB.ref.name)
        shown = bot.slack.shown()
        assert "A second person is needed" in shown
        assert a.oncall().name in shown
        assert "fine" in shown
        assert "<!here>" not in shown
        assert bot.view["submit"]["text"] == "Confirm restore"
        assert "start" not in {block.get("block_id") for block in bot.view["blocks"]}
        said = await self.submit(bot, self.SECOND)
        assert "Restoring" in str(said["message"])

    async def test_oncall_is_called_in_the_thread_with_both_names_in_the_end(self, bot: Bot) -> None:
        await bot.type(WEB.ref.name)
        await self.submit(bot, a.oncall())
        containment = await bot.rig.store.containment(a.containment().id)
        (reply,) = [r for r in restore_replies(containment, "<!subteam^S0ONCALL1>") if r.pages]
        assert "<!subteam^S0ONCALL1>" in str(reply.message.blocks)
        assert "Somebody else of on-call has to confirm it" in str(reply.message.blocks)
        await self.submit(bot, self.SECOND)
        containment = await bot.rig.store.containment(a.containment().id)
        ordered = str(restore_replies(containment, "")[0].message.blocks)
        assert "asked for by" in ordered
        assert "Confirmed by *Sven*" in ordered
