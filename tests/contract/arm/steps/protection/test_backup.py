"""Backup, against the Azure stand-in."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from deploy.sandbox.azure.backup.items import ITEM
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.model import Resource
from deploy.sandbox.azure.operations import Operation
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import PROFILE, backing_up, machine, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.containment.afterwards.jobs import JobState
from workers.domain.containment.plans import Change
from workers.domain.errors import StepFailed


async def test_backup_makes_a_vault_protects_the_vm_and_takes_a_backup(
    arm: AzureServer, azure: Azure
) -> None:
    progress = await backing_up(arm, azure, "web-01").contain()

    (vault,) = sent(arm, "PUT", "/vaults/startgate-westeurope")[:1]
    security = vault["request"]["properties"]["securitySettings"]
    assert security["immutabilitySettings"] == {"state": "Unlocked"}
    assert security["softDeleteSettings"]["softDeleteState"] == "Enabled"
    (protect,) = sent(arm, "PUT", "/protectedItems/")
    assert protect["request"]["properties"]["policyId"].endswith("/DefaultPolicy")
    (trigger,) = sent(arm, "POST", "/backup")[-1:]
    assert trigger["request"]["properties"]["objectType"] == "IaasVMBackupRequest"
    assert "recoveryPointExpiryTimeInUTC" in trigger["request"]["properties"]
    assert progress.job is not None
    job = progress.job.id
    assert progress.note == f"backup started, job {job}, protected by startgate-westeurope"


async def test_two_vms_wait_for_one_new_vault_together(arm: AzureServer, azure: Azure) -> None:
    arm.operations.set_speed(0.01)
    first, second = backing_up(arm, azure, "web-01"), backing_up(arm, azure, "db-01")
    await first.begin()
    await second.begin()  # the vault is there, but still being made

    results = await asyncio.gather(first.finish(), second.finish())

    assert all("protected by startgate-westeurope" in progress.note for progress in results)
    vaults = [put for put in sent(arm, "PUT", "/vaults/") if "/backupFabrics/" not in put["path"]]
    assert len(vaults) == 1


async def test_a_protected_vm_is_backed_up_in_the_vault_it_has(arm: AzureServer, azure: Azure) -> None:
    await backing_up(arm, azure, "web-01").contain()
    await asyncio.sleep(0.01)
    seen = len(sent(arm, "PUT"))

    again = backing_up(arm, azure, "web-01")
    progress = await again.contain()

    assert len(sent(arm, "PUT")) == seen
    assert "startgate-westeurope" in progress.note
    assert again.step.change is not None
    assert again.step.change.before["protected"] is True


async def test_trusted_launch_gets_the_enhanced_policy(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "web-01").properties["securityProfile"] = {"securityType": "TrustedLaunch"}

    await backing_up(arm, azure, "web-01").contain()

    (protect,) = sent(arm, "PUT", "/protectedItems/")
    assert protect["request"]["properties"]["policyId"].endswith("/EnhancedPolicy")


async def test_a_backup_cut_off_between_two_stages_goes_on(arm: AzureServer, azure: Azure) -> None:
    driver = backing_up(arm, azure, "web-01")
    await driver.begin()
    await asyncio.sleep(0.01)
    await driver.check()
    await asyncio.sleep(0.01)

    survivor = backing_up(arm, azure, "web-01")
    assert (await survivor.contain()).done

    assert len([put for put in sent(arm, "PUT", "/vaults/") if "/backupFabrics/" not in put["path"]]) == 1


async def test_a_backup_reads_back_as_protected_once_more(arm: AzureServer, azure: Azure) -> None:
    driver = backing_up(arm, azure, "web-01")
    await driver.contain()

    assert (await driver.check()).done


async def test_restore_keeps_protection_and_backups(arm: AzureServer, azure: Azure) -> None:
    driver = backing_up(arm, azure, "web-01")
    await driver.contain()

    assert (await driver.undo()).done
    assert not sent(arm, "DELETE")


async def plan_of(arm: AzureServer, azure: Azure, name: str) -> Change:
    driver = backing_up(arm, azure, name)
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    return driver.runner.plan(driver.vm, facts, PROFILE)


async def test_the_plan_names_the_vault(arm: AzureServer, azure: Azure) -> None:
    plan = await plan_of(arm, azure, "web-01")
    assert plan.details[0] == "web-01: not protected → protected by startgate-westeurope"

    await backing_up(arm, azure, "web-01").contain()

    plan = await plan_of(arm, azure, "web-01")
    assert plan.details == ("protected already by startgate-westeurope; a backup is taken now",)
    assert "classic" in (await plan_of(arm, azure, "legacy-01")).summary


@pytest.mark.parametrize("when", ["at once", "later"])
async def test_a_default_policy_that_refuses_trusted_launch_gives_way_to_the_enhanced_one(
    arm: AzureServer, azure: Azure, when: str
) -> None:
    driver = backing_up(arm, azure, "web-01")
    code, words = "UserErrorGuestVmNotSupported", "Trusted Launch VMs need an Enhanced policy."
    find = arm.estate.find
    begin = arm.operations.begin

    def refuse_default(resource_id: str) -> Resource | None:
        if when == "at once" and resource_id.endswith("/DefaultPolicy"):
            raise ArmError(400, code, words)
        return find(resource_id)

    def fail_the_first(operation: Operation, done: Callable[[Operation], None], **how: bool) -> Operation:
        if when == "later" and operation.name == "protect":
            operation.failure = (code, words)
            arm.operations.begin = begin  # type: ignore[method-assign]  # the second one goes well
            return begin(operation, lambda _: None, **how)
        return begin(operation, done, **how)

    arm.estate.find = refuse_default  # type: ignore[method-assign]  # a rule that the stand-in does not have
    arm.operations.begin = fail_the_first  # type: ignore[method-assign]  # the same

    await driver.contain()

    used = [
        put["request"]["properties"]["policyId"].rpartition("/")[2]
        for put in sent(arm, "PUT", "/protectedItems/")
    ]
    assert used == ["DefaultPolicy", "EnhancedPolicy"]


async def test_a_backup_that_runs_already_is_good_enough(arm: AzureServer, azure: Azure) -> None:
    await backing_up(arm, azure, "web-01").contain()
    await asyncio.sleep(0.01)
    arm.operations.set_speed(1)
    await backing_up(arm, azure, "web-01").begin()

    progress = await backing_up(arm, azure, "web-01").begin()

    assert progress.done
    assert progress.note.startswith("a backup was under way already, job ")


async def test_a_protection_that_came_to_nothing_is_begun_again(arm: AzureServer, azure: Azure) -> None:
    driver = backing_up(arm, azure, "web-01")
    await driver.begin()
    await asyncio.sleep(0.01)
    await driver.check()  # creates the item
    await asyncio.sleep(0.01)
    await driver.check()
    for item in list(arm.estate.of(ITEM)):
        arm.estate.remove(item.id)

    progress = await driver.check()

    assert progress.again
    assert "not protected" in progress.note


async def test_a_missing_resource_group_for_the_vault_is_named(arm: AzureServer, azure: Azure) -> None:
    driver = backing_up(arm, azure, "web-01")
    driver.profile = PROFILE.changed(resource_group="rg-security")

    with pytest.raises(StepFailed, match=r"rg-security for the vault does not exist") as failed:
        await driver.begin()

    assert failed.value.final


async def test_a_vault_that_can_not_be_made_gives_azures_reason(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(method="PUT", path="/vaults/", status=403))

    with pytest.raises(StepFailed, match=r"Microsoft\.RecoveryServices/vaults/write"):
        await backing_up(arm, azure, "web-01").begin()


async def test_a_vm_that_is_contained_again_the_same_day_is_not_backed_up_again(
    arm: AzureServer, azure: Azure
) -> None:
    driver = backing_up(arm, azure, "web-01")
    first = await driver.contain()
    await asyncio.sleep(0.01)

    again = await driver.begin()

    assert len(sent(arm, "POST", "/protectedItems/")) == 1
    assert again.done
    assert first.job is not None
    assert again.job is not None
    assert (again.job.id, again.job.state) == (first.job.id, JobState.DONE)
    assert f"job {first.job.id}, is kept: one a day is taken at most" in again.note


async def test_a_backup_of_today_that_failed_or_is_no_longer_protected_does_not_count(
    arm: AzureServer, azure: Azure
) -> None:
    driver = backing_up(arm, azure, "web-01")
    arm.failures.put(Failure(operation="^backup$", ends="TimedOut", times=1))
    await driver.contain()
    await asyncio.sleep(0.01)

    await driver.contain()
    await asyncio.sleep(0.01)

    assert len(sent(arm, "POST", "/protectedItems/")) == 2
    for item in list(arm.estate.of(ITEM)):
        arm.estate.remove(item.id)
    await driver.contain()
    assert len(sent(arm, "POST", "/protectedItems/")) == 3


async def test_a_day_later_it_is_backed_up_again(arm: AzureServer, azure: Azure) -> None:
    driver = backing_up(arm, azure, "web-01")
    await driver.contain()
    await asyncio.sleep(0.01)
    assert driver.step.change is not None
    kept = driver.step.change.kept["backup"]
    yesterday = (datetime.now(UTC) - timedelta(hours=24, seconds=1)).isoformat()
    driver.step = driver.step.changed(
        change=driver.step.change.changed(kept={"backup": {**kept, "at": yesterday}})
    )

    await driver.contain()

    assert len(sent(arm, "POST", "/protectedItems/")) == 2


@pytest.mark.parametrize("status", [409, 412])
async def test_a_vault_that_could_not_be_asked_for_at_once_is_asked_for_again(
    arm: AzureServer, azure: Azure, status: int
) -> None:
    arm.faults.put(Fault(method="PUT", path="/vaults/startgate-westeurope", status=status, times=1))

    progress = await backing_up(arm, azure, "web-01").contain()

    assert progress.job is not None
