"""``two_person: access``: one asks for a right or a pause, somebody else approves it, or nothing changes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.access import AccessRequest, AccessState
from workers.domain.errors import AlreadyDecided, NotAllowed, NotFound, NotYet, TakesTwo
from workers.domain.ids import PAUSE, partition_of_id
from workers.domain.nudges import Subject
from workers.domain.policy.ahead.settings import DelegatePolicy, ExpectPolicy, WhoExpects
from workers.domain.policy.people import TwoPersons
from workers.domain.ports.groups import NoGroups
from workers.domain.starts.people import Actor
from workers.use_cases.orders.access.expire import ExpireAccess
from workers.use_cases.orders.delegate import DelegateAnswers
from workers.use_cases.orders.expect import ExpectStarts
from workers.use_cases.orders.pause import PauseWrites

FIVE = timedelta(minutes=5)
VM = a.known_vm(tags={"owner": "alice@contoso.com"})
ALICE = a.actor()
SECOND = Actor(slack_user="U0SECOND1", name="Sven Second", email="sven@contoso.com", on_call=True)
BOB = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
TWO = TwoPersons(access=True, expire_after=FIVE)


class Asking:
    """The three use cases, where they take two persons."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        rig.policy = a.policy(two_person=TWO)
        ports = {"store": rig.store, "clock": rig.clock, "second": rig.second}
        self.pausing = PauseWrites(**ports)  # type: ignore[arg-type]
        self.expecting = ExpectStarts(policy=lambda: rig.policy, groups=NoGroups(), **ports)  # type: ignore[arg-type]
        self.delegating = DelegateAnswers(policy=lambda: rig.policy, **ports)  # type: ignore[arg-type]

    async def pause(self, by: Actor | None = None) -> AccessRequest:
        return await self.pausing.ask(by or a.oncall(), "the wrong VMs", via="command")

    async def expect(self, by: Actor = ALICE, window: str = "2h") -> AccessRequest:
        return await self.expecting.ask(window, "patch day", by, via="command", vm=VM.ref)

    async def delegate(self, by: Actor = ALICE, to: Actor = BOB) -> AccessRequest:
        return await self.delegating.ask(by, to, self.rig.clock.now() + a.HOUR, "holiday", via="command")

    async def changed(self) -> list[str]:
        """What has taken effect."""
        store, now = self.rig.store, self.rig.clock.now()
        found = {
            "expects": bool((await store.expectations()).current(now)),
            "delegates": bool((await store.delegations()).current(now)),
            "pauses": (await store.pause()).on(now),
        }
        return [what for what, so in found.items() if so]

    async def kinds(self) -> list[str]:
        return [one.kind for one in await self.rig.store.audit(partition_of_id(PAUSE))]


Ask = Callable[[Asking], Awaitable[AccessRequest]]
ALL: dict[str, Ask] = {
    "expects": lambda asking: asking.expect(),
    "delegates": lambda asking: asking.delegate(),
    "pauses": lambda asking: asking.pause(),
}
BEGUN = {"expects": "expect.announced", "delegates": "delegation.begun", "pauses": "pause.begun"}
each = pytest.mark.parametrize("what", ALL)


@pytest.fixture
async def asking(rig: Rig) -> Asking:
    await rig.inventory.put([VM])
    return Asking(rig)


@each
async def test_nothing_changes_before_somebody_else_approves_it(asking: Asking, what: str) -> None:
    asked = await ALL[what](asking)
    assert await asking.changed() == []
    assert [n.id for n in asking.rig.nudger.to_notices] == [asked.id]
    (look,) = asking.rig.nudger.to_work
    assert (look.subject, look.due) == (Subject.ACCESS, asked.request.expires_at)

    approved = await asking.rig.access.approve(asked.id, SECOND)
    assert (approved.state, approved.ended_by) == (AccessState.APPROVED, SECOND)
    assert await asking.changed() == [what]
    assert await asking.kinds() == ["access.requested", "access.approved", BEGUN[what]]
    requested, said, begun = await asking.rig.store.audit(partition_of_id(PAUSE))
    assert (said.by, said.details["requested_by"]) == (SECOND.label, asked.request.by.label)
    assert (begun.by, begun.details["approved_by"]) == (asked.request.by.label, SECOND.label)
    assert requested.details["reason"] == asked.request.reason


@each
async def test_one_person_alone_can_do_none_of_it(asking: Asking, what: str) -> None:
    later = asking.rig.clock.now() + a.HOUR
    alone = {
        "expects": lambda: asking.expecting.announce("2h", "patch day", by="Alice", vm=VM.ref),
        "delegates": lambda: asking.delegating.begin(ALICE, BOB, later),
        "pauses": lambda: asking.pausing.begin("Olga", "the wrong VMs"),
    }[what]
    with pytest.raises(TakesTwo, match="two_person: access"):
        await alone()
    assert await asking.changed() == []


@each
@pytest.mark.parametrize("same", ["the very same", "by Slack id", "by e-mail"])
async def test_the_same_person_can_not_be_both(asking: Asking, what: str, same: str) -> None:
    asked = await ALL[what](asking)
    first = asked.request.by.changed(on_call=True)
    again = {
        "the very same": first,
        "by Slack id": SECOND.changed(slack_user=first.slack_user),
        "by e-mail": SECOND.changed(email=first.email.upper()),
    }[same]
    with pytest.raises(NotAllowed, match="You asked for this yourself"):
        await asking.rig.access.approve(asked.id, again)
    assert await asking.changed() == []
    assert (await asking.kinds())[-1] == "access.refused"


@each
async def test_who_could_not_have_asked_is_no_second_person(asking: Asking, what: str) -> None:
    asked = await ALL[what](asking)
    stranger = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@contoso.com")
    for answer in (asking.rig.access.approve, asking.rig.access.decline):
        with pytest.raises(NotAllowed):
            await answer(asked.id, stranger)
    barred = SECOND.changed(barred="You are a guest here.")
    with pytest.raises(NotAllowed, match="guest"):
        await asking.rig.access.approve(asked.id, barred)
    assert await asking.changed() == []


async def test_another_owner_approves_an_expected_start_unless_the_policy_leaves_it_to_on_call(
    asking: Asking,
) -> None:
    both = VM.changed(tags={"owner": "alice@contoso.com, bob@contoso.com"})
    await asking.rig.inventory.put([both])
    asking.rig.policy = a.policy(two_person=TWO, expect=ExpectPolicy(who=WhoExpects.ONCALL))
    asked = await asking.expect(by=a.oncall())
    with pytest.raises(NotAllowed, match="Only on-call"):
        await asking.rig.access.approve(asked.id, BOB)
    asking.rig.policy = a.policy(two_person=TWO)
    # The tag has named Bob only since just now, which is not enough.
    with pytest.raises(NotAllowed, match="since it was changed"):
        await asking.rig.access.approve(asked.id, BOB)
    asking.rig.clock.advance(timedelta(minutes=1))
    assert (await asking.rig.access.approve(asked.id, ALICE)).state is AccessState.APPROVED


async def test_whom_a_delegation_is_given_to_is_not_the_second_person_even_on_call(asking: Asking) -> None:
    asked = await asking.delegate(to=SECOND)
    with pytest.raises(NotAllowed, match="would be given to you"):
        await asking.rig.access.approve(asked.id, SECOND)
    await asking.rig.access.approve(asked.id, a.oncall())
    (one,) = (await asking.rig.store.delegations()).entries
    assert (one.giver, one.to, one.reason) == (ALICE.slack_user, SECOND.slack_user, "holiday")
    assert one.approved_by == a.oncall().label


@each
async def test_when_its_time_is_over_nothing_has_happened_and_the_first_person_can_be_told(
    asking: Asking, what: str
) -> None:
    asked = await ALL[what](asking)
    expire = ExpireAccess(store=asking.rig.store, nudger=asking.rig.nudger, clock=asking.rig.clock)
    await expire(asked.id)
    assert (await asking.rig.store.access_request(asked.id)).active
    asking.rig.clock.advance(FIVE)
    with pytest.raises(AlreadyDecided, match="Nobody approved it in time"):
        await asking.rig.access.approve(asked.id, SECOND)
    asking.rig.nudger.clear()
    for _ in range(2):
        await expire(asked.id)
    assert (await asking.rig.store.access_request(asked.id)).state is AccessState.EXPIRED
    assert [n.subject for n in asking.rig.nudger.to_notices] == [Subject.ACCESS]
    assert await asking.changed() == []
    assert await asking.kinds() == ["access.requested", "access.expired"]


async def test_the_resync_finds_one_whose_nudge_was_lost(asking: Asking) -> None:
    asked = await asking.pause()
    asking.rig.clock.advance(FIVE + timedelta(seconds=10))
    asking.rig.nudger.clear()
    await asking.rig.resync()
    assert [(n.subject, n.id) for n in asking.rig.nudger.to_work] == [(Subject.ACCESS, asked.id)]


@each
async def test_it_can_be_declined_by_either_and_is_over_then(asking: Asking, what: str) -> None:
    for by in (SECOND, None):
        asked = await ALL[what](asking)
        declined = await asking.rig.access.decline(asked.id, by or asked.request.by)
        assert declined.state is AccessState.DECLINED
        with pytest.raises(AlreadyDecided, match="declined it"):
            await asking.rig.access.approve(asked.id, SECOND)
    assert await asking.changed() == []


async def test_it_is_approved_once(asking: Asking) -> None:
    asked = await asking.pause()
    await asking.rig.access.approve(asked.id, SECOND)
    with pytest.raises(AlreadyDecided, match="Sven Second approved it"):
        await asking.rig.access.approve(asked.id, SECOND.changed(slack_user="U0THIRD01", email="t@x.com"))


async def test_a_pause_counts_from_its_approval(asking: Asking) -> None:
    asked = await asking.pause()
    asking.rig.clock.advance(timedelta(minutes=3))
    await asking.rig.access.approve(asked.id, SECOND)
    pause = await asking.rig.store.pause()
    assert (pause.at, pause.until) == (asking.rig.clock.now(), asking.rig.clock.now() + a.HOUR)
    assert (pause.by, pause.approved_by, pause.reason) == (a.oncall().label, SECOND.label, "the wrong VMs")


async def test_ending_any_of_it_takes_one_person(asking: Asking) -> None:
    for ask in ALL.values():
        await asking.rig.access.approve((await ask(asking)).id, SECOND)
    assert len(await asking.changed()) == len(ALL)
    (expected,) = await asking.expecting.current()
    await asking.expecting.withdraw(expected.id, by=ALICE.label, actor=ALICE)
    await asking.delegating.end(ALICE)
    await asking.pausing.end(a.oncall().label)
    assert await asking.changed() == []


async def test_what_can_not_be_is_said_to_the_first_person_and_again_at_the_approval(asking: Asking) -> None:
    for ask, said in (
        (lambda: asking.expect(window="9h"), "at most 8 hours"),
        (lambda: asking.delegate(to=ALICE), "nobody delegates to themselves"),
        (lambda: asking.pausing.ask(a.oncall(), "x", via="command", span=25 * a.HOUR), "at most 24 hours"),
        (lambda: asking.pausing.ask(a.oncall(), " ", via="command"), "needs a reason"),
    ):
        with pytest.raises(NotYet, match=said):
            await ask()
    assert await asking.kinds() == []
    asked = await asking.delegate()
    asking.rig.policy = a.policy(two_person=TWO, delegate=DelegatePolicy(allowed=False))
    with pytest.raises(NotYet, match="allows no delegations"):
        await asking.rig.access.approve(asked.id, SECOND)
    assert (await asking.rig.store.access_request(asked.id)).active


async def test_who_no_longer_owns_the_vm_gets_no_start_expected(asking: Asking) -> None:
    asked = await asking.expect()
    await asking.rig.inventory.put([VM.changed(tags={"owner": "bob@contoso.com"})])
    with pytest.raises(NotYet, match="may not any more"):
        await asking.rig.access.approve(asked.id, SECOND)
    assert await asking.changed() == []


@pytest.mark.parametrize("forged", ["", "g", "g0" + "z" * 24, "g0" + "9" * 24, a.approval().id, "<!here>"])
async def test_an_id_of_nothing_is_not_found(asking: Asking, forged: str) -> None:
    with pytest.raises(NotFound):
        await asking.rig.access.approve(forged, SECOND)
