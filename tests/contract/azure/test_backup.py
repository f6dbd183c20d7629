"""The Azure stand-in, asked by the real SDK clients: backups."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.contract.azure.rig import CONTAINER, ITEM, LOCK, WEB_01, Cloud, refused


class TestBackup:
    async def vault(self, cloud: Cloud, location: str = "westeurope") -> str:
        wanted = {"location": location, "sku": {"name": "RS0", "tier": "Standard"}, "properties": {}}
        vault = await (await cloud.vaults.vaults.begin_create_or_update("rg-shop", "safe", wanted)).result()
        assert vault.properties.provisioning_state == "Succeeded"
        return str(vault.id)

    async def protect(self, cloud: Cloud, vault_id: str, policy: str = "DefaultPolicy") -> Any:
        poller = await cloud.backup.protected_items.begin_create_or_update(
            "safe",
            "rg-shop",
            "Azure",
            CONTAINER,
            ITEM,
            {
                "properties": {
                    "protectedItemType": "Microsoft.Compute/virtualMachines",
                    "sourceResourceId": WEB_01,
                    "policyId": f"{vault_id}/backupPolicies/{policy}",
                }
            },
        )
        return await poller.result()

    async def test_a_machine_is_protected_and_backed_up(self, cloud: Cloud) -> None:
        question = {"resourceType": "VM", "resourceId": WEB_01}
        status = await cloud.backup.backup_status.get("westeurope", question)
        assert status.protection_status == "NotProtected"
        assert (status.container_name, status.protected_item_name) == (CONTAINER, ITEM)
        vault_id = await self.vault(cloud)
        item = await self.protect(cloud, vault_id)
        assert item.properties["protectionState"] == "IRPending"
        status = await cloud.backup.backup_status.get("westeurope", question)
        assert (status.protection_status, status.vault_id) == ("Protected", vault_id)

        answers: list[Any] = []
        await cloud.backup.backups.trigger(
            "safe",
            "rg-shop",
            "Azure",
            CONTAINER,
            ITEM,
            {"properties": {"objectType": "IaasVMBackupRequest"}},
            raw_response_hook=lambda response: answers.append(response.http_response),
        )
        assert answers[0].status_code == 202
        assert "Azure-AsyncOperation" in answers[0].headers
        await asyncio.sleep(0.05)
        jobs = [job async for job in cloud.backup.backup_jobs.list("safe", "rg-shop")]
        assert [job.properties.operation for job in jobs] == ["ConfigureBackup", "Backup"]
        job = await cloud.backup.job_details.get("safe", "rg-shop", jobs[1].name)
        assert job.properties.status == "Completed"
        item = await cloud.backup.protected_items.get("safe", "rg-shop", "Azure", CONTAINER, ITEM)
        assert item.properties["protectionState"] == "Protected"

    async def test_a_new_vault_has_its_two_policies_and_takes_one_more(self, cloud: Cloud) -> None:
        await self.vault(cloud)
        policies = [policy async for policy in cloud.backup.backup_policies.list("safe", "rg-shop")]
        assert [policy.name for policy in policies] == ["DefaultPolicy", "EnhancedPolicy"]
        await cloud.backup.protection_policies.create_or_update("safe", "rg-shop", "mine", policies[0])
        mine = await cloud.backup.protection_policies.get("safe", "rg-shop", "mine")
        assert mine.properties.backup_management_type == "AzureIaasVM"

    async def test_a_locked_vault_stays_immutable(self, cloud: Cloud) -> None:
        await self.vault(cloud)

        def immutable(state: str) -> dict[str, Any]:
            return {"properties": {"securitySettings": {"immutabilitySettings": {"state": state}}}}

        vault = await (
            await cloud.vaults.vaults.begin_update("rg-shop", "safe", immutable("Locked"))
        ).result()
        assert vault.properties.security_settings.immutability_settings.state == "Locked"
        with pytest.raises(HttpResponseError) as error:
            await cloud.vaults.vaults.begin_update("rg-shop", "safe", immutable("Disabled"))
        assert error.value.status_code == 400
        config = await cloud.backup.backup_resource_vault_configs.update(
            "safe", "rg-shop", {"properties": {"softDeleteFeatureState": "AlwaysON"}}
        )
        assert config.properties.is_soft_delete_feature_state_editable is False

    async def test_a_vault_of_another_region_is_refused(self, cloud: Cloud) -> None:
        vault_id = await self.vault(cloud, "northeurope")
        with pytest.raises(HttpResponseError) as error:
            await self.protect(cloud, vault_id)
        assert error.value.status_code == 400

    async def test_a_read_only_lock_on_the_machine_refuses_protection(self, cloud: Cloud) -> None:
        vault_id = await self.vault(cloud)
        await cloud.ask("PUT", LOCK, {"properties": {"level": "ReadOnly"}})
        with pytest.raises(HttpResponseError) as error:
            await self.protect(cloud, vault_id)
        assert refused(error) == (409, "ScopeLocked")
