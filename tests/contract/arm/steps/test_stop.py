"""Which power states count: only *deallocated* as stopped, and only *running* as started again."""

import asyncio

import pytest

from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import Driver, machine, sent, stopping
from workers.arm.session.clients import Azure
from workers.domain.containment.plans import Change

VMS = ["db-01", "legacy-01"]
RAN = Change(summary="deallocate the VM", before={"power": "running"}, after={"power": "deallocated"})


async def ended(arm: AzureServer, azure: Azure, name: str, power: str) -> Driver:
    """Azure says that the deallocation has ended, and then the VM is in this state."""
    machine(arm, name).power = "running"
    driver = stopping(arm, azure, name)
    await driver.act()
    await asyncio.sleep(0.01)
    await driver.check()
    machine(arm, name).power = power
    return driver


@pytest.mark.parametrize("name", VMS)
@pytest.mark.parametrize("power", ["stopped", "stopping"])
async def test_a_vm_that_is_only_stopped_at_the_end_is_not_stopped_enough(
    arm: AzureServer, azure: Azure, name: str, power: str
) -> None:
    driver = await ended(arm, azure, name, power)

    progress = await driver.check()

    assert (progress.done, progress.again, progress.undone) == (False, True, False)


@pytest.mark.parametrize("name", VMS)
@pytest.mark.parametrize("power", ["starting", "running"])
async def test_a_vm_that_runs_at_the_end_was_started_again(
    arm: AzureServer, azure: Azure, name: str, power: str
) -> None:
    driver = await ended(arm, azure, name, power)

    progress = await driver.check()

    assert (progress.done, progress.again, progress.undone) == (False, True, True)


async def test_a_vm_that_is_still_deallocating_at_the_end_is_waited_for(
    arm: AzureServer, azure: Azure
) -> None:
    driver = await ended(arm, azure, "db-01", "deallocating")
    looks = [await driver.check(), await driver.check()]
    machine(arm, "db-01").power = "deallocated"

    assert [(look.done, look.again) for look in looks] == [(False, False)] * 2
    assert (await driver.check()).done


@pytest.mark.parametrize("power", ["stopped", "running"])
async def test_a_deallocation_by_somebody_else_that_ends_otherwise_is_begun_by_us(
    arm: AzureServer, azure: Azure, power: str
) -> None:
    vm = machine(arm, "db-01")
    vm.power = "deallocating"
    driver = stopping(arm, azure, "db-01")
    await driver.begin()
    vm.power = power

    assert (await driver.check()).again
    await driver.contain()

    assert vm.power == "deallocated"
    assert len(sent(arm, "POST", "/deallocate")) == 1


@pytest.mark.parametrize("power", ["starting", "stopped", "deallocated"])
async def test_a_vm_that_is_started_again_has_to_run(arm: AzureServer, azure: Azure, power: str) -> None:
    vm = machine(arm, "db-01")
    vm.power = "deallocated"
    driver = stopping(arm, azure, "db-01")
    driver.step = driver.step.changed(change=RAN)
    begun = await driver.runner.undo(driver.vm, driver.profile, driver.step, start="start-1")
    driver.step = driver.step.changed(token=begun.token)
    await asyncio.sleep(0.01)
    await driver.runner.undo(driver.vm, driver.profile, driver.step, start="start-1")
    vm.power = power

    progress = await driver.runner.undo(driver.vm, driver.profile, driver.step, start="start-1")
    vm.power = "running"

    assert not progress.done
    assert (await driver.runner.undo(driver.vm, driver.profile, driver.step, start="start-1")).done


async def test_that_the_vm_ran_is_on_record_before_it_is_stopped(arm: AzureServer, azure: Azure) -> None:
    """So a worker that takes over from one that died finds it stopped, and a restore can start it."""
    machine(arm, "db-01").power = "running"
    dying, next_one = stopping(arm, azure, "db-01"), stopping(arm, azure, "db-01")

    recorded = await dying.begin()
    assert recorded.change is not None
    assert recorded.change.before == {"power": "running"}
    assert not sent(arm, "POST", "/deallocate")
    await dying.check()
    await asyncio.sleep(0.01)
    next_one.step = next_one.step.changed(change=recorded.change)
    await next_one.contain()

    assert next_one.step.change is not None
    assert next_one.step.change.before == {"power": "running"}
    assert len(sent(arm, "POST", "/deallocate")) == 1
