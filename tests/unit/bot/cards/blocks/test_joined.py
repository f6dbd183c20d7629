"""A question that further starts have joined: each is on the card, and an answer covers what was shown."""

from datetime import timedelta

import pytest

from bot.cards.blocks.answers import asked_again
from bot.cards.blocks.joined import button_value, from_button
from bot.cards.replies.thread import replies
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as b
from tests.unit.bot.cards.blocks.test_card import card, everything
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.joined import JoinedStart
from workers.domain.starts.events import Caller

BOB = b.caller(name="Bob", email="bob@contoso.com", object_id="bob", ip="203.0.113.9")


def joined(count: int, *, more: int = 0, callers: tuple[Caller, ...] = (BOB,)) -> Approval:
    """With so many further starts on its list, by these in turn, and others that are not."""
    starts = tuple(
        JoinedStart(
            approval_id=f"a{n:025}",
            number=2 + more + n,
            at=b.NOW + timedelta(minutes=n),
            caller=callers[n % len(callers)],
        )
        for n in range(count)
    )
    return b.approval(joined=starts, joined_count=count + more)


def test_a_card_says_how_often_and_by_whom_the_vm_was_started_since() -> None:
    message = card(joined(3))
    said = everything(message)
    assert "*Started 3 times since*, last by *Bob* (user, bob@contoso.com)" in said
    assert "\u2022 *Bob* (user, bob@contoso.com), 3 times, last <!date^" in said
    assert "2026-11-24 03:52 UTC>, from `203.0.113.9`." in said
    assert "and 3 more starts followed. Was this expected?" in message.text
    confirm, reject, _not_mine = message.blocks[-1]["elements"]
    assert {confirm["value"], reject["value"]} == {f"{b.approval().id}:4"}
    assert "You confirm all 4 starts." in confirm["confirm"]["text"]["text"]


def test_nobodys_start_hides_behind_many_of_another_caller() -> None:
    said = everything(card(joined(50, more=10, callers=(b.caller(), *[BOB] * 49))))
    assert "*Started 60 times since*, last by *Bob*" in said
    assert "\u2022 *Bob* (user, bob@contoso.com), 49 times, last" in said
    assert "\u2022 *Alice Example* (user, alice@contoso.com) <!date^" in said


def test_of_many_callers_the_last_are_listed_and_the_others_counted() -> None:
    crowd = tuple(b.caller(name=f"n{n}", object_id=f"o{n}") for n in range(9))
    said = everything(card(joined(9, callers=crowd)))
    assert [n for n in range(9) if f"\u2022 *n{n}*" in said] == [4, 5, 6, 7, 8]
    assert "and by 4 other callers" in said


@pytest.mark.parametrize(
    ("value", "read"), [("a1:3", ("a1", 3)), ("a1", ("a1", 1)), ("a1:x", ("a1", 1)), ("a1:", ("a1", 1))]
)
def test_a_buttons_value_is_the_id_and_the_starts_that_were_shown(value: str, read: tuple[str, int]) -> None:
    assert from_button(value) == read
    assert from_button(button_value(joined(2))) == (b.approval().id, 3)


def test_who_is_asked_again_sees_the_starts_that_are_new_to_them_and_can_answer() -> None:
    message = asked_again(joined(3), 1)
    assert check_blocks(message.blocks, "message") == []
    said = everything(message)
    assert "Your answer was not recorded." in said
    assert "\u2022 *Bob* (user, bob@contoso.com), 3 times" in said
    assert message.blocks[-1]["elements"][0]["value"] == f"{b.approval().id}:4"


def test_the_thread_tells_of_the_first_further_starts_once_each() -> None:
    approval = joined(8)
    found = [r for r in replies(approval, None, kind=CopyKind.OWNER, oncall_mention="") if "joined" in r.key]
    assert [reply.key for reply in found] == [f"joined.{one.approval_id}" for one in approval.joined[:5]]
    later = joined(8, more=45)  # the oldest are no longer listed: nothing new is told
    told = replies(later, None, kind=CopyKind.OWNER, oncall_mention="")
    assert [reply for reply in told if "joined" in reply.key] == []
