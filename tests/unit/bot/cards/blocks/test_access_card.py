"""The message that asks for a second person: what it says, where it goes, and what its buttons do."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.answers.oncall.access import AccessAnswers
from bot.cards.blocks.access.answers import second_needed
from bot.cards.blocks.access.card import APPROVE, DECLINE, access_card
from bot.requests import Clicked
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a
from tests.unit.bot.cards.posting_rig import ONCALL, Posting
from tests.unit.bot.commands.test_strangers import Bot
from workers.domain.asking.access import AccessRequest, AccessState, WantedDelegation
from workers.domain.asking.cards import CopyKind
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, Message
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.store import Commit
from workers.domain.starts.ahead.expectations import expectation
from workers.domain.starts.ahead.windows import Window
from workers.domain.starts.people import Actor

MENTION = "<!subteam^S0ONCALL1>"
SECOND = Actor(slack_user="U0SECOND1", name="Sven <!here>", email="sven@contoso.com", on_call=True)
SOON = a.NOW + timedelta(minutes=1)
HOSTILE = "<!channel> *now*"


def start(**about: Any) -> AccessRequest:
    span = Window(a.NOW, a.NOW + a.HOUR)
    values = {"by": "Olga", "reason": HOSTILE, "at": a.NOW, "vm": a.vm_ref(), **about}
    return a.access_request(expects=expectation("e1", span, **values))


def delegation() -> AccessRequest:
    wanted = WantedDelegation(to=a.actor(name="Bob <!here>"), until=a.NOW + a.HOUR)
    request = a.access_request().request.changed(reason=HOSTILE)
    return a.access_request(delegates=wanted, request=request)


ALL = {
    "pause": (a.access_request(), "*pause all changes in Azure* for 1 hour", "/vm-pause end"),
    "start": (start(), "starts of `vm-web-01` in `rg-web` to *pass without a question*", "/vm-expect end e1"),
    "starts by a condition": (
        start(vm=None, when="caller.app_id == '`<!here>`'", caller="ci@contoso.com"),
        "VMs for which `",
        "/vm-expect end e1",
    ),
    "delegation": (delegation(), "*answer in the stead of* *Olga Oncall*", "/vm-delegate end"),
}
each = pytest.mark.parametrize("what", ALL)


def shown(asked: AccessRequest) -> str:
    message = access_card(asked, MENTION)
    assert check_blocks(message.blocks, "message") == []
    text = json.dumps(message.blocks, ensure_ascii=False)
    assert "<!here>" not in text
    assert "<!channel>" not in text
    return text


@each
def test_the_second_person_sees_who_wants_what_why_and_until_when(what: str) -> None:
    asked, words, _ = ALL[what]
    text = shown(asked)
    assert f"{MENTION}: *Olga Oncall*" in text
    assert words in text
    assert "Reason: \u201c" in text
    assert f"<!date^{int(asked.request.expires_at.timestamp())}" in text
    assert (APPROVE in text, DECLINE in text) == (True, True)


@each
def test_what_has_ended_has_no_button_calls_nobody_and_says_how_it_ended(what: str) -> None:
    asked, _, end = ALL[what]
    approved = shown(asked.answered(SECOND, SOON, approved=True))
    assert "*Approved* by *Sven" in approved
    assert end in approved
    declined = shown(asked.answered(SECOND, SOON, approved=False))
    assert "Nothing was changed" in declined
    expired = shown(asked.expired(a.NOW + a.HOUR))
    assert "Nobody approved it in time.* Nothing was changed" in expired
    for text in (approved, declined, expired):
        assert APPROVE not in text
        assert MENTION not in text


@each
def test_the_first_person_is_told_that_nothing_has_changed_yet(what: str) -> None:
    message = second_needed(ALL[what][0])
    assert check_blocks(message.blocks, "message") == []
    text = json.dumps(message.blocks, ensure_ascii=False)
    assert "*Nothing has changed yet.*" in text
    assert "<!here>" not in text


async def _never(_view: dict[str, Any]) -> None:
    raise AssertionError("opens no dialog")


@pytest.fixture
def posting() -> Posting:
    return Posting()


async def put(posting: Posting, asked: AccessRequest) -> None:
    await posting.store.commit(Commit(partition=partition_of_id(asked.id), documents=(asked,)))


async def nudged(posting: Posting, asked: AccessRequest) -> None:
    nudge = Nudge(subject=Subject.ACCESS, id=asked.id, version=1)
    assert await posting.renderer(Message(body=nudge.model_dump_json().encode())) == Complete()


@pytest.mark.parametrize("ending", AccessState)
async def test_it_goes_to_on_call_and_to_the_first_person_once_something_has_become_of_it(
    posting: Posting, ending: AccessState
) -> None:
    asked = a.access_request()
    await put(posting, asked)
    for _ in range(2):
        await nudged(posting, asked)
    (copy,) = (await posting.store.card(asked.id)).copies
    assert (copy.kind, copy.channel, copy.sent) == (CopyKind.ONCALL, ONCALL, True)
    assert len(posting.slack.posted) == 1
    if ending is AccessState.WAITING:
        return
    waiting = await posting.store.access_request(asked.id)
    ended = {
        AccessState.APPROVED: lambda: waiting.answered(SECOND, SOON, approved=True),
        AccessState.DECLINED: lambda: waiting.answered(SECOND, SOON, approved=False),
        AccessState.EXPIRED: lambda: waiting.expired(a.NOW + a.HOUR),
    }[ending]()
    await put(posting, ended)
    for _ in range(2):
        await nudged(posting, asked)
    assert (len(posting.slack.posted), len(posting.slack.edits)) == (2, 1)
    _, own = (await posting.store.card(asked.id)).copies
    assert (own.kind, own.asked, own.sent) == (CopyKind.OWNER, a.OLGA, True)
    assert await posting.unshown() == []


async def test_the_buttons_do_what_they_say_and_a_later_press_is_told_so(posting: Posting) -> None:
    await put(posting, a.access_request())
    answers = AccessAnswers(Bot(posting, SECOND).services)
    pressed = Clicked(actor=SECOND, value=a.access_request().id, open_dialog=_never)
    told = await answers.approve(pressed)
    assert "Approved and done. End it sooner with `/vm-pause end`" in str(told.blocks)
    assert (await posting.store.pause()).on(posting.clock.now())
    again = await answers.decline(pressed)
    assert "approved it. Your answer was not recorded" in str(again.blocks)


async def test_nobody_else_presses_approve(posting: Posting) -> None:
    await put(posting, a.access_request())
    for nobody in (a.oncall(), a.actor()):
        answers = AccessAnswers(Bot(posting, nobody).services)
        pressed = Clicked(actor=nobody, value=a.access_request().id, open_dialog=_never)
        with pytest.raises(NotAllowed):
            await answers.approve(pressed)
    assert not (await posting.store.pause()).on(posting.clock.now())
