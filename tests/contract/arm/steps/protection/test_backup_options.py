"""Backup under the profile's options: a vault by id, where one is made, and what a restore leaves."""

import asyncio
from typing import Any

import pytest

from deploy.sandbox.azure.backup.items import ITEM
from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import PROFILE, Driver, backing_up, sent
from tests.contract.arm.steps.protection.test_backup_states import OTHERS, set_backup, vault_puts
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.domain.containment.options.backup_options import BackupOptions
from workers.domain.errors import StepFailed

NAMED = OTHERS.replace("others-vault", "safe")


def driver(arm: AzureServer, azure: Azure, **options: Any) -> Driver:
    made = backing_up(arm, azure, "web-01")
    made.profile = PROFILE.changed(backup=BackupOptions(**options))
    return made


async def details(one: Driver, azure: Azure) -> str:
    facts = await ArmFacts(azure).gather(one.vm, budget_s=5)
    return "\n".join(one.runner.plan(one.vm, facts, one.profile).details)


async def make_named(arm: AzureServer) -> None:
    """The vault is there, and protects another VM."""
    await set_backup(arm, vm="db-01", state="Protected", vault=NAMED)


def state(arm: AzureServer) -> str:
    (item,) = [one for one in arm.estate.of(ITEM) if "web-01" in one.id]
    return str(item.properties["protectionState"])


class TestVaultById:
    async def test_it_protects_the_vm_and_nothing_is_made(self, arm: AzureServer, azure: Azure) -> None:
        await make_named(arm)
        one = driver(arm, azure, vault=NAMED)

        plan = await details(one, azure)
        progress = await one.contain()

        assert "not protected → protected by safe" in plan
        assert "made" not in plan
        assert progress.note.endswith("protected by safe")
        assert not vault_puts(arm)

    async def test_one_that_is_missing_is_named_and_not_made(self, arm: AzureServer, azure: Azure) -> None:
        with pytest.raises(StepFailed, match=r"the vault safe that the lockdown profile standard") as failed:
            await driver(arm, azure, vault=NAMED).begin()

        assert failed.value.final
        assert not sent(arm, "PUT")

    async def test_a_vm_that_has_a_vault_stays_there(self, arm: AzureServer, azure: Azure) -> None:
        await make_named(arm)
        await set_backup(arm, state="Protected", vault=OTHERS)

        progress = await driver(arm, azure, vault=NAMED).contain()

        assert progress.note.endswith("protected by others-vault")


class TestVaultThatIsMade:
    async def test_it_is_where_the_profile_says_and_keeps_its_data_so(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        one = driver(arm, azure, resource_group="rg-ops", redundancy="zone")

        plan = await details(one, azure)
        await one.contain()

        (put,) = vault_puts(arm)
        assert "/resourceGroups/rg-ops/" in put["path"]
        redundancy = put["request"]["properties"]["redundancySettings"]
        assert redundancy == {"standardTierStorageRedundancy": "ZoneRedundant"}
        assert "made if it is missing, zone-redundant, in resource group rg-ops, which" in plan

    async def test_by_default_the_plan_says_what_azure_does(self, arm: AzureServer, azure: Azure) -> None:
        one = driver(arm, azure)

        plan = await details(one, azure)
        await one.contain()

        assert "geo-redundant, in resource group rg-shop, which can't be deleted" in plan
        assert "after a restore, protection goes on with daily backups" in plan
        assert "redundancySettings" not in vault_puts(arm)[0]["request"]["properties"]


class TestAfterRestore:
    async def test_protection_goes_on_unless_the_profile_says_otherwise(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        one = driver(arm, azure)
        await one.contain()
        await asyncio.sleep(0.01)

        progress = await one.undo()

        assert state(arm) == "Protected"
        assert progress.note == "kept: protection goes on with daily backups, and recovery points are kept"
        assert one.step.change is not None
        assert one.step.change.back == (
            "protection goes on with daily backups, and recovery points are kept",
        )

    async def test_protection_is_stopped_and_read_back_where_the_profile_says_so(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        one = driver(arm, azure, after_restore="stop")
        await one.contain()
        await asyncio.sleep(0.01)

        progress = await undone(one)

        assert state(arm) == "ProtectionStopped"
        assert progress.note == "protection is stopped, and recovery points are kept, read back"

    @pytest.mark.parametrize("before", ["Protected", "IRPending", "ProtectionError"])
    async def test_a_protection_that_was_there_before_stays(
        self, arm: AzureServer, azure: Azure, before: str
    ) -> None:
        await set_backup(arm, state=before)
        one = driver(arm, azure, after_restore="stop")
        await one.contain()
        await asyncio.sleep(0.01)

        progress = await undone(one)

        assert progress.note == "kept, as it was before"
        assert state(arm) == "Protected"
        assert one.step.change is not None
        assert one.step.change.back == ("web-01: stays protected by others-vault, as before",)

    async def test_one_that_we_resumed_is_stopped_again(self, arm: AzureServer, azure: Azure) -> None:
        await set_backup(arm, state="ProtectionStopped")
        one = driver(arm, azure, after_restore="stop")
        await one.contain()
        await asyncio.sleep(0.01)

        await undone(one)

        assert state(arm) == "ProtectionStopped"

    async def test_a_backup_under_way_does_not_keep_the_vm_contained(
        self, arm: AzureServer, azure: Azure
    ) -> None:
        arm.failures.put(Failure(operation="^backup$", ends="never"))
        one = driver(arm, azure, after_restore="stop")
        await one.contain()

        progress = await undone(one)

        assert "a backup is under way" in progress.note
        assert "stop it in the vault" in progress.note


async def undone(one: Driver) -> Any:
    """As ``Driver.undo``, with the token of its own that an undo has."""
    step = one.step.changed(token="")
    for _ in range(40):
        progress = await one.runner.undo(one.vm, one.profile, step)
        if progress.done:
            return progress
        assert not progress.again, progress.note
        step = step.changed(token=progress.token)
        await asyncio.sleep(0.01)
    raise AssertionError("not undone")
