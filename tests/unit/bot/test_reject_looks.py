"""The Reject dialog: where its plan is old, the workers look again, and a rejection waits for nothing."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.answers.deciding.reject import FRESH, Reject
from bot.cards.notices import Notices
from bot.requests import Clicked, Submitted
from tests import builders as a
from tests.looking import answer_lookup, look_up
from tests.rig import Rig
from tests.unit.bot.commands.test_dry_run import Slack
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.foresight.lookups import Lookup, LookupKind
from workers.domain.errors import DependencyAway, NotAllowed
from workers.domain.messages import Complete, Message
from workers.domain.nudges import Subject
from workers.domain.ports.store import Commit

STRANGER = a.actor(slack_user="U0NOBODY1", email="nobody@contoso.com", name="Nobody")

CHOSEN = {"why": {"why": {"selected_option": {"value": "stranger"}}}}


class Bot:
    def __init__(self, rig: Rig) -> None:
        self.rig, self.slack = rig, Slack()
        self.looked = look_up(rig)
        services = cast(
            "Any",
            SimpleNamespace(
                store=rig.store,
                clock=rig.clock,
                decide=rig.decide,
                look_up=self.looked,
                dialogs=self.slack,
            ),
        )
        self.reject = Reject(services)
        self.notices = Notices(
            renderer=cast("Any", None),
            store=rig.store,
            dialogs=cast("Any", self.slack),
            views={LookupKind.REJECTION: self.reject.shown},
            clock=rig.clock,
        )

    async def press(self, approval: Approval) -> None:
        async def opened(view: dict[str, Any]) -> None:
            self.slack.show(view)

        clicked = Clicked(actor=a.actor(), value=approval.id, open_dialog=opened)
        await self.reject.pressed(clicked)

    async def answer(self) -> object:
        (nudge,) = self.rig.worked(Subject.LOOKUP)
        await answer_lookup(self.rig)(nudge.id)
        notice = next(n for n in self.rig.nudger.to_notices if n.subject is Subject.LOOKUP)
        body = notice.model_dump_json().encode()
        return await self.notices(Message(body=body, message_id="m"))

    @property
    def view(self) -> dict[str, Any]:
        (view,) = self.slack.open.values()
        return view


@pytest.fixture
def bot(rig: Rig) -> Bot:
    return Bot(rig)


async def old(bot: Bot) -> Approval:
    approval = await bot.rig.asked()
    bot.rig.clock.advance(FRESH + timedelta(seconds=1))
    bot.rig.nudger.clear()
    return approval


async def test_a_fresh_plan_is_shown_as_it_is(bot: Bot) -> None:
    approval = await bot.rig.asked()
    assert approval.plan.as_of is not None
    bot.rig.clock.to(approval.plan.as_of)
    await bot.press(approval)
    assert bot.rig.worked(Subject.LOOKUP) == []
    assert "external_id" not in bot.view


async def test_an_old_plan_is_shown_at_once_and_the_fresh_one_takes_its_place(bot: Bot) -> None:
    approval = await old(bot)
    await bot.press(approval)
    assert "Asking Azure how it is now" in bot.slack.shown()
    bot.rig.facts.answer = a.facts(gathered_at=bot.rig.clock.now())
    assert await bot.answer() == Complete()
    assert "Asking Azure" not in bot.slack.shown()
    assert bot.view["private_metadata"] == approval.id
    assert bot.view["submit"]["text"] == "Reject and contain"
    asked = [one["block_id"] for one in bot.view["blocks"] if one["type"] == "input"]
    assert asked == ["why", "reason"], "what was entered stays"


async def test_a_rejection_need_not_wait_for_the_answer(bot: Bot) -> None:
    approval = await old(bot)
    await bot.press(approval)
    await bot.reject.submitted(Submitted(actor=a.actor(), view={**bot.view, "state": {"values": CHOSEN}}))
    assert (await bot.rig.store.approval(approval.id)).state is ApprovalState.REJECTED
    before = dict(bot.slack.open)
    await bot.answer()
    assert bot.slack.open == before, "a closed question's dialog is left as it is"


async def test_where_the_question_can_not_be_asked_the_dialog_opens_all_the_same(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> Lookup:
        raise DependencyAway("redis", "away")

    approval = await old(bot)
    monkeypatch.setattr(bot.looked, "before_rejecting", away)
    await bot.press(approval)
    assert bot.view["submit"]["text"] == "Reject and contain"


async def test_who_may_not_reject_may_not_look_either(bot: Bot) -> None:
    approval = await old(bot)
    with pytest.raises(NotAllowed):
        await bot.looked.before_rejecting(approval, STRANGER)
    lookup = await bot.looked.before_rejecting(approval, a.actor())
    forged = lookup.changed(by=STRANGER)
    await bot.rig.store.commit(Commit(partition=int(lookup.id[1], 16), documents=(forged,)))
    bot.rig.facts.asked.clear()
    await answer_lookup(bot.rig)(lookup.id)
    assert bot.rig.facts.asked == []
    assert "Only" in (await bot.rig.store.lookup(lookup.id)).failed


async def test_a_question_about_another_vm_is_not_answered(bot: Bot) -> None:
    approval = await old(bot)
    lookup = await bot.looked.before_rejecting(approval, a.actor())
    same = a.vm_ref(name="another")
    forged = lookup.changed(vm=same)
    await bot.rig.store.commit(Commit(partition=int(lookup.id[1], 16), documents=(forged,)))
    bot.rig.facts.asked.clear()
    await answer_lookup(bot.rig)(lookup.id)
    assert bot.rig.facts.asked == []
    assert "another VM" in (await bot.rig.store.lookup(lookup.id)).failed
