"""The undo of each step against the Azure stand-in: what was comes back, or what drifted is named."""

import asyncio

import pytest

from deploy.sandbox.azure.model import NSG
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import (
    LOCKDOWN,
    MOST_LOOKS,
    Driver,
    isolating,
    machine,
    nics,
    nsg_name,
    sent,
    stopping,
)
from workers.arm.session.clients import Azure
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change
from workers.domain.errors import DependencyAway, StepFailed

OURS = "0f0f0f0f-0000-4000-8000-00000000beef"


async def undone(driver: Driver, *, start: str | None = None) -> list[Progress]:
    """Undo as the use case does: the undo's own token is kept from look to look."""
    step, looks = driver.step.changed(token="", note=""), []
    while len(looks) < MOST_LOOKS:
        progress = await driver.runner.undo(driver.vm, driver.profile, step, start=start)
        looks.append(progress)
        if progress.done or progress.again:
            return looks
        change = progress.change or step.change
        step = step.changed(token=progress.token, note=progress.note, change=change)
        await asyncio.sleep(0.01)
    raise AssertionError("not undone")


def started_events(arm: AzureServer) -> list[str]:
    return [str(entry.data["correlation_id"]) for entry in arm.record.since(0, "event")]


# Start


async def test_a_vm_that_ran_is_started_under_our_correlation_id_and_reads_back(
    arm: AzureServer, azure: Azure
) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.contain()

    looks = await undone(driver, start=OURS)

    assert machine(arm, "db-01").power == "running"
    assert looks[-1].note == "started, power state read back"
    assert len(sent(arm, "POST", "/start")) == 1
    assert looks[0].started_as == OURS
    assert started_events(arm) == [OURS]


async def test_a_vm_that_was_off_before_stays_off_even_if_a_start_is_asked_for(
    arm: AzureServer, azure: Azure
) -> None:
    driver = stopping(arm, azure, "web-01")
    await driver.contain()

    (only,) = await undone(driver, start=OURS)

    assert only.note == "left stopped, as it was before"
    assert not sent(arm, "POST", "/start")


async def test_a_start_that_azure_can_not_do_gives_its_code_and_words(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.contain()
    arm.operations.set_speed(100)
    first = await driver.runner.undo(driver.vm, driver.profile, driver.step.changed(token=""), start=OURS)
    operation = arm.operations.running_on(driver.vm.resource_id)
    assert operation is not None
    operation.failure = ("AllocationFailed", "Sufficient capacity is not available.")
    arm.operations.set_speed(0)
    await asyncio.sleep(0.01)
    operation.polls = 1

    with pytest.raises(StepFailed, match="could not start it: AllocationFailed: Sufficient capacity"):
        await driver.runner.undo(
            driver.vm, driver.profile, driver.step.changed(token=first.token), start=OURS
        )


async def test_a_vm_that_starts_already_is_waited_for_and_not_started_twice(
    arm: AzureServer, azure: Azure
) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.contain()
    vm = machine(arm, "db-01")
    vm.power = "starting"

    first = await driver.runner.undo(driver.vm, driver.profile, driver.step.changed(token=""), start=OURS)
    vm.power = "running"
    again = driver.step.changed(token=first.token)

    assert not first.done
    assert (await driver.runner.undo(driver.vm, driver.profile, again, start=OURS)).done
    assert not sent(arm, "POST", "/start")


async def test_a_throttled_start_is_passed_on_and_done_later(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.contain()
    arm.faults.put(Fault(method="POST", path="/start", status=429, retry_after_s=31))

    with pytest.raises(DependencyAway) as away:
        await undone(driver, start=OURS)

    assert away.value.retry_after_s == 31
    arm.faults.put()
    assert (await undone(driver, start=OURS))[-1].done


async def test_a_vm_deleted_since_can_not_be_started(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.contain()
    arm.estate.remove(driver.vm.resource_id)

    with pytest.raises(StepFailed, match="db-01 no longer exists"):
        await undone(driver, start=OURS)


async def test_a_classic_vm_is_started_under_our_correlation_id(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "legacy-01").power = "running"
    driver = stopping(arm, azure, "legacy-01")
    await driver.contain()

    looks = await undone(driver, start=OURS)

    assert looks[-1].done
    assert machine(arm, "legacy-01").power == "running"
    assert started_events(arm) == [OURS]


# Isolate


async def test_the_record_says_what_an_undo_brings_back(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "build-07")
    await driver.contain()

    assert driver.step.change is not None
    assert driver.step.change.back == (f"build-07-nic: NSG {LOCKDOWN} → none",)


async def test_a_nic_that_somebody_gave_another_nsg_is_let_go_as_it_is_and_said(
    arm: AzureServer, azure: Azure
) -> None:
    driver = isolating(arm, azure, "db-01")
    await driver.contain()
    first, second = nics(arm, "db-01")
    other = nics(arm, "web-02")[0].properties["networkSecurityGroup"]["id"]
    first.properties["networkSecurityGroup"] = {"id": other}
    del second.properties["networkSecurityGroup"]

    note = (await undone(driver))[-1].note

    assert f"{first.name} has web-02-nsg now: somebody changed it since" in note
    assert f"{second.name} has none now" in note
    assert "its former NSG is db-01-nsg2" in note
    assert "back to the former NSG" not in note
    assert [nsg_name(nic) for nic in (first, second)] == ["web-02-nsg", None]


async def asked_about(arm: AzureServer, azure: Azure, name: str) -> tuple[Driver, Step]:
    """A contained VM whose first NIC's former NSG is gone, and its undo when it has put that on record."""
    driver = isolating(arm, azure, name)
    await driver.contain()
    arm.estate.remove(next(nsg.id for nsg in arm.estate.of(NSG) if nsg.name == f"{name}-nsg"))
    step = driver.step.changed(token="", note="")
    looked = await driver.runner.undo(driver.vm, driver.profile, step)
    assert not looked.done
    return driver, step.changed(token=looked.token, change=looked.change)


async def test_where_the_former_nsg_is_gone_a_person_is_asked_which_of_the_region_it_is_to_have(
    arm: AzureServer, azure: Azure
) -> None:
    driver, step = await asked_about(arm, azure, "db-01")
    first, second = nics(arm, "db-01")

    assert step.change is not None
    (choice,) = step.change.choices
    assert (choice.of, str(choice.was).rpartition("/")[2]) == (first.id, "db-01-nsg")
    names = [option.rpartition("/")[2] for option in choice.options]
    assert names[0].startswith(("web-", "db-")), "its own resource group comes first"
    assert {"web-01-nsg", "db-01-nsg2"} <= {*names}
    assert LOCKDOWN not in names
    regions = {arm.estate.get(option).location for option in choice.options}
    assert regions == {first.location}
    driver.step = step
    with pytest.raises(StepFailed, match="had db-01-nsg, which was deleted since; it keeps") as failed:
        await undone(driver)
    assert failed.value.final
    assert nsg_name(first) == LOCKDOWN
    assert nsg_name(arm.estate.get(second.id)) == "db-01-nsg2", "the other NIC did not have to wait"


@pytest.mark.parametrize("instead", ["web-02-nsg", None])
async def test_what_was_chosen_comes_in_the_place_of_what_is_gone(
    arm: AzureServer, azure: Azure, instead: str | None
) -> None:
    driver, step = await asked_about(arm, azure, "web-01")
    assert step.change is not None
    (choice,) = step.change.choices
    chosen = next((one for one in choice.options if instead and one.endswith(f"/{instead}")), None)
    before = {**step.change.before, choice.of: chosen}
    driver.step = driver.step.changed(change=step.change.changed(before=before))

    assert (await undone(driver))[-1].done

    assert nsg_name(nics(arm, "web-01")[0]) == instead
    assert (await undone(driver))[-1].done, "and reads back so"


async def test_where_we_may_not_list_nsgs_only_none_can_be_chosen(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(method="GET", path=r"/networkSecurityGroups\?", status=403))

    _, step = await asked_about(arm, azure, "web-01")

    assert step.change is not None
    assert [choice.options for choice in step.change.choices] == [()]


async def test_a_nic_that_was_deleted_is_said_to_be(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "db-01")
    await driver.contain()
    gone, kept = nics(arm, "db-01")
    arm.estate.remove(gone.id)

    looks = await undone(driver)

    assert looks[-1].note == f"1 NIC back to db-01-nsg2, read back; {gone.name} was deleted since"
    assert nsg_name(arm.estate.get(kept.id)) == "db-01-nsg2"


async def test_a_write_that_azure_failed_is_written_again(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "web-01")
    before = nics(arm, "web-01")[0].properties["networkSecurityGroup"]
    await driver.contain()
    nic = nics(arm, "web-01")[0]
    nic.properties |= {"networkSecurityGroup": before, "provisioningState": "Failed"}
    nic.touch()

    assert (await undone(driver))[-1].done
    assert nics(arm, "web-01")[0].properties["provisioningState"] == "Succeeded"


async def test_calling_it_once_more_changes_nothing_and_proves_it(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "db-01")
    await driver.contain()
    await undone(driver)
    writes = len(sent(arm, "PUT"))

    (once_more,) = await undone(driver)

    assert once_more.done
    assert len(sent(arm, "PUT")) == writes


@pytest.mark.parametrize("start", [None, OURS])
async def test_a_vm_that_was_never_stopped_is_said_to_run(
    arm: AzureServer, azure: Azure, start: str | None
) -> None:
    """Its stop had failed: the power is read, and nothing is claimed."""
    driver = stopping(arm, azure, "db-01")
    before = Change(summary="deallocate the VM", before={"power": "running"}, after={"power": "deallocated"})
    driver.step = driver.step.changed(change=before)

    (only,) = await undone(driver, start=start)

    assert only.note == "already running, power state read back"
    assert not sent(arm, "POST", "/start")


async def test_a_power_that_can_not_be_read_holds_no_restore_up(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    arm.faults.put(Fault(path="/virtualMachines/db-01", status=403))

    (only,) = await undone(driver)

    assert only.note.startswith("left as it is, could not read the VM db-01")
