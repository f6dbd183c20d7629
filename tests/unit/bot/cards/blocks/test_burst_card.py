"""The card of a burst and its dialogs: within Slack's limits however many and however they are named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.blocks.bursts.card import CONFIRM_ALL, LIST, NOT_MINE_ALL, REJECT_ALL, burst_card, from_button
from bot.cards.blocks.bursts.dialogs import PER_PAGE, list_dialog, reject_all_dialog
from bot.cards.blocks.message import Message
from bot.cards.replies.burst_thread import burst_replies
from deploy.sandbox.slack.blockkit import check_blocks, check_view
from tests import builders as b
from tests.unit.bot.cards.blocks.text.test_hostile import PIECES
from workers.domain.asking.bursts import Member
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.starts.risk import Level

HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=12).map("".join)


def members(count: int, name: str = "vm-{}", *, waiting: int | None = None) -> tuple[Member, ...]:
    waiting = count if waiting is None else waiting
    return tuple(
        Member(
            approval_id=f"a{n:025}",
            at=b.NOW,
            vm=name.replace("{}", str(n)),
            group="rg-web",
            open=n < waiting,
            said="waits for an answer" if n < waiting else "Confirmed as expected",
            answer="" if n < waiting else "Confirmed",
            by="" if n < waiting else name,
            why="" if n < waiting else name,
            closed_at=None if n < waiting else b.NOW,
        )
        for n in range(count)
    )


def card(*listed: Member, **changes: object) -> Card:
    return Card(id=b.approval().id, version=1, members=listed).changed(**changes)


def said(shown: Card) -> Message:
    message = burst_card(shown, b.approval(), kind=CopyKind.OWNER)
    assert check_blocks(message.blocks, surface="message") == []
    return message


def test_it_asks_about_all_and_its_buttons_say_how_many_it_shows() -> None:
    message = said(card(*members(28)))
    assert "Were these 28 starts expected?" in message.says
    assert "and 18 more VMs in the list" in message.says
    buttons = {one["action_id"]: one["value"] for one in message.blocks[-1]["elements"]}
    assert set(buttons) == {CONFIRM_ALL, REJECT_ALL, LIST, NOT_MINE_ALL}
    assert from_button(buttons[CONFIRM_ALL]) == (b.approval().id, 28)


def test_those_that_differ_are_counted_and_named_in_words() -> None:
    message = said(card(*members(28), differing=("no mfa", "management port open")))
    assert (
        "*28 of 30 look alike; 2 differ* (no mfa; management port open) and have a card each." in message.says
    )


def test_a_higher_risk_of_later_starts_is_said() -> None:
    first, *others = members(5)
    message = said(card(first, *(one.changed(level=Level.MEDIUM) for one in others)))
    assert "*Medium risk* for 4 of them" in message.says


def test_once_all_are_answered_it_says_so_and_has_no_buttons() -> None:
    message = said(card(*members(3, waiting=0)))
    assert "Answered: 3 starts" in message.says
    assert [block for block in message.blocks if block["type"] == "actions"] == []


@pytest.mark.parametrize("kind", CopyKind)
def test_silence_is_one_reply_for_all(kind: CopyKind) -> None:
    silent = [one.changed(reminded=True, escalated=True) for one in members(500)]
    found = burst_replies(card(*silent), b.approval(), kind=kind, oncall_mention="<!subteam^S0ONCALL1>")
    assert [one.key for one in found] == {
        CopyKind.OWNER: ["reminder"], CopyKind.CHANNEL: [], CopyKind.ONCALL: ["escalation"]
    }[kind]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(name=HOSTILE, differs=st.lists(HOSTILE, max_size=6), count=st.integers(2, 500))
def test_no_name_breaks_the_card_or_its_list(name: str, differs: list[str], count: int) -> None:
    shown = card(*members(count, name or "x"), differing=tuple(differs))
    message = said(shown)
    assert "<!channel>" not in message.says
    assert "<@U0EVIL001>" not in message.says
    half = said(shown.changed(members=members(count, name or "x", waiting=count // 2)))
    assert "<!channel>" not in half.says
    assert "<@U0EVIL001>" not in half.says
    for page in (0, (count - 1) // PER_PAGE, 10_000):
        view = list_dialog(shown, page)
        assert check_view(view, "modal") == []
        assert "<!channel>" not in str(view["blocks"][1])
    assert check_view(reject_all_dialog(shown, count, count), "modal") == []
