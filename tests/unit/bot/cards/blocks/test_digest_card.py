"""The card that lists what waits for one owner: within Slack's limits, and each row leads to its question."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answers.looks.details import Details
from bot.cards.blocks.bursts.card import LIST
from bot.cards.blocks.bursts.digest import OPEN, digest_card, digest_row, opened_dialog
from bot.cards.blocks.card import CONFIRM, NOT_MINE, REJECT
from bot.cards.blocks.details.dialog import DETAILS
from bot.cards.blocks.message import Message
from bot.cards.bursts import member_of
from bot.requests import Clicked
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as b
from tests.rig import Rig
from tests.unit.bot.cards.blocks.text.test_hostile import PIECES
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.bursts import Member
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.errors import NotAllowed
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat

HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=12).map("".join)


def member(number: int, *, waits: bool = True, level: Level = Level.LOW, name: str = "vm-{}") -> Member:
    vm = b.vm_ref(name=name.replace("{}", str(number)) or "x")
    event = b.start_event(vm=vm, caller=b.caller(name=name), at=b.NOW + timedelta(seconds=number))
    state = ApprovalState.PENDING if waits else ApprovalState.CONFIRMED
    made = b.approval(id=f"a{number:025}", event=event, state=state, risk=Risk(level=level))
    return member_of(made)


def said(*members: Member, kind: CopyKind = CopyKind.OWNER) -> Message:
    message = digest_card(Card(id=b.approval().id, version=1, members=members), b.approval(), kind=kind)
    assert check_blocks(message.blocks, surface="message") == []
    return message


def test_the_riskiest_comes_first_then_the_oldest_and_answered_ones_last() -> None:
    message = said(
        member(1),
        member(2, waits=False),
        member(0),
        member(3, level=Level.HIGH),
        member(4, level=Level.MEDIUM),
    )
    places = [message.says.index(f"vm-{number}") for number in (3, 4, 0, 1, 2)]
    assert places == sorted(places)
    assert "4 starts wait for your answer" in message.says
    buttons = [block["accessory"] for block in message.blocks if "accessory" in block]
    assert [one["action_id"] for one in buttons] == [OPEN] * 4
    assert [one["value"] for one in buttons] == [f"a{number:025}" for number in (3, 4, 0, 1)]
    assert message.blocks[-1]["elements"][0]["action_id"] == LIST


def test_beyond_what_fits_it_says_how_many_and_which_command_lists_them() -> None:
    message = said(*(member(number) for number in range(40)))
    assert len([block for block in message.blocks if "accessory" in block]) == 15
    assert "25 more: `/vm-approvals mine`" in message.says


def test_a_row_says_who_which_risk_and_until_when() -> None:
    approval = b.approval(risk=Risk(level=Level.MEDIUM))
    row = digest_row(approval)
    for words in ("Alice Example", "vm-web-01", "Medium risk", "Answer by"):
        assert words in row


def test_in_a_channel_it_speaks_of_the_owner() -> None:
    assert "The owner has many open questions" in said(member(0), member(1), kind=CopyKind.CHANNEL).says


def test_once_all_are_answered_nothing_can_be_pressed() -> None:
    message = said(member(0, waits=False), member(1, waits=False))
    assert "Answered: 2 starts" in message.says
    assert "action_id" not in str(message.blocks)


@settings(max_examples=40, deadline=None)
@given(name=HOSTILE, count=st.integers(1, 60), waiting=st.integers(0, 60))
def test_no_name_breaks_it(name: str, count: int, waiting: int) -> None:
    message = said(*(member(number, waits=number < waiting, name=name or "x") for number in range(count)))
    assert "<!channel>" not in message.says
    assert "<@U0EVIL001>" not in message.says


class TestOpen:
    async def _opened(self, rig: Rig, actor: Any, approval_id: str) -> dict[str, Any]:
        opened: list[dict[str, Any]] = []

        async def open_dialog(view: dict[str, Any]) -> None:
            opened.append(view)

        listener = Details(services_of(rig, SimpleNamespace()))
        await listener.opened(Clicked(actor=actor, value=approval_id, open_dialog=open_dialog))
        (view,) = opened
        assert check_view(view, "modal") == []
        return view

    async def test_it_shows_the_whole_question_with_its_buttons(self, rig: Rig) -> None:
        approval = await rig.asked()
        view = await self._opened(rig, b.actor(), approval.id)
        assert view == opened_dialog(approval, None, reader=b.actor().email)
        for action in (CONFIRM, REJECT, NOT_MINE, DETAILS):
            assert action in str(view)

    async def test_of_an_answered_one_it_shows_who_answered(self, rig: Rig) -> None:
        approval = await rig.asked()
        decided = await rig.decide(Answer.REJECT, approval.id, b.actor(), reason="not mine")
        view = await self._opened(rig, b.actor(), approval.id)
        after = await rig.store.approval(approval.id)
        assert view == opened_dialog(after, decided.containment, reader=b.actor().email)
        assert "Rejected by" in str(view)
        assert CONFIRM not in str(view)

    async def test_a_guest_is_refused(self, rig: Rig) -> None:
        approval = await rig.asked()
        with pytest.raises(NotAllowed):
            await self._opened(rig, b.actor(barred="You are a guest here."), approval.id)


def test_the_longest_names_and_signals_fit_into_one_message() -> None:
    """A section takes 3,000 characters, and all texts of a message together 13,200."""
    ids = ("doubted-address", "application-outside-its-hours", "signin-elsewhere")
    signals = tuple(Signal(id=one, threat=Threat.UNAUTHORIZED, weight=20, sentence="x") for one in ids)
    listed = []
    for number in range(60):
        caller = b.caller(name="<" * 300, email="n" * 300)
        event = b.start_event(vm=b.vm_ref(name="&" * 64), caller=caller)
        risk = Risk(level=Level.MEDIUM, signals=signals)
        one = member_of(b.approval(id=f"a{number:025}", event=event, risk=risk))
        listed.append(one.changed(open=number < 30))
    said(*listed)
