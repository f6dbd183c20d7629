"""Containments that stand are re-read; one that no longer holds is done again, and said."""

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.containment.afterwards.standing import drifted, held
from workers.domain.containment.containment import Containment, ContainmentState, Restoration, StepState
from workers.domain.containment.plans import StepName
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.domain.ports.store import Commit
from workers.use_cases.sweeps.standing import LISTED_FROM, MOST_READ, RereadStanding

ISOLATE, STOP, BACKUP = StepName.ISOLATE, StepName.STOP, StepName.BACKUP
OFF = {ISOLATE: "NIC web-nic has no NSG, not startgate-lockdown"}
OTHER_SUBSCRIPTION = "99999999-2222-3333-4444-555555555555"


class Azure:
    """What is read, by the name of the VM; an error is raised."""

    def __init__(self) -> None:
        self.found: dict[str, dict[StepName, str] | Exception] = {}
        self.listed: dict[str, list[str]] = {}
        self.read: list[str] = []
        self.lists_fail: dict[str, Exception] = {}

    async def suspects(self, subscription_id: str, standing: Sequence[Containment]) -> list[Containment]:
        self.listed[subscription_id] = [one.vm.name for one in standing]
        if subscription_id in self.lists_fail:
            raise self.lists_fail[subscription_id]
        return [one for one in standing if self.found.get(one.vm.name)]

    async def drift(self, containment: Containment) -> dict[StepName, str]:
        self.read.append(containment.vm.name)
        await asyncio.sleep(0)
        found = self.found.get(containment.vm.name, {})
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def azure() -> Azure:
    return Azure()


def sweep(rig: Rig, azure: Azure) -> RereadStanding:
    return RereadStanding(store=rig.store, nudger=rig.nudger, reader=azure, clock=rig.clock, period_s=300)


async def contained(rig: Rig) -> Containment:
    done = await rig.until_rest((await rig.rejected()).id)
    rig.nudger.clear()
    return done


async def put(rig: Rig, name: str, subscription: str = a.SUBSCRIPTION) -> Containment:
    vm = a.vm_ref(name=name, subscription=subscription)
    made = a.containment(vm=vm, state=ContainmentState.CONTAINED, version=0)
    # The partition comes from the VM; the rest of the id is this VM's own.
    one = made.changed(id=f"{made.id[:2]}{uuid.uuid5(uuid.NAMESPACE_URL, vm.key).int % 10**24:024}")
    await rig.store.commit(Commit(partition=partition_of_id(one.id), documents=(one,)))
    return one


async def test_what_holds_is_left_alone(rig: Rig, azure: Azure) -> None:
    done = await contained(rig)

    assert await sweep(rig, azure)() == (1, 0)

    assert azure.read == [done.vm.name]
    assert await rig.store.containment(done.id) == done
    assert not rig.nudger.to_work


async def test_what_somebody_undid_is_done_again_and_proven_anew(rig: Rig, azure: Azure) -> None:
    done = await contained(rig)
    azure.found[done.vm.name] = OFF

    assert await sweep(rig, azure)() == (1, 1)

    again = await rig.store.containment(done.id)
    assert (again.state, again.round, again.verified_at) == (ContainmentState.RUNNING, 2, None)
    assert again.drift == tuple(OFF.values())
    assert [nudge.id for nudge in rig.worked(Subject.CONTAINMENT)] == [done.id]
    assert [nudge.id for nudge in rig.nudger.to_notices] == [done.id]
    ended = await rig.until_rest(done.id)
    assert (ended.state, ended.round) == (ContainmentState.CONTAINED, 2)
    assert ended.verified_at is not None
    assert {name: len(rig.runners[name].begun) for name in (ISOLATE, STOP, BACKUP)} == {
        ISOLATE: 2,
        STOP: 1,
        BACKUP: 1,
    }


async def test_it_is_in_the_audit_what_was_found(rig: Rig, azure: Azure) -> None:
    done = await contained(rig)
    azure.found[done.vm.name] = OFF
    await sweep(rig, azure)()

    (record,) = [r for r in await rig.audit() if r.kind == "containment.drifted"]
    assert (record.about, record.vm) == (done.id, done.vm.key)
    assert record.details == {"found": {"isolate": OFF[ISOLATE]}, "round": 2}


async def test_what_an_undo_brings_back_stays_as_it_was_before_the_first_round(
    rig: Rig, azure: Azure
) -> None:
    done = await contained(rig)
    azure.found[done.vm.name] = OFF
    await sweep(rig, azure)()
    ended = await rig.until_rest(done.id)
    before, after = done.step(ISOLATE).change, ended.step(ISOLATE).change
    assert before is not None
    assert after is not None
    assert after.before == before.before == {"was": 1}


async def test_several_workers_at_the_same_moment_begin_one_round(rig: Rig, azure: Azure) -> None:
    done = await contained(rig)
    azure.found[done.vm.name] = OFF

    results = await asyncio.gather(*(sweep(rig, azure)() for _ in range(3)))

    assert sorted(result.again for result in results) == [0, 0, 1]
    assert (await rig.store.containment(done.id)).round == 2
    assert (await rig.kinds()).count("containment.drifted") == 1


async def test_one_that_is_being_worked_on_is_not_looked_at(rig: Rig, azure: Azure) -> None:
    containment = await rig.rejected()
    azure.found[containment.vm.name] = OFF

    assert await sweep(rig, azure)() == (0, 0)
    assert azure.read == []


async def test_a_subscription_that_can_not_be_read_keeps_no_other_from_being_read(
    rig: Rig, azure: Azure
) -> None:
    await put(rig, "throttled")
    await put(rig, "other", OTHER_SUBSCRIPTION)
    azure.found = {"throttled": DependencyAway("azure", "429", retry_after_s=17), "other": OFF}

    with pytest.raises(DependencyAway, match="429"):
        await sweep(rig, azure)()

    assert set(azure.read) == {"throttled", "other"}
    assert len(rig.worked(Subject.CONTAINMENT)) == 1


async def test_a_few_are_read_one_by_one_and_many_are_looked_for_in_lists_first(
    rig: Rig, azure: Azure
) -> None:
    few = [await put(rig, f"few-{number}") for number in range(LISTED_FROM - 1)]
    many = [await put(rig, f"many-{number}", OTHER_SUBSCRIPTION) for number in range(LISTED_FROM)]
    azure.found["many-3"] = OFF

    assert await sweep(rig, azure)() == (len(few) + len(many), 1)

    assert sorted(azure.listed) == [OTHER_SUBSCRIPTION]
    assert sorted(azure.read) == sorted([*(one.vm.name for one in few), "many-3"])


async def test_a_run_reads_a_bounded_number_and_the_rest_have_their_turn_later(
    rig: Rig, azure: Azure
) -> None:
    for number in range(MOST_READ + 50):
        one = await put(rig, f"vm-{number:03}")
        azure.found[one.vm.name] = OFF

    assert (await sweep(rig, azure)()).again == MOST_READ
    assert (await sweep(rig, azure)()).again == 50


async def test_a_refused_list_is_said(rig: Rig, azure: Azure) -> None:
    for number in range(LISTED_FROM):
        await put(rig, f"vm-{number}")
    azure.lists_fail[a.SUBSCRIPTION] = StepFailed("we lack the right")

    with pytest.raises(StepFailed, match="lack the right"):
        await sweep(rig, azure)()


class TestWhatIsDoneAgain:
    def test_a_vm_that_ran_is_backed_up_again(self) -> None:
        again = drifted(a.containment(state=ContainmentState.CONTAINED), {STOP: "the VM is running"}, a.NOW)
        assert [step.state for step in again.steps] == [StepState.DONE, StepState.TODO, StepState.TODO]

    def test_what_failed_is_tried_again_too(self) -> None:
        again = drifted(a.containment(state=ContainmentState.INCOMPLETE), OFF, a.NOW)
        assert [step.state for step in again.steps] == [StepState.TODO, StepState.DONE, StepState.TODO]

    def test_another_round_for_another_reason_says_nothing_of_it(self) -> None:
        ended = a.containment(state=ContainmentState.CONTAINED, round=2, drift=tuple(OFF.values()))
        assert ended.once_more(a.NOW).drift == ()


class TestWhatIsHeld:
    def test_the_steps_that_must_read_back_and_are_done(self) -> None:
        assert [s.name for s in held(a.containment(state=ContainmentState.CONTAINED))] == [ISOLATE, STOP]

    @pytest.mark.parametrize(
        "state",
        sorted(set(ContainmentState) - {ContainmentState.CONTAINED, ContainmentState.INCOMPLETE}),
    )
    def test_nothing_of_one_that_does_not_stand(self, state: ContainmentState) -> None:
        assert held(a.containment(state=state)) == ()

    def test_nothing_after_a_restore_that_stayed_incomplete(self) -> None:
        restoration = Restoration(by=a.oncall(), at=a.NOW, steps=())
        assert held(a.containment(state=ContainmentState.INCOMPLETE, restoration=restoration)) == ()
