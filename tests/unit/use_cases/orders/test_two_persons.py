"""``two_person: restore``: one asks, somebody else of on-call confirms, and the worker checks it again."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.unit.use_cases.containment.restore_rig import RestoreRig
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.domain.policy.people import TwoPersons
from workers.domain.policy.reading.file import load_policy
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.use_cases.orders.restore import Ordered

FIRST = a.oncall()
SECOND = Actor(slack_user="U0SECOND1", name="Sven Second", email="sven@contoso.com", on_call=True)
FIVE = timedelta(minutes=5)


@pytest.fixture
def rig() -> RestoreRig:
    rig = RestoreRig()
    rig.policy = a.policy(two_person=TwoPersons(restore=True, expire_after=FIVE))
    return rig


async def ask(rig: RestoreRig, held: Containment, by: Actor = FIRST, **how: object) -> Ordered:
    return await rig.restore(held.id, by, shown=held.demand, reason="false alarm", **how)  # type: ignore[arg-type]


async def stored(rig: RestoreRig, held: Containment) -> Containment:
    return await rig.store.containment(held.id)


async def test_the_first_person_only_asks(rig: RestoreRig) -> None:
    held = await rig.contained()
    rig.nudger.clear()
    ordered = await ask(rig, held, start=True)
    assert (ordered.waits, ordered.joined) == (True, False)
    now = await stored(rig, held)
    assert now.state is ContainmentState.CONTAINED
    assert now.restore_request is not None
    assert (now.restore_request.by, now.restore_request.reason) == (FIRST, "false alarm")
    assert now.restore_request.expires_at == rig.clock.now() + FIVE
    assert now.needs_oncall
    assert [n.id for n in rig.nudger.to_notices] == [held.id]
    assert (await rig.kinds())[-1] == "restore.requested"
    await rig.contain(held.id)
    assert all(runner.undone == [] for runner in rig.undoable.values())


async def test_somebody_else_confirms_exactly_what_the_first_one_asked_for(rig: RestoreRig) -> None:
    held = await rig.contained()
    await ask(rig, held, start=True)
    ordered = await ask(rig, held, by=SECOND, start=False)
    assert not ordered.waits
    now = await stored(rig, held)
    assert now.state is ContainmentState.RESTORING
    assert now.restore_request is None
    assert now.restoration is not None
    assert now.restoration.requested is not None
    assert (now.restoration.by, now.restoration.requested.by) == (SECOND, FIRST)
    assert now.restoration.starts, "as the first one asked, whatever the second one ticked"
    record = (await rig.audit())[-1]
    assert (record.kind, record.by) == ("restore.ordered", SECOND.label)
    assert record.details["requested_by"] == FIRST.label
    assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED


@pytest.mark.parametrize(
    "same",
    [
        FIRST,
        SECOND.changed(slack_user=FIRST.slack_user),
        SECOND.changed(email=FIRST.email.upper()),
    ],
    ids=["the very same", "by Slack id", "by e-mail"],
)
async def test_the_same_person_can_not_be_both(rig: RestoreRig, same: Actor) -> None:
    held = await rig.contained()
    await ask(rig, held)
    with pytest.raises(NotAllowed, match="somebody else of on-call has to confirm it"):
        await ask(rig, held, by=same)
    assert (await stored(rig, held)).state is ContainmentState.CONTAINED
    assert (await rig.kinds())[-1] == "restore.refused"


async def test_two_people_without_an_address_are_two(rig: RestoreRig) -> None:
    held = await rig.contained()
    await ask(rig, held, by=FIRST.changed(email=""))
    assert not (await ask(rig, held, by=SECOND.changed(email=""))).waits


async def test_who_is_not_on_call_is_neither(rig: RestoreRig) -> None:
    held = await rig.contained()
    with pytest.raises(NotAllowed):
        await ask(rig, held, by=a.actor())
    await ask(rig, held)
    with pytest.raises(NotAllowed):
        await ask(rig, held, by=SECOND.changed(on_call=False))
    assert (await stored(rig, held)).state is ContainmentState.CONTAINED


async def test_an_expired_request_can_not_be_confirmed_and_the_next_one_begins_anew(rig: RestoreRig) -> None:
    held = await rig.contained()
    await ask(rig, held)
    rig.clock.advance(FIVE)
    assert (await ask(rig, held, by=SECOND)).waits
    assert (await rig.kinds())[-2:] == ["restore.request-expired", "restore.requested"]
    assert not (await ask(rig, held)).waits  # the other one confirms that


async def test_a_request_ends_by_itself_and_the_card_hears_of_it(rig: RestoreRig) -> None:
    held = await rig.contained()
    await ask(rig, held)
    waiting = await stored(rig, held)
    assert waiting.due_at() == rig.clock.now() + FIVE
    await rig.contain(held.id)
    assert (await stored(rig, held)).restore_request is not None
    rig.clock.advance(FIVE)
    rig.nudger.clear()
    await rig.contain(held.id)
    assert (await stored(rig, held)).restore_request is None
    assert (await rig.kinds())[-1] == "restore.request-expired"
    assert [n.subject for n in rig.nudger.to_notices] == [Subject.CONTAINMENT]


async def test_a_request_for_what_was_contained_anew_is_void(rig: RestoreRig) -> None:
    held = await rig.contained()
    await ask(rig, held)
    again = (await stored(rig, held)).once_more(rig.clock.now())
    assert again.restore_request is None


async def test_without_the_policy_one_person_is_enough(rig: RestoreRig) -> None:
    rig.policy = a.policy()
    held = await rig.contained()
    assert not (await ask(rig, held)).waits
    assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED


@pytest.mark.parametrize("forged", ["nobody asked", "the same one", "asked too early", "not on call"])
async def test_the_worker_undoes_nothing_that_two_persons_did_not_order(rig: RestoreRig, forged: str) -> None:
    held = await rig.contained()
    await ask(rig, held)
    await ask(rig, held, by=SECOND)
    ordered = await stored(rig, held)
    assert ordered.restoration is not None
    request = ordered.restoration.requested
    assert request is not None
    requested = {
        "nobody asked": None,
        "the same one": request.changed(by=SECOND),
        "asked too early": request.changed(expires_at=ordered.restoration.at),
        "not on call": request.changed(by=FIRST.changed(on_call=False)),
    }[forged]
    restoration = ordered.restoration.changed(requested=requested)
    await rig.store.commit(
        Commit(partition=partition_of_id(held.id), documents=(ordered.changed(restoration=restoration),))
    )
    await rig.contain(held.id)
    assert (await stored(rig, held)).state is ContainmentState.INCOMPLETE
    assert all(runner.undone == [] for runner in rig.undoable.values())
    assert "restore.unjustified" in await rig.kinds()


def test_the_policy_may_say_it_in_one_word() -> None:
    oncall = "oncall: {usergroup: S0ONCALL01}\n"
    assert load_policy(f"{oncall}two_person: restore\n").two_person == TwoPersons(restore=True)
    long = load_policy(f"{oncall}two_person: {{restore: true, expire_after: 5m}}\n")
    assert long.two_person == TwoPersons(restore=True, expire_after=FIVE)
    assert not load_policy(oncall).two_person.restore
