"""Snapshots as evidence, against the Azure stand-in."""

import contextlib
from typing import Any

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import SNAPSHOT, Resource
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import VmSeed
from tests import builders as a
from tests.contract.arm.driver import PROFILE, Driver, machine, sent, snapshotting, stopping
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.containment.containment import Cause, CauseKind
from workers.domain.errors import DependencyAway, StepFailed

PUT = {"method": "PUT", "path": "/snapshots/"}


def snapshots(arm: AzureServer) -> list[Resource]:
    return list(arm.estate.of(SNAPSHOT))


def disks(arm: AzureServer, name: str) -> list[Resource]:
    return [arm.estate.get(disk_id) for disk_id in machine(arm, name).disk_ids()]


def source(snapshot: Resource) -> str:
    return str(snapshot.properties["creationData"]["sourceResourceId"])


async def begun(driver: Driver) -> Driver:
    """Up to the first look, which asks for the snapshots."""
    await driver.begin()
    return driver


# What it takes


async def test_each_disk_has_a_snapshot_that_says_what_it_is_evidence_of(
    arm: AzureServer, azure: Azure
) -> None:
    driver = snapshotting(arm, azure, "web-01", PROFILE.changed(tags={"cost-centre": "4711"}))
    cause = Cause(kind=CauseKind.REJECTION, at=a.NOW, by=a.oncall(), reason="not\nmine", approval_id="ap-1")
    held = a.containment(vm=driver.vm, profile=driver.profile, cause=cause)

    driver.step = driver.step.changed(token="")
    begun = await driver.runner.begin_in(held, driver.step)
    driver.step = driver.step.changed(token=begun.token, change=begun.change)
    assert not sent(arm, "PUT", "/snapshots/"), "what is going to be taken is on record before it is"
    progress = await driver.finish()

    made = snapshots(arm)
    assert [source(one) for one in made] == [disk.id for disk in disks(arm, "web-01")]
    assert all(one.properties["incremental"] for one in made)
    assert {one.group for one in made} == {"rg-shop"}
    for one in made:
        assert one.tags.pop("startgate-taken").endswith("Z")
        assert one.tags == {
            "cost-centre": "4711",
            "managed-by": "startgate",
            "startgate-containment": held.id,
            "startgate-approval": "ap-1",
            "startgate-reason": "not mine",
        }
    assert progress.note == "2 snapshots read back"
    assert driver.step.change is not None
    assert driver.step.change.after == {source(one): one.id for one in made}


async def test_the_plan_names_each_disk_and_the_commands_that_do_the_same_by_hand(
    arm: AzureServer, azure: Azure
) -> None:
    driver = snapshotting(arm, azure, "web-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    plan = driver.runner.plan(driver.vm, facts, PROFILE)
    commands = driver.runner.by_hand(driver.vm, facts, PROFILE)

    assert plan.details == (
        "web-01_OsDisk_1 → a snapshot in rg-shop",
        "web-01_DataDisk_0 → a snapshot in rg-shop",
    )
    assert [command[:3] for command in commands] == [("az", "snapshot", "create")] * 2
    for command, disk in zip(commands, machine(arm, "web-01").disk_ids(), strict=True):
        assert command[command.index("--source") + 1] == disk
        assert command[command.index("--incremental") + 1] == "true"


async def test_snapshots_go_to_the_resource_group_of_the_profile(arm: AzureServer, azure: Azure) -> None:
    await snapshotting(arm, azure, "web-01", PROFILE.changed(resource_group="rg-ops")).contain()

    assert {one.group for one in snapshots(arm)} == {"rg-ops"}


async def test_a_resource_group_that_does_not_exist_is_named(arm: AzureServer, azure: Azure) -> None:
    with pytest.raises(StepFailed, match=r"the resource group rg-nowhere .* does not exist") as failed:
        await snapshotting(arm, azure, "web-01", PROFILE.changed(resource_group="rg-nowhere")).contain()

    assert failed.value.final


async def test_a_classic_vm_is_left_out_and_the_plan_says_so(arm: AzureServer, azure: Azure) -> None:
    driver = snapshotting(arm, azure, "legacy-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    progress = await driver.begin()

    assert progress.change == driver.runner.plan(driver.vm, facts, PROFILE)
    assert progress.change is not None
    assert "no managed disks" in progress.change.skipped


async def test_an_ephemeral_disk_is_left_out_and_said_and_the_data_disk_is_taken(
    arm: AzureServer, azure: Azure
) -> None:
    seed = VmSeed(name="eph-01", group="rg-shop", size="Standard_D4s_v5", ephemeral=True)
    add_vm(arm.estate, arm.world, seed)
    driver = snapshotting(arm, azure, "eph-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    progress = await driver.contain()

    assert "OS disk: ephemeral" in " ".join(driver.runner.plan(driver.vm, facts, PROFILE).details)
    assert [source(one) for one in snapshots(arm)] == [machine(arm, "eph-01").disk_ids()[1]]
    assert progress.note.startswith("1 snapshot read back; eph-01_OsDisk_1: ephemeral")


async def test_a_vm_without_any_disk_to_take_is_left_out_with_the_reasons(
    arm: AzureServer, azure: Azure
) -> None:
    add_vm(arm.estate, arm.world, VmSeed(name="eph-01", group="rg-shop", ephemeral=True))

    progress = await snapshotting(arm, azure, "eph-01").begin()

    assert progress.change is not None
    assert "eph-01_OsDisk_1: ephemeral" in progress.change.skipped
    driver = snapshotting(arm, azure, "eph-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    assert driver.runner.plan(driver.vm, facts, PROFILE).skipped


async def test_an_unmanaged_disk_is_left_out_and_said(arm: AzureServer, azure: Azure) -> None:
    storage = machine(arm, "web-01").properties["storageProfile"]
    del storage["dataDisks"][0]["managedDisk"]
    storage["dataDisks"][0]["vhd"] = {"uri": "https://old.blob.core.windows.net/vhds/data.vhd"}

    progress = await snapshotting(arm, azure, "web-01").contain()

    assert len(snapshots(arm)) == 1
    assert "web-01_DataDisk_0: an unmanaged disk" in progress.note


async def test_a_shared_disk_is_taken_and_said_to_be_in_use_by_others(arm: AzureServer, azure: Azure) -> None:
    disks(arm, "web-01")[1].properties["maxShares"] = 3

    progress = await snapshotting(arm, azure, "web-01").contain()

    assert len(snapshots(arm)) == 2
    assert "web-01_DataDisk_0: shared with other VMs" in progress.note


async def test_a_vm_that_runs_is_taken_as_it_is_and_said_to_have_run(arm: AzureServer, azure: Azure) -> None:
    progress = await snapshotting(arm, azure, "db-01").contain()

    assert "the VM was running: its disks are as after a power cut" in progress.note


ACCESS = f"{arm_id('s', 'g', 'Microsoft.Compute/diskAccesses', 'private')}"


@pytest.mark.parametrize(
    "access",
    [
        {"networkAccessPolicy": "DenyAll", "publicNetworkAccess": "Disabled"},
        {"networkAccessPolicy": "AllowPrivate", "diskAccessId": ACCESS, "publicNetworkAccess": "Disabled"},
        {"networkAccessPolicy": "AllowAll", "publicNetworkAccess": "Disabled"},
        {"networkAccessPolicy": "AllowAll", "dataAccessAuthMode": "AzureActiveDirectory"},
    ],
)
async def test_nobody_can_export_a_snapshot_more_easily_than_its_disk(
    arm: AzureServer, azure: Azure, access: dict[str, Any]
) -> None:
    disks(arm, "web-01")[0].properties |= access

    progress = await snapshotting(arm, azure, "web-01").contain()

    (made,) = (one for one in snapshots(arm) if source(one) == disks(arm, "web-01")[0].id)
    assert {key: made.properties.get(key) for key in access} == access
    restricted = access["networkAccessPolicy"] != "AllowAll" or "publicNetworkAccess" in access
    assert ("export is restricted" in progress.note) is restricted


async def test_where_the_private_endpoints_of_a_disk_can_not_be_used_nobody_can_export_the_snapshot(
    arm: AzureServer, azure: Azure
) -> None:
    private = {"networkAccessPolicy": "AllowPrivate", "diskAccessId": ACCESS}
    disks(arm, "orphan-03")[0].properties |= private
    about = {"linked_action": "Microsoft.Compute/diskAccesses/read", "linked_scope": ACCESS}
    arm.refusals.put(Refusal(code="LinkedAuthorizationFailed", method="PUT", about=about, times=1))

    await snapshotting(arm, azure, "orphan-03").contain()

    (made,) = snapshots(arm)
    assert made.properties["networkAccessPolicy"] == "DenyAll"
    assert "diskAccessId" not in made.properties


async def test_a_disk_under_a_customer_key_has_its_snapshot_under_the_same_key(
    arm: AzureServer, azure: Azure
) -> None:
    key = {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": ACCESS}
    disks(arm, "orphan-03")[0].properties["encryption"] = key

    await snapshotting(arm, azure, "orphan-03").contain()

    (put,) = sent(arm, "PUT", "/snapshots/")
    assert put["request"]["properties"]["encryption"] == key


async def test_a_copy_in_the_background_is_said(arm: AzureServer, azure: Azure) -> None:
    driver = await begun(snapshotting(arm, azure, "orphan-03"))
    await driver.check()
    snapshots(arm)[0].properties["completionPercent"] = 40.0

    assert "still being copied in the background (40 %)" in (await driver.finish()).note


# Once, and only once


async def test_what_is_there_already_is_left_as_it_is(arm: AzureServer, azure: Azure) -> None:
    await snapshotting(arm, azure, "web-01").contain()
    before = [(one.id, dict(one.tags), one.properties["uniqueId"]) for one in snapshots(arm)]

    progress = await snapshotting(arm, azure, "web-01").contain()

    assert progress.done
    assert [(one.id, one.tags, one.properties["uniqueId"]) for one in snapshots(arm)] == before
    assert len(sent(arm, "PUT", "/snapshots/")) == 2


@pytest.mark.parametrize("after", range(8))
async def test_an_attempt_that_is_cut_off_anywhere_never_makes_two(
    arm: AzureServer, azure: Azure, after: int
) -> None:
    """The answer of one request is lost, the step ends there, and begins again as after a crash."""
    passing = [Fault(path="web-01", times=after)] if after else []
    arm.faults.put(*passing, Fault(path="web-01", drop="after"))
    with contextlib.suppress(DependencyAway):
        await snapshotting(arm, azure, "web-01").contain()
    arm.faults.put()

    await snapshotting(arm, azure, "web-01").contain()

    assert sorted(source(one) for one in snapshots(arm)) == sorted(machine(arm, "web-01").disk_ids())


async def test_a_further_round_takes_another_one_only_if_the_vm_ran_since(
    arm: AzureServer, azure: Azure
) -> None:
    driver = snapshotting(arm, azure, "web-01")
    await driver.contain()
    again = snapshotting(arm, azure, "web-01")
    again.step = again.step.changed(change=driver.step.change)
    await again.contain()
    assert len(snapshots(arm)) == 2

    machine(arm, "web-01").power = "running"
    await stopping(arm, azure, "web-01").contain()
    third = snapshotting(arm, azure, "web-01")
    third.step = third.step.changed(change=again.step.change)
    await third.contain()

    assert len(snapshots(arm)) == 4
    assert third.step.change is not None
    assert len(third.step.change.after) == 2
    kept = third.step.change.kept["snapshots"]
    assert [one["snapshot"] for one in kept] == [one.id for one in snapshots(arm)]


async def test_another_containment_has_snapshots_of_its_own(arm: AzureServer, azure: Azure) -> None:
    first = snapshotting(arm, azure, "orphan-03")
    await first.contain()
    other = a.containment(id="c1", vm=first.vm, profile=PROFILE)
    second = snapshotting(arm, azure, "orphan-03")
    begun = await second.runner.begin_in(other, second.step)
    second.step = second.step.changed(token=begun.token, change=begun.change)
    await second.finish()

    assert [one.tags["startgate-containment"] for one in snapshots(arm)] == ["c0", "c1"]


async def test_a_disk_that_was_in_use_since_its_snapshot_gets_another_one(
    arm: AzureServer, azure: Azure
) -> None:
    driver = snapshotting(arm, azure, "orphan-03")
    await driver.contain()
    assert (await driver.check()).done
    machine(arm, "orphan-03").power = "running"
    await stopping(arm, azure, "orphan-03").contain()

    progress = await driver.runner.check(driver.vm, PROFILE, driver.step.changed(token=""))

    assert (progress.done, progress.again, progress.undone) == (False, True, True)
    assert "in use since its snapshot" in progress.note


async def test_a_snapshot_that_somebody_deleted_is_taken_again(arm: AzureServer, azure: Azure) -> None:
    driver = snapshotting(arm, azure, "orphan-03")
    await driver.contain()
    arm.estate.remove(snapshots(arm)[0].id)

    progress = await driver.check()
    assert (progress.done, progress.again, progress.undone) == (False, True, True)
    await driver.contain()

    assert len(snapshots(arm)) == 1


async def test_a_snapshot_of_another_disk_that_has_the_name_is_left_alone_and_named(
    arm: AzureServer, azure: Azure
) -> None:
    driver = snapshotting(arm, azure, "orphan-03")
    await driver.contain()
    snapshots(arm)[0].properties["creationData"]["sourceResourceId"] = disks(arm, "web-01")[0].id

    with pytest.raises(StepFailed, match=r"exists, and is no snapshot of orphan-03_OsDisk_1") as failed:
        await snapshotting(arm, azure, "orphan-03").contain()

    assert failed.value.final


# Trouble
