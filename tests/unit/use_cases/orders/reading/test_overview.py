"""What people are shown when they ask: what waits, what is contained, and how a VM stands."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.conftest import Rig
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NewerDocument
from workers.domain.policy.model import Mode, Rule, Verdict
from workers.use_cases.orders.reading.overview import Overview

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
    assert [one.id for one in await overview.questions(of=a.actor())] == [asked.id]
    assert await overview.questions(of=a.oncall()) == []


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
