"""Snapshots that Azure refuses, loses or takes long for, and those that a restore keeps."""

import asyncio
from typing import Any

import pytest

from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import lock, machine, sent, snapshotting
from tests.contract.arm.steps.evidence.test_snapshot import begun, disks, snapshots, source
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway, StepFailed

PUT = {"method": "PUT", "path": "/snapshots/"}


@pytest.mark.parametrize(
    ("status", "error"), [(429, DependencyAway), (500, DependencyAway), (403, StepFailed)]
)
async def test_a_refused_write_is_passed_on_once_and_goes_well_later(
    arm: AzureServer, azure: Azure, status: int, error: type[Exception]
) -> None:
    driver = await begun(snapshotting(arm, azure, "orphan-03"))
    arm.faults.put(Fault(**PUT, status=status, retry_after_s=9))

    with pytest.raises(error):
        await driver.check()
    assert len(sent(arm, "PUT", "/snapshots/")) == 1
    arm.faults.put()

    assert (await driver.finish()).done


@pytest.mark.parametrize("status", [409, 412])
async def test_somebody_elses_write_is_waited_for(arm: AzureServer, azure: Azure, status: int) -> None:
    arm.faults.put(Fault(**PUT, status=status, times=1))

    assert (await snapshotting(arm, azure, "orphan-03").contain()).done


async def test_a_disk_that_is_gone_is_left_out_and_said_and_the_other_one_is_taken(
    arm: AzureServer, azure: Azure
) -> None:
    arm.estate.remove(disks(arm, "web-01")[1].id)

    progress = await snapshotting(arm, azure, "web-01").contain()

    assert len(snapshots(arm)) == 1
    assert "web-01_DataDisk_0: it no longer exists" in progress.note


async def test_a_disk_that_is_being_deleted_fails_and_the_other_one_is_taken(
    arm: AzureServer, azure: Azure
) -> None:
    driver = await begun(snapshotting(arm, azure, "web-01"))
    disks(arm, "web-01")[0].properties["provisioningState"] = "Deleting"

    with pytest.raises(StepFailed, match="is being deleted"):
        await driver.check()

    assert [source(one) for one in snapshots(arm)] == [machine(arm, "web-01").disk_ids()[1]]


async def test_a_disk_that_is_deleted_before_its_turn_is_named(arm: AzureServer, azure: Azure) -> None:
    driver = await begun(snapshotting(arm, azure, "orphan-03"))
    arm.estate.remove(disks(arm, "orphan-03")[0].id)

    with pytest.raises(StepFailed, match="the disk orphan-03_OsDisk_1 no longer exists"):
        await driver.check()


@pytest.mark.parametrize("ends", ["Failed", "Canceled"])
async def test_a_snapshot_that_azure_can_not_take_fails_with_its_words_and_is_asked_for_again(
    arm: AzureServer, azure: Azure, ends: Any
) -> None:
    arm.failures.put(Failure(operation="snapshot PUT", ends=ends, times=1))
    driver = await begun(snapshotting(arm, azure, "orphan-03"))

    with pytest.raises(StepFailed, match="Azure could not take a snapshot of orphan-03_OsDisk_1"):
        await driver.finish()

    assert (await snapshotting(arm, azure, "orphan-03").contain()).done
    assert len(snapshots(arm)) == 1


async def test_a_policy_that_forbids_snapshots_is_named(arm: AzureServer, azure: Azure) -> None:
    about = {"policy": "No copies of disks"}
    arm.refusals.put(Refusal(code="RequestDisallowedByPolicy", method="PUT", about=about))

    with pytest.raises(StepFailed, match='forbids it: "No copies of disks"') as failed:
        await snapshotting(arm, azure, "orphan-03").contain()

    assert failed.value.final


async def test_a_lock_on_the_group_is_named(arm: AzureServer, azure: Azure) -> None:
    lock(arm, f"/subscriptions/{machine(arm, 'orphan-03').subscription}/resourceGroups/rg-lab")

    with pytest.raises(
        StepFailed, match="a management lock on the resource group rg-lab forbids it"
    ) as failed:
        await snapshotting(arm, azure, "orphan-03").contain()

    assert failed.value.final


async def test_an_operation_that_azure_no_longer_knows_is_answered_by_the_snapshot_itself(
    arm: AzureServer, azure: Azure
) -> None:
    driver = await begun(snapshotting(arm, azure, "orphan-03"))
    await driver.check()
    await asyncio.sleep(0.01)
    arm.operations.clear()

    assert (await driver.finish()).done


# The way back


async def test_a_restore_keeps_the_snapshots_and_says_so(arm: AzureServer, azure: Azure) -> None:
    driver = snapshotting(arm, azure, "web-01")
    await driver.contain()

    progress = await driver.undo()

    assert progress.done
    assert progress.note.startswith("2 snapshots kept as evidence: startgate-web-01-os-")
    assert len(snapshots(arm)) == 2
    assert not sent(arm, "DELETE")
