"""What people are shown when they ask: what waits, what is contained, and how a VM stands."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval
from workers.domain.asking.passing import PassedOn
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NewerDocument
from workers.domain.ids import partition_of_id
from workers.domain.policy.model import Mode, Rule, Verdict
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor, Owner
from workers.use_cases.orders.reading.overview import Overview


class Members:
    """Says that these people are in every group."""

    def __init__(self, *people: Actor) -> None:
        self.people = {one.slack_user for one in people}

    async def of(self, actor: Actor, *owners: Owner, now: bool = False) -> Actor:
        del now
        groups = tuple(one for owner in owners for one in owner.groups)
        return actor.changed(groups=groups) if actor.slack_user in self.people else actor


OTHER = a.vm_ref(name="vm-db-01", group="rg-data")


@pytest.fixture
def overview(rig: Rig) -> Overview:
    return acting.overview(store=rig.store, inventory=rig.inventory)


async def test_open_questions_come_the_longest_open_first(rig: Rig, overview: Overview) -> None:
    first = await rig.asked()
    rig.clock.advance(60)
    second = await rig.asked(a.start_event(vm=OTHER, correlation_id="c0ffee00-0000-4000-8000-000000000002"))
    assert [one.id for one in await overview.questions()] == [first.id, second.id]


async def test_of_a_person_only_those_whose_owner_they_are(rig: Rig, overview: Overview) -> None:
    asked = await rig.asked()
    waiting = await overview.waiting_for(a.actor(), rig.clock.now())
    assert ([one.id for one in waiting.questions], waiting.in_stead_of) == ([asked.id], {})
    for nobody in (a.oncall(), a.actor(barred="Guests can't use Startgate.")):
        assert (await overview.waiting_for(nobody, rig.clock.now())).questions == []


class TestInGroupsAndInSteadOfOthers:
    BOB, CAROL = (
        a.actor(slack_user="U0BOB", email="bob@x.com"),
        a.actor(slack_user="U0CAROL", email="c@x.com"),
    )

    async def delegated(self, rig: Rig, giver: Actor, to: Actor) -> None:
        now, found = rig.clock.now(), await rig.store.delegations()
        one = found.begun(giver, to, now, now + timedelta(hours=4), timedelta(days=1))
        await rig.store.commit(Commit(partition=partition_of_id(one.id), documents=(one,)))

    async def owned_by(self, rig: Rig, owner: Owner) -> Approval:
        asked = await rig.asked()
        owned = asked.changed(owner=owner)
        await rig.store.commit(Commit(partition=partition_of_id(asked.id), documents=(owned,)))
        return asked

    async def test_a_member_of_a_group_that_owns_the_vm_and_who_stands_in_for_one(self, rig: Rig) -> None:
        asked = await self.owned_by(rig, a.owner(emails=(), usergroups=("S0TEAM0001",)))
        overview = Overview(
            store=rig.store, inventory=rig.inventory, groups=Members(self.BOB), observes=lambda: False
        )
        now = rig.clock.now()
        assert (await overview.waiting_for(self.CAROL, now)).questions == []
        await self.delegated(rig, self.BOB, self.CAROL)

        of_bob = await overview.waiting_for(self.BOB, now)
        assert ([one.id for one in of_bob.questions], of_bob.in_stead_of) == ([asked.id], {})
        assert of_bob.reader.owns(a.owner(emails=(), usergroups=("S0TEAM0001",)))
        of_carol = await overview.waiting_for(self.CAROL, now)
        assert [one.id for one in of_carol.questions] == [asked.id]
        assert of_carol.in_stead_of[asked.id].giver == self.BOB.slack_user
        assert (await overview.waiting_for(self.CAROL, now + timedelta(hours=5))).questions == []

    async def test_what_was_passed_on_to_somebody_is_not_their_delegates(
        self, rig: Rig, overview: Overview
    ) -> None:
        asked = await rig.asked()
        passed = asked.passed_on(PassedOn(by=a.actor(), to=self.BOB, at=rig.clock.now()))
        await rig.store.commit(Commit(partition=partition_of_id(asked.id), documents=(passed,)))
        await self.delegated(rig, self.BOB, self.CAROL)
        now = rig.clock.now()
        assert [one.id for one in (await overview.waiting_for(self.BOB, now)).questions] == [asked.id]
        assert (await overview.waiting_for(self.CAROL, now)).questions == []


async def test_a_question_that_is_answered_waits_no_longer(rig: Rig, overview: Overview) -> None:
    asked = await rig.asked()
    await rig.decide(a.Answer.CONFIRM, asked.id, a.actor())
    assert await overview.questions() == []


async def test_a_start_that_is_only_announced_waits_for_nobody_and_is_in_its_vms_status() -> None:
    rig = Rig(a.policy(rules=(Rule(name="told", when="true", verdict=Verdict.TELL),)))
    overview = acting.overview(store=rig.store, inventory=rig.inventory, observes=lambda: rig.policy.observes)
    told = await rig.asked()
    assert await overview.questions() == []
    status = await overview.of_vm(a.vm_ref())
    assert ([one.id for one in status.questions], status.observes) == ([told.id], False)
    rig.policy = rig.policy.changed(mode=Mode.OBSERVE)
    assert (await overview.of_vm(a.vm_ref())).observes


async def test_contained_vms_come_the_newest_first(rig: Rig, overview: Overview) -> None:
    older = await rig.rejected()
    rig.clock.advance(60)
    newer = (await rig.lock_down(OTHER, a.oncall(), LockdownProfile())).containment
    assert [one.id for one in await overview.contained()] == [newer.id, older.id]


async def test_a_vm_s_status_has_its_question_its_containment_and_its_line(
    rig: Rig, overview: Overview
) -> None:
    await rig.inventory.put([a.known_vm()])
    asked = await rig.asked()
    status = await overview.of_vm(a.vm_ref())
    assert ([one.id for one in status.questions], status.containment) == ([asked.id], None)
    assert status.line is not None
    contained = (await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile())).containment
    status = await overview.of_vm(a.vm_ref())
    assert status.questions == []
    assert status.containment is not None
    assert status.containment.id == contained.id


async def test_a_vm_of_which_nothing_is_known_has_an_empty_status(overview: Overview) -> None:
    status = await overview.of_vm(OTHER)
    assert (status.line, status.containment, list(status.questions)) == (None, None, [])
    assert not status.pause.on(a.NOW + timedelta(days=1))


async def test_a_document_of_a_newer_version_hides_no_other(
    rig: Rig, overview: Overview, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = await rig.asked()
    event = a.start_event(vm=OTHER, correlation_id="c0ffee00-0000-4000-8000-000000000003")
    newer = await rig.asked(event)
    read = rig.store.approval

    async def approval(approval_id: str) -> object:
        if approval_id == newer.id:
            raise NewerDocument("written by a newer version")
        return await read(approval_id)

    monkeypatch.setattr(rig.store, "approval", approval)
    assert [one.id for one in await overview.questions()] == [older.id]
