"""A read-only lock on the VM: set last, read back, taken off again; one that somebody set is left alone."""

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import LOCK
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests import builders as a
from tests.contract.arm.driver import PROFILE, Driver, lock, locking, machine, ref, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.arm.steps.obstacles import ArmObstacles
from workers.arm.steps.standing import ArmStanding
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.spec import LOCK_NAME
from workers.domain.errors import DependencyAway, StepFailed

VMS = ["db-01", "legacy-01"]


def locks(arm: AzureServer, name: str) -> dict[str, str]:
    """The locks on the VM itself: name → level."""
    scope = f"{machine(arm, name).id}/".lower()
    return {
        one.name: one.properties["level"] for one in arm.estate.of(LOCK) if one.id.lower().startswith(scope)
    }


def group(arm: AzureServer, name: str) -> str:
    return machine(arm, name).id.partition("/providers/")[0]


async def planned(arm: AzureServer, azure: Azure, name: str) -> Change:
    facts = await ArmFacts(azure).gather(ref(arm, name), budget_s=5)
    driver = locking(arm, azure, name)
    return driver.runner.plan(driver.vm, facts, PROFILE)


# Doing it


@pytest.mark.parametrize("name", VMS)
async def test_a_fresh_vm_is_locked_read_only_and_read_back(
    arm: AzureServer, azure: Azure, name: str
) -> None:
    progress = await locking(arm, azure, name).contain()

    assert progress.note == f"{LOCK_NAME} read back"
    assert locks(arm, name) == {LOCK_NAME: "ReadOnly"}
    (put,) = sent(arm, "PUT")
    assert "/vm-restore" in put["request"]["properties"]["notes"]
    assert "(c0)" in put["request"]["properties"]["notes"]


async def test_what_is_going_to_be_set_is_on_record_before_it_is_written(
    arm: AzureServer, azure: Azure
) -> None:
    driver = locking(arm, azure, "db-01")

    progress = await driver.begin()

    assert not progress.done
    assert progress.change is not None
    assert str(progress.change.after["lock"]).endswith(f"/locks/{LOCK_NAME}")
    assert sent(arm, "PUT") == []


async def test_what_is_locked_by_us_already_is_not_written_again(arm: AzureServer, azure: Azure) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.contain()

    await driver.contain()
    await locking(arm, azure, "db-01").contain()

    assert len(sent(arm, "PUT")) == 1


async def test_a_lock_of_our_name_that_somebody_weakened_is_read_only_again(
    arm: AzureServer, azure: Azure
) -> None:
    lock(arm, machine(arm, "db-01").id, LOCK_NAME, level="CanNotDelete")

    await locking(arm, azure, "db-01").contain()

    assert locks(arm, "db-01") == {LOCK_NAME: "ReadOnly"}


async def test_a_vm_that_is_gone_fails_for_good(arm: AzureServer, azure: Azure) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.begin()
    arm.estate.remove(machine(arm, "db-01").id)

    for verb in (driver.begin, driver.check):
        with pytest.raises(StepFailed, match="no longer exists") as failed:
            await verb()
        assert failed.value.final


@pytest.mark.parametrize("status", [409, 412])
async def test_somebody_else_writing_is_waited_for(arm: AzureServer, azure: Azure, status: int) -> None:
    arm.faults.put(Fault(method="PUT", path="/locks/", status=status, times=2))

    progress = await locking(arm, azure, "db-01").contain()

    assert progress.done
    assert locks(arm, "db-01") == {LOCK_NAME: "ReadOnly"}


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_azure_that_is_away_is_told_so_and_the_next_look_goes_on(
    arm: AzureServer, azure: Azure, method: str, status: int
) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.begin()
    arm.faults.put(Fault(method=method, path="/locks", status=status, times=1))

    with pytest.raises(DependencyAway):
        await driver.check()

    assert (await driver.finish()).done


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_answer_that_is_lost_is_made_up_for(arm: AzureServer, azure: Azure, when: str) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.begin()
    # Twice: aiohttp repeats a PUT once when a kept connection turns out to be closed.
    arm.faults.put(Fault.model_validate({"method": "PUT", "path": "/locks/", "drop": when, "times": 2}))
    with pytest.raises(DependencyAway):
        await driver.check()

    # A process that died knows what was on record, and no more.
    again = locking(arm, azure, "db-01")
    again.step = again.step.changed(change=driver.step.change)

    assert (await again.contain()).done
    assert locks(arm, "db-01") == {LOCK_NAME: "ReadOnly"}
    await again.undo()
    assert locks(arm, "db-01") == {}


async def test_a_policy_that_forbids_it_is_named(arm: AzureServer, azure: Azure) -> None:
    arm.refusals.put(
        Refusal(code="RequestDisallowedByPolicy", method="PUT", path="/locks/", about={"policy": "No locks"})
    )
    driver = locking(arm, azure, "db-01")

    with pytest.raises(StepFailed, match="No locks") as failed:
        await driver.contain()

    assert failed.value.final


@pytest.mark.parametrize(("method", "action"), [("PUT", "write"), ("DELETE", "delete")])
async def test_a_missing_right_is_named(arm: AzureServer, azure: Azure, method: str, action: str) -> None:
    driver = locking(arm, azure, "db-01")
    if method == "DELETE":
        await driver.contain()
    arm.refusals.put(Refusal(code="AuthorizationFailed", method=method, path="/locks/"))

    with pytest.raises(StepFailed, match=f"Microsoft.Authorization/locks/{action}"):
        await (driver.contain() if method == "PUT" else driver.undo())


# Locks of others


@pytest.mark.parametrize("where", ["vm", "group", "subscription"])
async def test_a_read_only_lock_that_somebody_set_is_left_alone_and_said(
    arm: AzureServer, azure: Azure, where: str
) -> None:
    vm_id = machine(arm, "db-01").id
    scope = {
        "vm": vm_id,
        "group": group(arm, "db-01"),
        "subscription": vm_id.partition("/resourceGroups/")[0],
    }
    lock(arm, scope[where])
    driver = locking(arm, azure, "db-01")

    change, progress = await planned(arm, azure, "db-01"), await driver.contain()
    undone = await driver.undo()

    assert change.nothing_to_do
    for said in (" ".join(change.details), progress.note, undone.note):
        assert "lock freeze on" in said
        assert "not ours" in said
        assert "until somebody removes it" in said
    assert sent(arm, "PUT") == sent(arm, "DELETE") == []


async def test_a_lock_against_deletion_alone_is_left_and_ours_is_set_beside_it(
    arm: AzureServer, azure: Azure
) -> None:
    lock(arm, machine(arm, "db-01").id, level="CanNotDelete")
    driver = locking(arm, azure, "db-01")

    assert not (await planned(arm, azure, "db-01")).nothing_to_do
    await driver.contain()

    assert locks(arm, "db-01") == {"freeze": "CanNotDelete", LOCK_NAME: "ReadOnly"}
    await driver.undo()
    assert locks(arm, "db-01") == {"freeze": "CanNotDelete"}


async def test_a_lock_on_another_vm_is_no_lock_on_this_one(arm: AzureServer, azure: Azure) -> None:
    lock(arm, machine(arm, "web-01").id)

    await locking(arm, azure, "web-02").contain()

    assert locks(arm, "web-02") == {LOCK_NAME: "ReadOnly"}


async def test_the_plan_says_what_will_be_set(arm: AzureServer, azure: Azure) -> None:
    change = await planned(arm, azure, "db-01")

    assert change.details == (f"db-01: no read-only lock → {LOCK_NAME}",)
    assert change.after == {}


async def test_no_lock_of_others_stands_in_its_own_way(arm: AzureServer, azure: Azure) -> None:
    lock(arm, group(arm, "db-01"))
    vm = ref(arm, "db-01")
    facts = await ArmFacts(azure).gather(vm, budget_s=5)

    found = await ArmObstacles(azure, step_runners(azure)).read(vm, facts, PROFILE, list(StepName))

    hit = {one.step for one in found if "ReadOnly lock freeze" in one.why}
    assert StepName.LOCK not in hit
    assert StepName.STOP in hit


async def test_our_own_lock_is_no_obstacle(arm: AzureServer, azure: Azure) -> None:
    await locking(arm, azure, "db-01").contain()
    vm = ref(arm, "db-01")
    facts = await ArmFacts(azure).gather(vm, budget_s=5)

    found = await ArmObstacles(azure, step_runners(azure)).read(vm, facts, PROFILE, list(StepName))

    assert [one.why for one in found if "lock " in one.why] == []


# Taking it off


@pytest.mark.parametrize("name", VMS)
async def test_undoing_takes_ours_off_and_reads_back(arm: AzureServer, azure: Azure, name: str) -> None:
    driver = locking(arm, azure, name)
    await driver.contain()

    progress = await driver.undo()

    assert progress.note == f"{LOCK_NAME} is off, read back"
    assert locks(arm, name) == {}


async def test_undoing_what_was_taken_off_already_writes_nothing(arm: AzureServer, azure: Azure) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.contain()
    arm.estate.remove(f"{machine(arm, 'db-01').id}/providers/Microsoft.Authorization/locks/{LOCK_NAME}")

    assert (await driver.undo()).done
    assert sent(arm, "DELETE") == []


async def test_undoing_on_a_vm_that_is_gone_has_nothing_left_to_do(arm: AzureServer, azure: Azure) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.contain()
    arm.estate.remove(machine(arm, "db-01").id)

    assert "no longer exists" in (await driver.undo()).note


async def test_lifting_takes_ours_off_leaves_others_and_names_them(arm: AzureServer, azure: Azure) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.contain()
    assert await driver.runner.lift(driver.vm, driver.step) == ""
    assert await driver.runner.lift(driver.vm, driver.step) == "", "twice is as good as once"
    assert locks(arm, "db-01") == {}

    lock(arm, group(arm, "db-01"))

    said = await driver.runner.lift(driver.vm, driver.step)
    assert f"lock freeze on the resource group {machine(arm, 'db-01').group}" in said


# The proof, and whether it still holds


async def test_a_proof_writes_nothing(arm: AzureServer, azure: Azure) -> None:
    driver = locking(arm, azure, "db-01")
    await driver.contain()
    arm.estate.remove(f"{machine(arm, 'db-01').id}/providers/Microsoft.Authorization/locks/{LOCK_NAME}")
    driver.step = driver.step.to(StepState.DONE)

    progress = await driver.check()

    assert (progress.done, progress.note) == (False, f"the lock {LOCK_NAME} was taken off")
    assert len(sent(arm, "PUT")) == 1


def standing(driver: Driver) -> Containment:
    step = driver.step.to(StepState.DONE, ended_at=a.NOW, token="")
    profile = PROFILE.changed(steps=(StepName.LOCK,))
    return a.containment(state=ContainmentState.CONTAINED, vm=driver.vm, profile=profile, steps=(step,))


@pytest.mark.parametrize("name", VMS)
@pytest.mark.parametrize("change", ["none", "off", "weaker"])
async def test_a_lock_that_was_taken_off_or_weakened_is_drift(
    arm: AzureServer, azure: Azure, name: str, change: str
) -> None:
    driver = locking(arm, azure, name)
    await driver.contain()
    lock_id = f"{machine(arm, name).id}/providers/Microsoft.Authorization/locks/{LOCK_NAME}"
    if change == "off":
        arm.estate.remove(lock_id)
    elif change == "weaker":
        arm.estate.get(lock_id).properties["level"] = "CanNotDelete"
    one, reader = standing(driver), ArmStanding(azure)

    found = await reader.drift(one)

    assert (
        found
        == {
            "none": {},
            "off": {StepName.LOCK: f"the lock {LOCK_NAME} was taken off"},
            "weaker": {StepName.LOCK: f"the lock {LOCK_NAME} was changed: its level is CanNotDelete"},
        }[change]
    )
    suspected = await reader.suspects(one.vm.subscription_id, [one])
    assert list(suspected) == ([one] if found or one.vm.classic else [])


async def test_a_lock_of_somebody_that_we_relied_on_is_drift_once_it_is_gone(
    arm: AzureServer, azure: Azure
) -> None:
    lock(arm, group(arm, "db-01"))
    driver = locking(arm, azure, "db-01")
    await driver.contain()
    assert await ArmStanding(azure).drift(standing(driver)) == {}

    arm.estate.remove(f"{group(arm, 'db-01')}/providers/Microsoft.Authorization/locks/freeze")

    assert await ArmStanding(azure).drift(standing(driver)) == {
        StepName.LOCK: "the lock freeze was taken off"
    }
    driver.step = driver.step.anew().to(StepState.STARTED)
    await driver.contain()
    assert locks(arm, "db-01") == {LOCK_NAME: "ReadOnly"}
