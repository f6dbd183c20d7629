"""The one message about containments beyond the cap, its buttons, and what an answer leads to."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.answers.oncall.cap import CapAnswers
from bot.cards.blocks.brakes.cap_card import GO_ON, HOLD, cap_card, from_button
from bot.cards.blocks.oncall.containment_card import lockdown_card
from bot.requests import Clicked
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a
from tests.unit.bot.cards.posting_rig import ONCALL, Posting
from tests.unit.bot.commands.test_strangers import Bot
from workers.domain.asking.cards import CopyKind
from workers.domain.containment.brakes.cap import CapAsked, CapQuestion
from workers.domain.containment.brakes.held import Held, HeldBy
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, Message
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.store import Commit

MENTION = "<!subteam^S0ONCALL1>"
LATER = a.NOW + timedelta(minutes=1)


def question(*names: str) -> CapQuestion:
    made = CapQuestion()
    for n, name in enumerate(names):
        made = made.with_waiting(f"c0{n:024}", name, 20, a.NOW)
    return made


def asked(made: CapQuestion) -> CapAsked:
    assert made.asked is not None
    return made.asked


def shown(one: CapAsked) -> str:
    message = cap_card(one, MENTION)
    assert check_blocks(message.blocks, "message") == []
    return json.dumps(message.blocks, ensure_ascii=False)


def test_it_calls_on_call_and_names_what_waits() -> None:
    text = shown(asked(question("vm-web-01", "vm-<b>")))
    assert f"{MENTION}: *more than 20 containments within an hour.*" in text
    assert "`vm-web-01`" in text
    assert "vm-&lt;b&gt;" in text
    assert "2 containments waiting" in text
    assert GO_ON in text
    assert HOLD in text


def test_of_many_it_names_some_and_stays_what_slack_takes() -> None:
    text = shown(asked(question(*(f"vm-{'x' * 60}{n}" for n in range(400)))))
    assert "380 more VMs" in text


def test_an_answer_stands_in_its_place_with_who_gave_it() -> None:
    gone = question("one", "two").answered(1, 2, a.oncall(), LATER, go_on=True)
    assert "*2 containments went on*, by *Olga Oncall*" in shown(asked(gone))
    assert GO_ON not in shown(asked(gone))
    held = question("one").answered(1, 1, a.oncall(), LATER, go_on=False)
    assert "*Held back* by *Olga Oncall*" in shown(asked(held))
    assert GO_ON in shown(asked(held)), "they may think better of it"


@pytest.mark.parametrize("value", ["", "1", "a:b", "1:2:3", "-1:2", "1:" + "9" * 30])
def test_a_forged_button_names_no_question(value: str) -> None:
    assert from_button(value) == (0, 0)


def test_what_waits_says_so_on_its_own_card() -> None:
    waits = a.containment(held=Held(by=HeldBy.CAP, since=a.NOW, until=LATER))
    text = json.dumps(lockdown_card(waits).blocks, ensure_ascii=False)
    assert "*It waits:* more VMs are being contained within an hour" in text


async def _never(_view: dict[str, Any]) -> None:
    raise AssertionError("opens no dialog")


@pytest.fixture
def posting() -> Posting:
    return Posting()


async def put(posting: Posting, made: CapQuestion) -> CapQuestion:
    await posting.store.commit(Commit(partition=partition_of_id(made.id), documents=(made,)))
    return await posting.store.cap_question()


async def nudged(posting: Posting) -> None:
    nudge = Nudge(subject=Subject.CAP, id=CapQuestion().id, version=1)
    assert await posting.renderer(Message(body=nudge.model_dump_json().encode())) == Complete()


async def test_it_is_one_message_to_on_call_that_grows_and_the_next_question_is_another(
    posting: Posting,
) -> None:
    first = await put(posting, question("one"))
    await nudged(posting)
    second = await put(posting, first.with_waiting("c0" + "9" * 24, "two", 20, LATER))
    await nudged(posting)
    assert (len(posting.slack.posted), len(posting.slack.edits)) == (1, 1)
    (copy,) = (await posting.store.card(asked(second).card_id)).copies
    assert (copy.kind, copy.channel, copy.sent) == (CopyKind.ONCALL, ONCALL, True)
    answered = second.answered(1, 2, a.oncall(), LATER, go_on=True)
    await put(posting, answered.with_waiting("c0" + "8" * 24, "three", 20, LATER))
    await nudged(posting)
    assert len(posting.slack.posted) == 2
    assert len(posting.slack.edits) == 2, "the one before shows its answer, though the next came at once"
    assert await posting.unshown() == []


async def test_the_button_has_those_go_on_that_its_message_showed(posting: Posting) -> None:
    await put(posting, question("one", "two"))
    answers = CapAnswers(Bot(posting, a.oncall()).services)
    told = await answers.go_on(Clicked(actor=a.oncall(), value="1:1", open_dialog=_never))
    assert "Going on with 1 containment." in str(told.blocks)
    again = await answers.hold(Clicked(actor=a.oncall(), value="1:1", open_dialog=_never))
    assert "Olga Oncall had 1 of them go on. Your answer was not recorded." in str(again.blocks)


async def test_hold_holds_for_an_hour_and_nobody_else_answers(posting: Posting) -> None:
    await put(posting, question("one"))
    answers = CapAnswers(Bot(posting, a.oncall()).services)
    with pytest.raises(NotAllowed):
        await answers.hold(Clicked(actor=a.actor(), value="1:1", open_dialog=_never))
    told = await answers.hold(Clicked(actor=a.oncall(), value="1:1", open_dialog=_never))
    assert "1 containment held back until" in str(told.blocks)
    stored = asked(await posting.store.cap_question())
    assert stored.held(posting.clock.now()) is not None
