"""Encryption at host, against the Azure stand-in."""

import asyncio
import contextlib
from typing import Any

import pytest

from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import VmSeed
from tests.contract.arm.driver import PROFILE, Driver, encrypting, lock, machine, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import DependencyAway, StepFailed

PATCH: dict[str, Any] = {"method": "PATCH", "path": "/virtualMachines/"}


def encrypted(arm: AzureServer, name: str) -> bool | None:
    profile: dict[str, Any] = machine(arm, name).properties["securityProfile"]
    return profile.get("encryptionAtHost")


async def contained(arm: AzureServer, azure: Azure, name: str = "web-01") -> Driver:
    driver = encrypting(arm, azure, name)
    await driver.contain()
    return driver


async def skipped(arm: AzureServer, azure: Azure, name: str, profile: LockdownProfile = PROFILE) -> str:
    progress = await encrypting(arm, azure, name, profile).begin()
    assert progress.change is not None
    assert not sent(arm, "PATCH")
    return progress.change.skipped


# On


async def test_it_is_turned_on_and_read_back_and_the_rest_of_the_profile_stays(
    arm: AzureServer, azure: Azure
) -> None:
    machine(arm, "web-01").properties["securityProfile"] = {
        "securityType": "TrustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
    }
    driver = encrypting(arm, azure, "web-01")

    begun = await driver.begin()
    assert not begun.done
    assert not sent(arm, "PATCH"), "the former value is on record before it is changed"
    progress = await driver.finish()

    assert progress.note == "encryption at host is on, read back"
    assert machine(arm, "web-01").properties["securityProfile"] == {
        "securityType": "TrustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        "encryptionAtHost": True,
    }
    (patch,) = sent(arm, "PATCH", "/virtualMachines/")
    assert patch["request"] == {"properties": {"securityProfile": {"encryptionAtHost": True}}}
    assert driver.step.change is not None
    assert (driver.step.change.before, driver.step.change.after) == (
        {"encryptionAtHost": False},
        {"encryptionAtHost": True},
    )


async def test_a_vm_that_is_encrypted_already_is_left_alone_in_both_directions(
    arm: AzureServer, azure: Azure
) -> None:
    machine(arm, "db-01").properties["securityProfile"]["encryptionAtHost"] = True
    driver = encrypting(arm, azure, "db-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    assert driver.runner.plan(driver.vm, facts, PROFILE).nothing_to_do

    progress = await driver.begin()

    assert progress.done
    assert progress.change is not None
    assert progress.change.nothing_to_do
    assert (await driver.undo()).note == "encryption at host was on before, and stays on"
    assert encrypted(arm, "db-01")
    assert not sent(arm, "PATCH")


async def test_a_size_without_it_is_left_out_with_the_reason(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "web-01").properties["hardwareProfile"]["vmSize"] = "Standard_A2_v2"

    why = await skipped(arm, azure, "web-01")

    assert why == "the size Standard_A2_v2 does not support it in westeurope"


async def test_a_size_that_the_region_does_not_list_is_left_to_azure(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "web-01").properties["hardwareProfile"]["vmSize"] = "Standard_Newest_v9"

    assert (await encrypting(arm, azure, "web-01").contain()).done


@pytest.mark.parametrize("state", ["NotRegistered", "Registering", "Pending"])
async def test_a_subscription_without_the_feature_is_left_out_with_the_command_that_registers_it(
    arm: AzureServer, azure: Azure, state: str
) -> None:
    arm.host_encryption.states[machine(arm, "web-01").subscription.lower()] = state

    why = await skipped(arm, azure, "web-01")

    assert f"the feature Microsoft.Compute/EncryptionAtHost is {state}" in why
    assert "az feature register --namespace Microsoft.Compute --name EncryptionAtHost" in why


async def test_a_cloud_that_does_not_know_the_feature_is_left_to_azure(
    arm: AzureServer, azure: Azure
) -> None:
    arm.faults.put(Fault(path="Microsoft.Features", status=404))

    assert (await encrypting(arm, azure, "web-01").contain()).done


async def test_azure_disk_encryption_excludes_it_wherever_it_shows(arm: AzureServer, azure: Azure) -> None:
    vm = machine(arm, "web-01")
    data = arm.estate.get(vm.disk_ids()[1])
    data.properties["encryptionSettingsCollection"] = {"enabled": True}
    assert "Azure Disk Encryption is in use" in await skipped(arm, azure, "web-01")

    del data.properties["encryptionSettingsCollection"]
    vm.properties["storageProfile"]["osDisk"]["encryptionSettings"] = {"enabled": True}
    assert "Azure Disk Encryption is in use" in await skipped(arm, azure, "web-01")

    del vm.properties["storageProfile"]["osDisk"]["encryptionSettings"]
    kind = {"type": "AzureDiskEncryptionForLinux", "publisher": "Microsoft.Azure.Security"}
    vm.extra["resources"] = [{"id": f"{vm.id}/extensions/ade", "properties": kind}]
    assert "Azure Disk Encryption is in use" in await skipped(arm, azure, "web-01")


async def test_every_reason_is_said_at_once(arm: AzureServer, azure: Azure) -> None:
    vm = machine(arm, "web-01")
    vm.properties["hardwareProfile"]["vmSize"] = "Standard_A2_v2"
    arm.host_encryption.states[vm.subscription.lower()] = "NotRegistered"

    why = await skipped(arm, azure, "web-01")

    assert "the size Standard_A2_v2" in why
    assert "the feature" in why


@pytest.mark.parametrize(
    ("name", "why"),
    [("legacy-01", "classic VMs can't be encrypted at host"), ("eph-01", "its OS disk is ephemeral")],
)
async def test_a_vm_that_can_not_be_encrypted_is_left_out_and_the_plan_says_so(
    arm: AzureServer, azure: Azure, name: str, why: str
) -> None:
    add_vm(arm.estate, arm.world, VmSeed(name="eph-01", group="rg-new", power="stopped", ephemeral=True))
    driver = encrypting(arm, azure, name)
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    plan = driver.runner.plan(driver.vm, facts, PROFILE)

    assert why in plan.skipped
    assert (await driver.begin()).change == plan


async def test_a_vm_that_runs_and_is_not_to_be_stopped_is_left_out(arm: AzureServer, azure: Azure) -> None:
    profile = PROFILE.changed(steps=(StepName.ISOLATE, StepName.ENCRYPT))

    why = await skipped(arm, azure, "db-01", profile)

    assert "the VM is running" in why
    assert "add the step stop to the lockdown profile standard" in why


@pytest.mark.parametrize("power", ["running", "stopped", "deallocating"])
async def test_a_vm_whose_stop_did_not_work_is_tried_again_and_nothing_is_sent(
    arm: AzureServer, azure: Azure, power: Any
) -> None:
    machine(arm, "db-01").power = power

    with pytest.raises(StepFailed, match="only while it is deallocated") as failed:
        await encrypting(arm, azure, "db-01").contain()

    assert not failed.value.final
    assert not sent(arm, "PATCH")


async def test_what_somebody_turned_off_is_turned_on_again(arm: AzureServer, azure: Azure) -> None:
    driver = await contained(arm, azure)
    assert (await driver.check()).done
    machine(arm, "web-01").properties["securityProfile"]["encryptionAtHost"] = False

    progress = await driver.check()
    assert (progress.done, progress.again, progress.undone) == (False, True, True)
    await driver.contain()

    assert encrypted(arm, "web-01")
    await driver.undo()
    assert encrypted(arm, "web-01") is False


# Trouble


@pytest.mark.parametrize(
    ("status", "error"), [(429, DependencyAway), (500, DependencyAway), (403, StepFailed)]
)
@pytest.mark.parametrize("path", ["/virtualMachines/web-01", "/skus", "/Microsoft.Features/", "/disks/"])
async def test_a_refused_read_is_passed_on_once(
    arm: AzureServer, azure: Azure, path: str, status: int, error: type[Exception]
) -> None:
    arm.faults.put(Fault(path=path, status=status, retry_after_s=9))

    with pytest.raises(error):
        await encrypting(arm, azure, "web-01").begin()


@pytest.mark.parametrize(
    ("status", "error"), [(429, DependencyAway), (500, DependencyAway), (403, StepFailed)]
)
async def test_a_refused_write_is_passed_on_once_and_goes_well_later(
    arm: AzureServer, azure: Azure, status: int, error: type[Exception]
) -> None:
    driver = encrypting(arm, azure, "web-01")
    await driver.begin()
    arm.faults.put(Fault(**PATCH, status=status, retry_after_s=9))

    with pytest.raises(error):
        await driver.check()
    assert len(sent(arm, "PATCH")) == 1
    arm.faults.put()

    assert (await driver.finish()).done


@pytest.mark.parametrize("status", [409, 412])
async def test_somebody_elses_write_is_waited_for(arm: AzureServer, azure: Azure, status: int) -> None:
    arm.faults.put(Fault(**PATCH, status=status, times=1))

    assert (await encrypting(arm, azure, "web-01").contain()).done
    assert [one["if_match"] for one in sent(arm, "PATCH")] == ['"1"', '"1"']


async def test_a_version_that_was_not_read_is_not_overwritten(arm: AzureServer, azure: Azure) -> None:
    driver = encrypting(arm, azure, "web-01")
    await driver.begin()
    arm.faults.put(Fault(**PATCH, delay_ms=600, times=1))
    first = asyncio.create_task(driver.check())
    await asyncio.sleep(0.2)
    machine(arm, "web-01").etag = '"7"'

    progress = await first
    while not progress.done:
        progress = await driver.check()

    assert [one["if_match"] for one in sent(arm, "PATCH")] == ['"1"', '"7"']


@pytest.mark.parametrize("after", range(7))
async def test_an_attempt_that_is_cut_off_anywhere_is_undone_to_the_value_before(
    arm: AzureServer, azure: Azure, after: int
) -> None:
    """The answer of one request is lost, and the step is begun again with what is on record."""
    passing = [Fault(times=after)] if after else []
    arm.faults.put(*passing, Fault(drop="after", times=1))
    driver = encrypting(arm, azure, "web-01")
    with contextlib.suppress(DependencyAway):
        await driver.contain()
    arm.faults.put()

    driver.step = driver.step.changed(token="")
    await driver.contain()
    assert encrypted(arm, "web-01")
    await driver.undo()

    assert encrypted(arm, "web-01") is False


@pytest.mark.parametrize("ends", ["Failed", "Canceled"])
async def test_an_update_that_fails_later_gives_azures_words_and_is_done_again(
    arm: AzureServer, azure: Azure, ends: Any
) -> None:
    arm.failures.put(Failure(operation="update", ends=ends, times=1))
    driver = encrypting(arm, azure, "web-01")

    with pytest.raises(StepFailed, match="Azure could not turn on encryption at host"):
        await driver.contain()

    assert (await driver.contain()).done


async def test_a_policy_that_forbids_it_is_named(arm: AzureServer, azure: Azure) -> None:
    about = {"policy": "VMs are not changed"}
    arm.refusals.put(Refusal(code="RequestDisallowedByPolicy", method="PATCH", about=about))

    with pytest.raises(StepFailed, match='forbids it: "VMs are not changed"') as failed:
        await encrypting(arm, azure, "web-01").contain()

    assert failed.value.final


async def test_a_lock_is_named(arm: AzureServer, azure: Azure) -> None:
    lock(arm, machine(arm, "web-01").id)

    with pytest.raises(StepFailed, match="a management lock on web-01 forbids it") as failed:
        await encrypting(arm, azure, "web-01").contain()

    assert failed.value.final


# Off again


async def test_a_restore_turns_it_off_again_and_reads_it_back(arm: AzureServer, azure: Azure) -> None:
    driver = await contained(arm, azure)

    assert (await driver.undo()).note == "encryption at host is off, read back"
    assert encrypted(arm, "web-01") is False
    assert (await driver.undo()).note == "encryption at host is off already, read back"


async def test_a_step_that_was_only_planned_has_nothing_to_take_back(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "web-01").properties["securityProfile"]["encryptionAtHost"] = True
    driver = encrypting(arm, azure, "web-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    driver.step = driver.step.changed(change=driver.runner.plan(driver.vm, facts, PROFILE))

    assert (await driver.undo()).note == "encryption at host was not changed"
    assert encrypted(arm, "web-01")


@pytest.mark.parametrize("power", ["running", "stopped"])
async def test_a_vm_that_somebody_started_keeps_it_and_it_is_said_how_to_turn_it_off(
    arm: AzureServer, azure: Azure, power: Any
) -> None:
    driver = await contained(arm, azure)
    machine(arm, "web-01").power = power

    progress = await driver.undo()

    assert progress.note.startswith(f"encryption at host stays on, because the VM is {power}")
    assert "deallocate the VM" in progress.note
    assert encrypted(arm, "web-01")


@pytest.mark.parametrize("power", ["starting", "deallocating"])
async def test_an_undo_waits_until_the_vm_is_in_one_state_or_another(
    arm: AzureServer, azure: Azure, power: Any
) -> None:
    driver = await contained(arm, azure)
    machine(arm, "web-01").power = power

    with pytest.raises(StepFailed, match="only while it is deallocated") as failed:
        await driver.undo()

    assert not failed.value.final


async def test_an_undo_whose_vm_is_gone_says_so(arm: AzureServer, azure: Azure) -> None:
    driver = await contained(arm, azure)
    arm.estate.remove(driver.vm.resource_id)

    with pytest.raises(StepFailed, match="no longer exists"):
        await driver.undo()


@pytest.mark.parametrize("status", [409, 412])
async def test_an_undo_waits_for_somebody_elses_write(arm: AzureServer, azure: Azure, status: int) -> None:
    driver = await contained(arm, azure)
    arm.faults.put(Fault(**PATCH, status=status, times=1))

    assert (await driver.undo()).done
    assert encrypted(arm, "web-01") is False
