"""The Azure stand-in, asked by the real SDK clients: the states a backup can be in beside *protected*."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.contract.azure.rig import CONTAINER, ITEM, SHOP, WEB_01, Cloud, refused

OTHERS = f"{SHOP}/Microsoft.RecoveryServices/vaults/others-vault"
PLACE = ("others-vault", "rg-shop", "Azure", CONTAINER, ITEM)
KIND = {"protectedItemType": "Microsoft.Compute/virtualMachines", "sourceResourceId": WEB_01}


async def make_vault(cloud: Cloud, name: str) -> str:
    wanted = {"location": "westeurope", "sku": {"name": "RS0", "tier": "Standard"}, "properties": {}}
    return str(
        (await (await cloud.vaults.vaults.begin_create_or_update("rg-shop", name, wanted)).result()).id
    )


async def put(cloud: Cloud, *place: str, **properties: Any) -> Any:
    body: Any = {"properties": KIND | properties}
    poller = await cloud.backup.protected_items.begin_create_or_update(*(place or PLACE), body)
    return await poller.result()


async def status(cloud: Cloud) -> tuple[str | None, str | None]:
    asked = await cloud.backup.backup_status.get("westeurope", {"resourceType": "VM", "resourceId": WEB_01})
    return asked.protection_status, asked.vault_id


async def item(cloud: Cloud) -> Any:
    return (await cloud.backup.protected_items.get(*PLACE)).properties


async def trigger(cloud: Cloud) -> None:
    await cloud.backup.backups.trigger(*PLACE, {"properties": {"objectType": "IaasVMBackupRequest"}})


class TestStatus:
    async def test_while_it_is_being_protected_the_vault_is_named(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "^protect$", "ends": "never", "times": 1}])
        vault_id, other_id = await make_vault(cloud, "safe"), await make_vault(cloud, "second")
        place = ("safe", *PLACE[1:])
        body: Any = {"properties": KIND | {"policyId": f"{vault_id}/backupPolicies/DefaultPolicy"}}
        await cloud.backup.protected_items.begin_create_or_update(*place, body, polling=False)
        assert await status(cloud) == ("Protecting", vault_id)
        with pytest.raises(HttpResponseError) as error:
            await put(cloud, "second", *place[1:], policyId=f"{other_id}/backupPolicies/DefaultPolicy")
        assert refused(error) == (400, "BMSUserErrorVmProtectedInAnotherVault")
        await cloud.ask("POST", "/_operations/end", {"operation": "^protect$"})
        assert await status(cloud) == ("Protected", vault_id)

    async def test_a_protection_that_failed_says_so_until_one_succeeds(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "^protect$", "times": 1}])
        vault_id = await make_vault(cloud, "safe")
        place, policy = (
            ("safe", "rg-shop", "Azure", CONTAINER, ITEM),
            f"{vault_id}/backupPolicies/DefaultPolicy",
        )
        with pytest.raises(HttpResponseError):
            await put(cloud, *place, policyId=policy)
        assert await status(cloud) == ("ProtectionFailed", vault_id)
        await put(cloud, *place, policyId=policy)
        assert await status(cloud) == ("Protected", vault_id)

    @pytest.mark.parametrize("says", ["NotProtected", "Protecting", "Protected", "ProtectionFailed"])
    async def test_it_can_be_set_with_or_without_a_vault(self, cloud: Cloud, says: str) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "status": says})
        assert await status(cloud) == (says, None)
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "status": says, "vault": OTHERS})
        assert await status(cloud) == (says, OTHERS)


class TestItems:
    @pytest.mark.parametrize("state", ["ProtectionStopped", "BackupsSuspended"])
    async def test_what_is_stopped_takes_no_backup_until_a_full_put_resumes_it(
        self, cloud: Cloud, state: str
    ) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": state})
        assert (await item(cloud))["protectionState"] == state
        assert (await status(cloud))[1] == OTHERS
        with pytest.raises(HttpResponseError) as error:
            await trigger(cloud)
        assert refused(error) == (400, "BMSUserErrorBackupNotAllowedInState")
        with pytest.raises(HttpResponseError):
            await put(cloud)
        await put(cloud, policyId=f"{OTHERS}/backupPolicies/DefaultPolicy")
        assert (await item(cloud))["protectionState"] == "IRPending"
        await trigger(cloud)

    async def test_protection_in_error_is_shown_as_unhealthy(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "ProtectionError"})
        shown = await item(cloud)
        assert (shown["protectionState"], shown["protectionStatus"]) == ("ProtectionError", "Unhealthy")
        assert shown["healthStatus"] == "ActionRequired"

    async def test_stopping_keeps_the_data(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "Protected"})
        await put(cloud, protectionState="ProtectionStopped", policyId="")
        assert (await item(cloud))["protectionState"] == "ProtectionStopped"

    async def test_what_is_deleted_softly_only_rehydrates(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "Protected"})
        policy = f"{OTHERS}/backupPolicies/DefaultPolicy"
        await cloud.backup.protected_items.delete(*PLACE)
        await asyncio.sleep(0.02)
        shown = await item(cloud)
        assert shown["isScheduledForDeferredDelete"] is True
        assert shown["protectionState"] == "ProtectionStopped"
        for attempt in ({"policyId": policy}, {"protectionState": "ProtectionStopped"}):
            with pytest.raises(HttpResponseError) as error:
                await put(cloud, **attempt)
            assert refused(error) == (400, "BMSUserErrorItemSoftDeleted")
        await put(cloud, protectionState="ProtectionStopped", isRehydrate=True)
        shown = await item(cloud)
        assert "isScheduledForDeferredDelete" not in shown
        assert shown["protectionState"] == "ProtectionStopped"
        await put(cloud, policyId=policy)
        assert (await item(cloud))["protectionState"] == "IRPending"

    async def test_without_soft_delete_it_is_gone(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "Protected"})
        await cloud.backup.backup_resource_vault_configs.update(
            "others-vault", "rg-shop", {"properties": {"softDeleteFeatureState": "Disabled"}}
        )
        await cloud.backup.protected_items.delete(*PLACE)
        await asyncio.sleep(0.02)
        with pytest.raises(ResourceNotFoundError):
            await item(cloud)

    async def test_another_vault_may_protect_only_what_is_deleted_softly(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "ProtectionStopped"})
        vault_id = await make_vault(cloud, "safe")
        place, policy = (
            ("safe", "rg-shop", "Azure", CONTAINER, ITEM),
            f"{vault_id}/backupPolicies/DefaultPolicy",
        )
        with pytest.raises(HttpResponseError) as error:
            await put(cloud, *place, policyId=policy)
        assert refused(error) == (400, "BMSUserErrorVmProtectedInAnotherVault")
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "soft_deleted": True})
        await put(cloud, *place, policyId=policy)
        assert await status(cloud) == ("Protected", vault_id)

    async def test_an_ephemeral_os_disk_is_not_backed_up(self, cloud: Cloud) -> None:
        await cloud.ask("POST", "/_vm", {"name": "batch-01", "group": "rg-shop", "ephemeral": True})
        vault_id = await make_vault(cloud, "safe")
        place = [part.replace("web-01", "batch-01") for part in ("safe", *PLACE[1:])]
        wanted = {
            "sourceResourceId": WEB_01.replace("web-01", "batch-01"),
            "policyId": f"{vault_id}/backupPolicies/DefaultPolicy",
        }
        with pytest.raises(HttpResponseError) as error:
            await put(cloud, *place, **wanted)
        assert refused(error) == (400, "BMSUserErrorEphemeralOsDisk")


class TestJobs:
    @pytest.mark.parametrize(
        ("ends", "job"),
        [
            ("Failed", "Failed"),
            ("Canceled", "Cancelled"),
            ("TimedOut", "TimedOut"),
            ("CompletedWithWarnings", "CompletedWithWarnings"),
        ],
    )
    async def test_a_backup_ends_as_planned(self, cloud: Cloud, ends: str, job: str) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "^backup$", "ends": ends}])
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "Protected"})
        await trigger(cloud)
        await asyncio.sleep(0.02)
        (found,) = [one async for one in cloud.backup.backup_jobs.list("others-vault", "rg-shop")]
        assert found.properties.status == job
        assert bool(found.properties.error_details) == (ends != "CompletedWithWarnings")
