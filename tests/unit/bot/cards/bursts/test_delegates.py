"""The card of a burst says who answers in its owner's stead, as long as something waits for an answer."""

from datetime import timedelta

from tests import builders as a
from tests.unit.bot.cards.bursts.rig import Burst
from tests.unit.bot.cards.posting_rig import DM
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.decisions import Answer
from workers.domain.ids import DELEGATIONS, partition_of_id
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.use_cases.asking.answer_all import Given

CARLA = Actor(slack_user="U0CARLA01", name="Carla", email="carla@contoso.com")
LINE = f"Can answer, too: <@{CARLA.slack_user}> in the stead of <@{a.ALICE}> until"


async def delegated(burst: Burst) -> None:
    until = burst.clock.now() + timedelta(days=1)
    before = await burst.store.delegations()
    given = before.begun(a.actor(), CARLA, burst.clock.now(), until, timedelta(days=2))
    await burst.store.commit(Commit(partition=partition_of_id(DELEGATIONS), documents=(given,)))


async def test_it_names_delegates_until_all_is_answered_and_they_answer_for_all() -> None:
    burst = Burst()
    burst.people.conversations[CARLA.slack_user] = "D2"
    await delegated(burst)
    approvals = await burst.asked(3)
    assert [LINE in card for card in (*burst.cards(), *burst.cards("D2"))] == [True, True]

    await burst.decide(Answer.CONFIRM, approvals[0].id, a.actor())
    await burst.until_at_rest(*approvals)
    assert [LINE in card for card in burst.cards(DM)] == [True], "the first one is answered, others are not"

    answer_all = services_of(burst, None).answer_all
    assert await answer_all(Answer.CONFIRM, approvals[0].id, CARLA, shown=3) == Given(2)
    await burst.until_at_rest(*approvals)
    for one in (await burst.stored(approvals))[1:]:
        assert one.decision is not None
        assert one.decision.in_stead_of is not None
        assert one.decision.in_stead_of.slack_user == a.ALICE
    assert [LINE in card for card in burst.cards(DM)] == [False]
