"""None of a burst's VMs is the owner's: all questions go on to a person, or to on-call."""

from typing import Any

import pytest

from bot.answers.deciding.bursts import BurstAnswers
from bot.answers.deciding.not_mine import NotMineAll
from bot.requests import Clicked, Outcome, Submitted
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as a
from tests.unit.bot.cards.bursts.rig import Burst
from tests.unit.bot.cards.posting_rig import DM, ONCALL
from tests.unit.bot.commands.test_nearest import Dialogs
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import NotAllowed
from workers.domain.starts.people import Actor

CARLA = Actor(slack_user="U0CARLA01", name="Carla", email="carla@contoso.com")
BUILDER = a.caller(name="Builder", email="builder@contoso.com")


class Directory:
    async def actor(self, user: str, *, team: str = "", now: bool = False) -> Actor:
        del team
        assert now, "who is named is judged by what Slack says now"
        return {CARLA.slack_user: CARLA, a.ALICE: a.actor()}[user]


@pytest.fixture
def burst() -> Burst:
    rig = Burst()
    rig.people.conversations[CARLA.slack_user] = "D2"
    return rig


async def pass_on(
    burst: Burst, approvals: list[Approval], user: str = "", by: Actor | None = None
) -> Outcome:
    """Press *Not mine*, name somebody or nobody, and have what follows carried out and shown."""
    listener, dialogs = NotMineAll(services_of(burst, Directory())), Dialogs()
    value, actor = f"{approvals[0].id}:{len(approvals)}", by or a.actor()
    clicked = Clicked(actor=actor, value=value, open_dialog=dialogs.open)
    assert await listener.pressed(clicked) is None
    (view,) = dialogs.opened
    assert check_view(view, "modal") == []
    state: Any = {"values": {"who": {"who": {"selected_user": user or None}}}}
    outcome = await listener.submitted(Submitted(actor=actor, view={**view, "state": state}))
    await burst.until_at_rest(*approvals)
    return outcome


async def confirm_all(burst: Burst, approvals: list[Approval], actor: Actor) -> str:
    value = f"{approvals[0].id}:{len(approvals)}"
    clicked = Clicked(actor=actor, value=value, open_dialog=Dialogs().open)
    answer = await BurstAnswers(services_of(burst, Directory())).confirm_all(clicked)
    await burst.until_at_rest(*approvals)
    return answer.says


async def test_whoever_is_named_gets_the_card_and_answers_for_all(burst: Burst) -> None:
    approvals = await burst.asked(3, caller=BUILDER)
    outcome = await pass_on(burst, approvals, CARLA.slack_user)
    assert outcome.message is not None
    assert f"<@{CARLA.slack_user}> is asked about 3 starts now." in outcome.message.says
    said = "*Alice Example* (alice@contoso.com) said that these VMs are not theirs"
    (hers,) = burst.cards("D2")
    assert [said in card for card in (*burst.cards(DM), hers)] == [True, True]
    assert "Asking you because" not in hers
    (proposal,) = [one.says for one in burst.slack.shows.values() if "az tag update" in one.says]
    assert "says that 3 VMs on this card are not theirs, and names *Carla* (carla@contoso.com)." in proposal

    assert "Confirming 3 starts." in await confirm_all(burst, approvals, CARLA)
    for one in await burst.stored(approvals):
        assert one.state is ApprovalState.CONFIRMED
        assert one.decision is not None
        assert one.decision.by == CARLA
        assert [step.to for step in one.passed] == [CARLA]


async def test_nobody_named_asks_on_call_about_all_on_one_card(burst: Burst) -> None:
    approvals = await burst.asked(3, caller=BUILDER)
    outcome = await pass_on(burst, approvals)
    assert outcome.message is not None
    assert "On-call is asked about 3 starts now." in outcome.message.says
    (card,) = burst.cards(ONCALL)
    assert "Were these 3 starts expected?" in card
    assert "named nobody, so on-call is asked" in card
    assert "Confirming 3 starts." in await confirm_all(burst, approvals, a.oncall())
    assert not any(one.open for one in await burst.stored(approvals))


async def test_what_the_first_question_got_before_does_not_keep_others_from_whoever_is_named(
    burst: Burst,
) -> None:
    approvals = await burst.asked(3, caller=BUILDER)
    await burst.decide(Answer.CONFIRM, approvals[0].id, a.actor())
    await burst.until_at_rest(*approvals)
    await pass_on(burst, approvals, CARLA.slack_user)
    assert len(burst.cards("D2")) == 1
    assert "Confirming 2 starts." in await confirm_all(burst, approvals, CARLA)
    assert not any(one.open for one in await burst.stored(approvals))


async def test_it_goes_neither_to_the_caller_nor_back_and_a_stranger_passes_nothing_on(burst: Burst) -> None:
    approvals = await burst.asked(2, caller=a.caller(email=CARLA.email, name="Carla"))
    outcome = await pass_on(burst, approvals, CARLA.slack_user)
    assert "This person started the VM" in str(outcome.errors)
    outcome = await pass_on(burst, approvals, a.ALICE)
    assert "This is you" in str(outcome.errors)
    with pytest.raises(NotAllowed, match="Only whom this asks"):
        await pass_on(burst, approvals, by=CARLA)
    assert not any(one.passed for one in await burst.stored(approvals))


async def test_passed_on_twice_by_a_repeated_order_each_goes_on_once(burst: Burst) -> None:
    approvals = await burst.asked(2, caller=BUILDER)
    # The order and both questions are written, and not that the order is carried out.
    burst.store._count, burst.store.fails = 0, {4: "lost"}
    await pass_on(burst, approvals, CARLA.slack_user)
    assert [len(one.passed) for one in await burst.stored(approvals)] == [1, 1]
    assert len(burst.cards("D2")) == 1


async def test_a_later_start_is_asked_about_on_a_card_of_its_own(burst: Burst) -> None:
    approvals = await burst.asked(2, caller=BUILDER)
    await pass_on(burst, approvals, CARLA.slack_user)
    await burst.until_at_rest(await burst.opened(9, caller=BUILDER))
    assert len(burst.cards(DM)) == 2
    assert len(burst.cards("D2")) == 1
