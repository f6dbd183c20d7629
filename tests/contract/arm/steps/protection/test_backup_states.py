"""Backup of a VM that others protect, have stopped protecting, or whose protection has failed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import PROFILE, backing_up, sent
from tests.contract.azure.rig import SHOP
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.arm.steps.protection.copy import KEEP
from workers.domain.containment.afterwards.jobs import JobState
from workers.domain.errors import StepFailed

OTHERS = f"{SHOP}/Microsoft.RecoveryServices/vaults/others-vault"
OURS = f"{SHOP}/Microsoft.RecoveryServices/vaults/startgate-westeurope"


async def set_backup(arm: AzureServer, **ask: Any) -> None:
    async with aiohttp.request("PUT", f"{arm.url}/_backup", json={"vm": "web-01", **ask}) as answer:
        assert answer.status == 200, await answer.text()


def refuse_trigger(arm: AzureServer, code: str) -> None:
    path = "/protectedItems/.*/backup$"
    arm.refusals.put(Refusal(method="POST", path=path, status=409, code=code, message="Not now."))


def vault_puts(arm: AzureServer) -> list[dict[str, Any]]:
    return [put for put in sent(arm, "PUT", "/vaults/") if "/backupFabrics/" not in put["path"]]


def protections(arm: AzureServer) -> list[dict[str, Any]]:
    return [put["request"]["properties"] for put in sent(arm, "PUT", "/protectedItems/")]


async def planned(arm: AzureServer, azure: Azure) -> tuple[str, ...]:
    driver = backing_up(arm, azure, "web-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    return driver.runner.plan(driver.vm, facts, PROFILE).details


class TestRegisteredWithAVault:
    @pytest.mark.parametrize("status", ["Protected", "Protecting", "ProtectionFailed"])
    @pytest.mark.parametrize("state", ["Protected", "IRPending", "ProtectionError"])
    async def test_whatever_its_status_a_vm_with_an_item_is_backed_up_there(
        self, arm: AzureServer, azure: Azure, status: str, state: str
    ) -> None:
        await set_backup(arm, state=state)
        await set_backup(arm, status=status, vault=OTHERS)

        progress = await backing_up(arm, azure, "web-01").contain()

        assert "protected by others-vault" in progress.note
        assert ("protection error" in progress.note) is (state == "ProtectionError")
        assert sent(arm, "POST", "/others-vault/")
        assert not sent(arm, "PUT", "/vaults/")

    async def test_the_plan_shows_how_the_protection_stands(self, arm: AzureServer, azure: Azure) -> None:
        await set_backup(arm, status="ProtectionFailed", vault=OTHERS)

        assert await planned(arm, azure) == (
            "protected already by others-vault (protection failed); a backup is taken now",
        )

    async def test_a_protection_that_others_are_enabling_is_waited_for(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        await set_backup(arm, status="Protecting", vault=OTHERS)
        driver = backing_up(arm, azure, "web-01")

        first, second = await driver.begin(), await driver.check()
        await set_backup(arm, state="IRPending", vault=OTHERS)
        last = await driver.finish()

        assert (first.done, second.done, second.again) == (False, False, False)
        assert second.note == "others-vault is enabling protection"
        assert "protected by others-vault" in last.note
        assert not sent(arm, "PUT", "/vaults/")

    async def test_a_protection_of_others_that_failed_is_said_and_not_fought(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        await set_backup(arm, status="ProtectionFailed", vault=OTHERS)

        with pytest.raises(StepFailed, match=r"protection by others-vault has failed") as failed:
            await backing_up(arm, azure, "web-01").begin()

        assert failed.value.final
        assert not sent(arm, "PUT", "/vaults/")

    async def test_a_protection_that_fails_while_it_is_waited_for_is_said(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        await set_backup(arm, status="Protecting", vault=OTHERS)
        driver = backing_up(arm, azure, "web-01")
        await driver.begin()
        await set_backup(arm, status="ProtectionFailed", vault=OTHERS)

        with pytest.raises(StepFailed, match=r"protection by others-vault has failed"):
            await driver.check()

    @pytest.mark.parametrize("ends", ["Failed", "Canceled", "Cancelled", "TimedOut"])
    async def test_our_own_protection_that_failed_is_tried_again(
        self, arm: AzureServer, azure: Azure, ends: Any
    ) -> None:
        arm.failures.put(Failure(operation="^protect$", ends=ends, times=1))
        with pytest.raises(StepFailed, match="could not protect web-01") as failed:
            await backing_up(arm, azure, "web-01").contain()

        progress = await backing_up(arm, azure, "web-01").contain()

        assert not failed.value.final
        assert "protected by startgate-westeurope" in progress.note

    @pytest.mark.parametrize(
        ("state", "words"),
        [("BackupsSuspended", "backups suspended"), ("ProtectionPaused", "protection paused")],
    )
    async def test_suspended_backups_are_said_and_not_fought(
        self, arm: AzureServer, azure: Azure, state: str, words: str
    ) -> None:
        await set_backup(arm, state=state)

        with pytest.raises(StepFailed, match=rf"others-vault protects web-01, .* \({words}\)") as failed:
            await backing_up(arm, azure, "web-01").begin()

        assert failed.value.final
        assert not sent(arm, "PUT", "/vaults/")
        assert not sent(arm, "POST", "/backup")[1:]  # the status only

    async def test_stopped_protection_is_resumed_in_its_vault(self, arm: AzureServer, azure: Azure) -> None:
        await set_backup(arm, state="ProtectionStopped")
        driver = backing_up(arm, azure, "web-01")

        progress = await driver.contain()

        assert [(one["policyId"], one["sourceResourceId"]) for one in protections(arm)] == [
            (f"{OTHERS}/backupPolicies/DefaultPolicy", driver.vm.resource_id)
        ]
        assert progress.note.endswith("protected by others-vault (protection stopped, data kept)")
        assert driver.step.change is not None
        assert driver.step.change.before["state"] == "protection stopped, data kept"

    @pytest.mark.parametrize("status", ["names the vault", "names none"])
    async def test_deleted_backups_are_undeleted_and_resumed(
        self, arm: AzureServer, azure: Azure, status: str
    ) -> None:
        """The status of a deleted item may name its vault or not; in our own vault we find it anyway."""
        vault = OTHERS if status == "names the vault" else OURS
        await set_backup(arm, state="Protected", soft_deleted=True, vault=vault)
        if vault == OTHERS:
            await set_backup(arm, status="NotProtected", vault=vault)

        progress = await backing_up(arm, azure, "web-01").contain()

        first, second = protections(arm)
        assert (first["isRehydrate"], first["protectionState"]) == (True, "ProtectionStopped")
        assert second["policyId"] == f"{vault}/backupPolicies/DefaultPolicy"
        assert f"protected by {vault.rpartition('/')[2]}" in progress.note

    async def test_an_item_that_the_status_names_and_the_vault_lacks_is_tried_again(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        await set_backup(arm, status="Protected", vault=OTHERS)

        with pytest.raises(StepFailed, match="no such item") as failed:
            await backing_up(arm, azure, "web-01").begin()

        assert not failed.value.final


class TestVaultThatFailed:
    @pytest.mark.parametrize("ends", ["Failed", "Canceled"])
    async def test_it_is_put_again_by_the_next_attempt(
        self, arm: AzureServer, azure: Azure, ends: Any
    ) -> None:
        arm.failures.put(Failure(operation="vault PUT", ends=ends, times=1))
        driver = backing_up(arm, azure, "web-01")
        await driver.begin()
        await asyncio.sleep(0.01)
        await driver.check()  # Azure never says so at the first look
        with pytest.raises(StepFailed, match="could not create the vault startgate-westeurope"):
            await driver.check()

        progress = await backing_up(arm, azure, "web-01").contain()

        assert progress.done
        assert len(vault_puts(arm)) == 2

    async def test_it_is_put_again_by_whoever_waited_for_it(self, arm: AzureServer, azure: Azure) -> None:
        arm.operations.set_speed(1)
        arm.failures.put(Failure(operation="vault PUT", times=1))
        await backing_up(arm, azure, "web-01").begin()
        waiting = backing_up(arm, azure, "db-01")
        await waiting.begin()
        arm.operations.set_speed(0)
        await asyncio.sleep(0.01)

        assert (await waiting.finish()).done

        assert len(vault_puts(arm)) == 2


class TestTrigger:
    async def test_the_recovery_point_is_kept_for_thirty_days(self, arm: AzureServer, azure: Azure) -> None:
        await backing_up(arm, azure, "web-01").contain()

        (trigger,) = sent(arm, "POST", "/protectedItems/")
        until = datetime.fromisoformat(trigger["request"]["properties"]["recoveryPointExpiryTimeInUTC"])
        assert timedelta(days=30) == KEEP
        assert abs(until - datetime.now(UTC) - KEEP) < timedelta(minutes=1)

    @pytest.mark.parametrize(
        "code", ["UserErrorBackupOperationInProgress", "SystemBackupOperationInProgress"]
    )
    async def test_the_documented_refusal_means_that_a_backup_runs(
        self, arm: AzureServer, azure: Azure, code: str
    ) -> None:
        await set_backup(arm, state="Protected")
        refuse_trigger(arm, code)

        progress = await backing_up(arm, azure, "web-01").begin()

        assert progress.done
        assert progress.note.startswith("a backup was under way already")

    @pytest.mark.parametrize(
        "code",
        [
            "BMSUserErrorOperationInProgress",
            "UserErrorAnotherOperationInProgress",
            "UserErrorVmProvisioningStateInProgress",
            "UserErrorVmNotInDesirableState",
        ],
    )
    async def test_no_other_refusal_counts_as_a_backup(
        self, arm: AzureServer, azure: Azure, code: str
    ) -> None:
        await set_backup(arm, state="Protected")
        refuse_trigger(arm, code)

        with pytest.raises(StepFailed, match=code):
            await backing_up(arm, azure, "web-01").begin()


class TestJob:
    @pytest.mark.parametrize(
        ("ends", "state", "note"),
        [
            ("Succeeded", "DONE", "recovery point created"),
            ("CompletedWithWarnings", "DONE", "recovery point created, with warnings"),
            ("Failed", "FAILED", "the backup job failed: InternalExecutionError"),
            ("Canceled", "FAILED", "the backup job was cancelled: OperationCanceled"),
            ("Cancelled", "FAILED", "the backup job was cancelled: OperationCancelled"),
            ("TimedOut", "FAILED", "the backup job timed out: OperationTimedOut"),
        ],
    )
    async def test_each_end_is_read_as_what_it_is(
        self, arm: AzureServer, azure: Azure, ends: Any, state: str, note: str
    ) -> None:
        if ends != "Succeeded":
            arm.failures.put(Failure(operation="^backup$", ends=ends))
        driver = backing_up(arm, azure, "web-01")
        progress = await driver.contain()
        await asyncio.sleep(0.01)
        assert progress.job is not None

        seen = await driver.runner.follow(driver.vm, progress.job)

        assert (seen.id, seen.state) == (progress.job.id, JobState(state))
        assert seen.note.startswith(note)
        assert progress.note == f"backup started, job {seen.id}, protected by startgate-westeurope"

    async def test_a_job_under_way_stays_so(self, arm: AzureServer, azure: Azure) -> None:
        arm.failures.put(Failure(operation="^backup$", ends="never"))
        driver = backing_up(arm, azure, "web-01")
        progress = await driver.contain()
        assert progress.job is not None

        assert await driver.runner.follow(driver.vm, progress.job) == progress.job

    async def test_the_job_of_a_backup_that_others_began_is_followed(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        arm.failures.put(Failure(operation="^backup$", ends="never"))
        first = await backing_up(arm, azure, "web-01").contain()

        second = await backing_up(arm, azure, "web-01").contain()

        assert second.note.startswith("a backup was under way already, job ")
        assert second.job == first.job is not None

    async def test_a_job_that_is_gone_has_failed(self, arm: AzureServer, azure: Azure) -> None:
        driver = backing_up(arm, azure, "web-01")
        progress = await driver.contain()
        assert progress.job is not None

        seen = await driver.runner.follow(driver.vm, progress.job.changed(id="never-was"))

        assert (seen.state, seen.note) == (
            JobState.FAILED,
            "the vault startgate-westeurope has no such job any more",
        )
