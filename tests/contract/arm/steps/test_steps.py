"""Stop, and what all containment steps have in common, against the Azure stand-in."""

import asyncio
import logging

import pytest

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import CLASSIC_NSG
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import NicSeed, VmSeed
from tests.contract.arm.driver import (
    PROFILE,
    Driver,
    backing_up,
    isolating,
    machine,
    ref,
    runner,
    sent,
    stopping,
)
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import IsolateOptions
from workers.domain.errors import DependencyAway, StepFailed

# Stop


async def test_stop_is_done_only_when_the_power_state_reads_back(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")

    progress = await driver.contain()

    assert machine(arm, "db-01").power == "deallocated"
    assert progress.note == "deallocated, power state read back"
    assert driver.looks >= 2


@pytest.mark.parametrize("name", ["lab-gpu", "db-01"])
async def test_stopped_is_not_enough(arm: AzureServer, azure: Azure, name: str) -> None:
    machine(arm, name).power = "stopped"

    await stopping(arm, azure, name).contain()

    assert machine(arm, name).power == "deallocated"


async def test_a_vm_that_is_deallocated_already_is_left_alone(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "web-01")

    progress = await driver.begin()

    assert progress.done
    assert progress.change is not None
    assert progress.change.nothing_to_do
    assert not sent(arm, "POST", "/deallocate")


async def test_a_deallocation_by_somebody_else_is_waited_for(arm: AzureServer, azure: Azure) -> None:
    vm = machine(arm, "db-01")
    vm.power = "deallocating"
    driver = stopping(arm, azure, "db-01")

    assert not (await driver.begin()).done
    vm.power = "deallocated"

    assert (await driver.check()).done
    assert not sent(arm, "POST", "/deallocate")


async def test_an_operation_that_fails_gives_azures_code_and_words(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    arm.operations.set_speed(100)
    await driver.act()
    operation = arm.operations.running_on(driver.vm.resource_id)
    assert operation is not None
    operation.failure = ("AllocationFailed", "Sufficient capacity is not available.")
    arm.operations.set_speed(0)
    await asyncio.sleep(0.01)
    await driver.check()

    with pytest.raises(StepFailed, match="Sufficient capacity is not available") as failed:
        await driver.check()

    assert failed.value.code == "AllocationFailed"


async def test_a_vm_started_again_meanwhile_is_stopped_again(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.act()
    await asyncio.sleep(0.01)
    await driver.check()
    machine(arm, "db-01").power = "running"

    progress = await driver.check()

    assert progress.again
    assert "the VM is running" in progress.note


async def test_the_address_of_an_operation_elsewhere_does_not_get_our_token(
    arm: AzureServer, azure: Azure
) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.begin()
    driver.step = driver.step.changed(token='{"operation": "http://127.0.0.1:9/steal"}')

    with pytest.raises(StepFailed, match="does not get our token"):
        await driver.check()


async def test_restore_leaves_the_vm_stopped(arm: AzureServer, azure: Azure) -> None:
    driver = stopping(arm, azure, "db-01")
    await driver.contain()

    assert (await driver.undo()).note.startswith("left stopped")
    assert machine(arm, "db-01").power == "deallocated"


# All steps


@pytest.mark.parametrize("name", list(StepName))
async def test_throttling_is_passed_on_and_nobody_sleeps(
    arm: AzureServer, azure: Azure, name: StepName
) -> None:
    arm.faults.put(Fault(path="/virtualMachines/", status=429, retry_after_s=27))
    driver = Driver(runner(azure, name), ref(arm, "db-01"))
    started = asyncio.get_running_loop().time()

    with pytest.raises(DependencyAway) as away:
        await driver.begin()

    assert away.value.retry_after_s == 27
    assert asyncio.get_running_loop().time() - started < 15
    assert len(arm.record.since(0, "request")) == 1


async def test_a_throttled_write_is_not_repeated_by_the_sdk(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(method="POST", path="/deallocate", status=429, retry_after_s=9))

    with pytest.raises(DependencyAway) as away:
        await stopping(arm, azure, "db-01").act()

    assert away.value.retry_after_s == 9
    assert len(sent(arm, "POST", "/deallocate")) == 1


@pytest.mark.parametrize("name", list(StepName))
async def test_a_vm_that_is_gone_fails_the_step_for_good(
    arm: AzureServer, azure: Azure, name: StepName
) -> None:
    driver = Driver(runner(azure, name), ref(arm, "web-01"))
    arm.estate.remove(driver.vm.resource_id)

    with pytest.raises(StepFailed, match="web-01 no longer exists") as failed:
        await driver.begin()

    assert failed.value.final


async def test_a_cut_connection_is_an_outage(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(method="POST", path="/deallocate", drop="after"))

    with pytest.raises(DependencyAway):
        await stopping(arm, azure, "db-01").act()

    arm.faults.put()
    driver = stopping(arm, azure, "db-01")
    assert (await driver.contain()).done


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
async def test_the_token_is_never_in_errors_or_logs(
    arm: AzureServer, azure: Azure, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    arm.faults.put(Fault(status=status))

    for one in step_runners(azure):
        with pytest.raises(Exception, match=r".") as raised:
            await one.begin(ref(arm, "web-01"), PROFILE, "c0")
        assert TOKEN not in str(raised.value)
        assert TOKEN not in repr(raised.value.__cause__)

    assert TOKEN not in caplog.text
    assert TOKEN not in repr(vars(azure))


# Classic


async def test_a_classic_vm_is_shut_down(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "legacy-01").power = "running"

    await stopping(arm, azure, "legacy-01").contain()

    assert machine(arm, "legacy-01").power == "deallocated"
    assert sent(arm, "POST", "legacy-01/shutdown")


async def test_a_classic_vm_without_a_configured_nsg_can_not_be_isolated(
    arm: AzureServer, azure: Azure
) -> None:
    with pytest.raises(StepFailed, match=r"isolate\.classic_nsg") as failed:
        await isolating(arm, azure, "legacy-01").begin()

    assert failed.value.final


async def test_a_classic_vm_gets_the_configured_nsg_and_loses_it_again(
    arm: AzureServer, azure: Azure
) -> None:
    vm = machine(arm, "legacy-01")
    group = arm_id(vm.subscription, vm.group, CLASSIC_NSG, "quarantine")
    profile = PROFILE.changed(isolate=IsolateOptions(classic_nsg=group))
    driver = isolating(arm, azure, "legacy-01", profile)

    await driver.contain()
    assert vm.properties["associatedNetworkSecurityGroup"]["id"] == group

    await driver.undo()
    assert "associatedNetworkSecurityGroup" not in vm.properties


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("legacy-01", "Azure Backup does not protect classic VMs"),
        ("eph-01", "its OS disk is ephemeral, which Azure Backup does not protect"),
    ],
)
async def test_a_vm_that_can_not_be_backed_up_is_left_out_and_the_plan_says_so(
    arm: AzureServer, azure: Azure, name: str, why: str
) -> None:
    add_vm(arm.estate, arm.world, VmSeed(name="eph-01", group="rg-new", power="running", ephemeral=True))
    driver = backing_up(arm, azure, name)
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    plan = driver.runner.plan(driver.vm, facts, PROFILE)
    progress = await driver.begin()

    assert plan.skipped == why
    assert progress.change == plan
    assert not sent(arm, "PUT")
    assert not sent(arm, "POST", "/protectedItems/")


async def test_a_classic_vm_that_somebody_gave_another_nsg_is_let_go_as_it_is_and_said(
    arm: AzureServer, azure: Azure
) -> None:
    vm = machine(arm, "legacy-01")
    group = arm_id(vm.subscription, vm.group, CLASSIC_NSG, "quarantine")
    driver = isolating(arm, azure, "legacy-01", PROFILE.changed(isolate=IsolateOptions(classic_nsg=group)))
    await driver.contain()
    other = {"id": arm_id(vm.subscription, vm.group, CLASSIC_NSG, "other"), "name": "other"}
    vm.properties["associatedNetworkSecurityGroup"] = other

    progress = await driver.undo()

    assert "the VM has other now: somebody changed it since" in progress.note
    assert vm.properties["associatedNetworkSecurityGroup"] == other


async def test_plans_say_what_is_read_only_later(arm: AzureServer, azure: Azure) -> None:
    vm = ref(arm, "web-01")
    arm.faults.put(Fault(path="/virtualMachines/|/locks|/Microsoft.ResourceGraph/", status=403))
    facts = await ArmFacts(azure).gather(vm, budget_s=5)

    changes: list[Change] = [one.plan(vm, facts, PROFILE) for one in step_runners(azure)]

    assert all("read when it begins" in " ".join(change.details) for change in changes)


async def test_a_vm_with_an_ephemeral_disk_is_powered_off_and_said_to_be_billed(
    arm: AzureServer, azure: Azure
) -> None:
    add_vm(arm.estate, arm.world, VmSeed(name="eph-01", group="rg-new", power="running", ephemeral=True))
    driver = stopping(arm, azure, "eph-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    planned = driver.runner.plan(driver.vm, facts, PROFILE)
    progress = await driver.contain()

    assert planned.summary == "power off the VM"
    assert "billed" in " ".join(planned.details)
    assert planned.other_way
    assert machine(arm, "eph-01").power == "stopped"
    assert progress.note.startswith("stopped, power state read back")
    assert not sent(arm, "POST", "/deallocate")
    progress = await driver.runner.undo(driver.vm, PROFILE, driver.step, start="again")
    assert not progress.done
    assert len(sent(arm, "POST", "/start")) == 1


async def test_that_a_vm_is_powered_off_is_on_record_even_if_azure_refuses_it(
    arm: AzureServer, azure: Azure
) -> None:
    add_vm(arm.estate, arm.world, VmSeed(name="eph-01", group="rg-new", power="running", ephemeral=True))
    arm.faults.put(Fault(method="POST", path="/powerOff", status=403))
    driver = stopping(arm, azure, "eph-01")

    with pytest.raises(StepFailed):
        await driver.contain()

    assert driver.step.change is not None
    assert driver.step.change.other_way


async def test_a_new_vm_of_the_seed_is_contained_like_any_other(arm: AzureServer, azure: Azure) -> None:
    seed = VmSeed(name="Fresh-01", group="rg-new", power="running", nics=[NicSeed(public_ip="20.50.9.9")])
    add_vm(arm.estate, arm.world, seed)

    await asyncio.gather(
        isolating(arm, azure, "Fresh-01").contain(), stopping(arm, azure, "Fresh-01").contain()
    )

    assert machine(arm, "Fresh-01").power == "deallocated"
