"""A burst that takes two persons to confirm: one press asks for a second person for all, and calls one."""

from datetime import timedelta
from typing import Any

import pytest

from bot.answers.deciding.bursts import BurstAnswers
from bot.cards.blocks.bursts.card import CONFIRM_ALL, REJECT_ALL
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from tests import acting
from tests import builders as a
from tests.unit.bot.cards.bursts.rig import Burst
from tests.unit.bot.cards.posting_rig import DM, ONCALL
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import NotAllowed
from workers.domain.starts.people import Actor

WITHIN = timedelta(minutes=15)
TERMS = a.terms(second_within=WITHIN)


@pytest.fixture
def burst() -> Burst:
    rig = Burst()
    rig.people.found = rig.people.found._replace(emails={a.ALICE: a.actor().email})
    return rig


async def press(burst: Burst, approvals: list[Approval], actor: Actor) -> Message:
    """Confirm all that the card shows, and have what follows carried out and shown."""
    clicked = Clicked(actor=actor, value=f"{approvals[0].id}:{len(approvals)}", open_dialog=Dialogs().open)
    answer = await BurstAnswers(services_of(burst, None)).confirm_all(clicked)
    await burst.until_at_rest(*approvals)
    return answer


def actions(message: Message) -> list[str]:
    return [
        one["action_id"]
        for block in message.blocks
        if block["type"] == "actions"
        for one in block["elements"]
    ]


def calls(burst: Burst) -> list[str]:
    """What on-call reads below the card."""
    ts = [one for one in burst.slack.shows if one.startswith(f"{ONCALL}-")]
    threads = dict(zip(ts, burst.slack.threads.get(ONCALL, []), strict=True))
    return [burst.slack.shows[one].says for one in ts if threads[one] is not None]


async def test_before_anybody_asked_the_card_says_that_it_takes_two(burst: Burst) -> None:
    await burst.asked(3, terms=TERMS)
    assert "It takes two persons to confirm these starts." in burst.cards()[0]


async def test_the_first_press_asks_for_a_second_person_for_all_and_says_so(burst: Burst) -> None:
    approvals = await burst.asked(3, terms=TERMS)
    answer = await press(burst, approvals, a.actor())
    assert "3 starts need a second person to confirm, too." in answer.says
    assert "Confirming" not in answer.says

    stored = await burst.stored(approvals)
    assert all(one.open and one.waits_for_second is not None for one in stored)
    (card,) = burst.cards()
    assert "You asked for 3 starts to be confirmed" in card
    assert "waits for a second person" in card
    assert CONFIRM_ALL not in actions(burst.slack.shows[f"{DM}-0"])
    assert REJECT_ALL in actions(burst.slack.shows[f"{DM}-0"])


async def test_on_call_is_called_once_for_all_and_can_be_the_second_person(burst: Burst) -> None:
    approvals = await burst.asked(3, terms=TERMS)
    await press(burst, approvals, a.actor())
    (card,) = burst.cards(ONCALL)
    assert "*Alice Example* (alice@contoso.com) wants to confirm 3 starts." in card
    (call,) = calls(burst)
    assert "It takes two persons: somebody else has to confirm by" in call

    answer = await press(burst, approvals, a.oncall())
    assert "Confirming 3 starts." in answer.says
    for one in await burst.stored(approvals):
        assert one.state is ApprovalState.CONFIRMED
        assert one.decision is not None
        assert one.decision.requested is not None
        assert (one.decision.by, one.decision.requested.by) == (a.oncall(), a.actor())
    assert len(calls(burst)) == 1


async def test_the_first_person_is_not_the_second(burst: Burst) -> None:
    approvals = await burst.asked(2, terms=TERMS)
    await press(burst, approvals, a.actor())
    with pytest.raises(NotAllowed, match="You asked for these confirmations yourself"):
        await press(burst, approvals, a.actor())
    assert all(one.open for one in await burst.stored(approvals))


async def test_carried_out_twice_it_asks_once_and_nobody_counts_as_refused(burst: Burst) -> None:
    approvals = await burst.asked(2, terms=TERMS)
    # The order and both requests are written, and not that the order is carried out.
    burst.store._count, burst.store.fails = 0, {4: "lost"}
    await press(burst, approvals, a.actor())
    kinds: list[Any] = [record.kind for p in range(16) for record in await burst.store.audit(p)]
    assert kinds.count("approval.confirm-requested") == 2
    assert "decision.refused" not in kinds


async def test_once_the_time_is_over_the_thread_says_so_and_a_later_press_calls_anew(burst: Burst) -> None:
    approvals = await burst.asked(2, terms=TERMS)
    await press(burst, approvals, a.actor())
    burst.clock.advance(WITHIN)
    for one in approvals:
        await acting.look_at_approval(store=burst.store, nudger=burst.nudger, clock=burst.clock)(one.id)
    await burst.until_at_rest(*approvals)
    assert CONFIRM_ALL in actions(burst.slack.shows[f"{DM}-0"])
    assert any("Nobody else confirmed in time" in shown.says for shown in burst.slack.shows.values())

    await press(burst, approvals, a.actor())
    assert len([said for said in calls(burst) if "somebody else has to confirm by" in said]) == 2


async def test_what_one_asked_for_and_what_nobody_did_are_told_apart(burst: Burst) -> None:
    approvals = await burst.asked(3, terms=TERMS)
    services = services_of(burst, None)
    await services.decide(Answer.CONFIRM, approvals[1].id, a.oncall())
    await burst.until_at_rest(*approvals)
    answer = await press(burst, approvals, a.actor())
    assert "Confirming 1 start. 2 starts need a second person to confirm, too." in answer.says
    states = [one.state for one in await burst.stored(approvals)]
    assert states == [ApprovalState.PENDING, ApprovalState.CONFIRMED, ApprovalState.PENDING]
