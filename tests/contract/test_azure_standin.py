"""The Azure stand-in, asked by the real SDK clients over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.servicebus.aio import ServiceBusClient

from deploy.sandbox.azure import delivery
from deploy.sandbox.azure.clients import Clients
from deploy.sandbox.azure.delivery import Outbox, ServiceBusQueue
from deploy.sandbox.azure.events import Started
from deploy.sandbox.azure.messages import Message, messages
from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.world import World

PRODUCTION = "5b5a0000-0000-4000-8000-00000000000a"
DEVELOPMENT = "5b5a0000-0000-4000-8000-00000000000b"
SHOP = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-shop/providers"
WEB_01 = f"{SHOP}/Microsoft.Compute/virtualMachines/web-01"
LOCK = f"{WEB_01}/providers/Microsoft.Authorization/locks/frozen?api-version=2020-05-01"
CONTAINER = "iaasvmcontainer;iaasvmcontainerv2;rg-shop;web-01"
ITEM = "vm;iaasvmcontainerv2;rg-shop;web-01"
STARTED = Started(resource_id=WEB_01, principal=World.load().principal("nadia"), tenant="t")


class Cloud(Clients):
    """The stand-in, every client of it, and plain HTTP for what has no client here."""

    def __init__(self, server: AzureServer, *, token: str = TOKEN, subscription: str = PRODUCTION) -> None:
        super().__init__(server.url, token=token, subscription=subscription)
        self.server = server
        self._http = aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"})

    async def __aexit__(self, *error: object) -> None:
        await self._http.close()
        await super().__aexit__(*error)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self._http.request(method, path, json=body, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def power(self, name: str = "web-01") -> str:
        view = await self.compute.virtual_machines.instance_view("rg-shop", name)
        return next(s.code for s in view.statuses if s.code.startswith("PowerState/")).partition("/")[2]

    async def lockdown(self, name: str = "lockdown", location: str = "westeurope", **first: Any) -> Any:
        rule = {
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "*",
            "access": "Deny",
            "priority": 100,
        }
        rules = [
            {"name": "deny-in", "properties": rule | {"direction": "Inbound"} | first},
            {"name": "deny-out", "properties": rule | {"direction": "Outbound"}},
        ]
        poller = await self.network.network_security_groups.begin_create_or_update(
            "rg-shop", name, {"location": location, "properties": {"securityRules": rules}}
        )
        return await poller.result()


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    server = AzureServer(speed=0)
    await server.start()
    async with Cloud(server) as cloud:
        yield cloud
    await server.stop()


def refused(error: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None]:
    assert error.value.error is not None
    return error.value.status_code, error.value.error.code


class TestTheFrontDoor:
    @pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
    async def test_without_the_token_everything_is_refused_with_a_challenge(
        self, cloud: Cloud, header: dict[str, str]
    ) -> None:
        async with (
            aiohttp.ClientSession() as stranger,
            stranger.get(f"{cloud.server.url}/subscriptions?api-version=1", headers=header) as response,
        ):
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer ")

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("/subscriptions", 400, "MissingApiVersionParameter"),
            (f"/subscriptions/{'0' * 8}?api-version=1", 404, "SubscriptionNotFound"),
            (f"/subscriptions/{PRODUCTION}/resourceGroups/x?api-version=1", 404, "ResourceGroupNotFound"),
            (f"{WEB_01}x?api-version=1", 404, "ResourceNotFound"),
            (f"{SHOP}/Microsoft.Nothing/things/x?api-version=1", 404, "InvalidResourceType"),
        ],
    )
    async def test_what_does_not_exist_is_named(
        self, cloud: Cloud, path: str, status: int, code: str
    ) -> None:
        answered, body = await cloud.ask("GET", path)
        assert (answered, body["error"]["code"]) == (status, code)

    async def test_ids_match_without_case_and_keep_their_spelling(self, cloud: Cloud) -> None:
        vm = await cloud.compute.virtual_machines.get("RG-SHOP", "WEB-01", expand="instanceView")
        assert vm.id == WEB_01
        assert vm.instance_view.statuses[1].code == "PowerState/deallocated"

    async def test_subscriptions_and_groups_are_listed(self, cloud: Cloud) -> None:
        names = [subscription.display_name async for subscription in cloud.subscriptions.subscriptions.list()]
        assert names == ["Contoso Production", "Contoso Development"]
        assert (await cloud.subscriptions.subscriptions.get(DEVELOPMENT)).display_name == names[1]
        _, groups = await cloud.ask(
            "GET", f"/subscriptions/{PRODUCTION}/resourcegroups?api-version=2022-09-01"
        )
        assert [group["name"] for group in groups["value"]] == ["rg-shop", "rg-ops", "rg-legacy"]

    @pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")
    async def test_a_throttled_call_is_refused_as_arm_does_and_recorded(self, cloud: Cloud) -> None:
        fault = {"path": "instanceView", "status": 429, "retry_after_s": 7, "times": 1}
        await cloud.ask("PUT", "/_faults", [fault])
        with pytest.raises(HttpResponseError) as error:
            await cloud.power()
        assert refused(error) == (429, "TooManyRequests")
        assert error.value.response.headers["Retry-After"] == "7"
        assert await cloud.power() == "deallocated"
        statuses = [entry.data["status"] for entry in cloud.server.record.since(0, "request")]
        assert statuses == [429, 200]

    async def test_enforced_buckets_refuse_the_thirteenth_update_of_a_machine(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_throttling", {"enforced": True})
        answers = [await cloud.ask("POST", f"{WEB_01}/powerOff?api-version=1") for _ in range(13)]
        assert [status for status, _ in answers][-1] == 429

    async def test_the_record_holds_bodies_and_ids_but_never_the_token(self, cloud: Cloud) -> None:
        await cloud.lockdown()
        entry = cloud.server.record.since(0, "request")[0].data
        assert entry["request"]["location"] == "westeurope"
        assert entry["principal"] == "startgate"
        assert entry["client_request_id"]
        assert entry["correlation_id"]
        assert TOKEN not in json.dumps([e.data for e in cloud.server.record.since()])


class TestMachines:
    async def test_lists_tell_machines_and_their_states(self, cloud: Cloud) -> None:
        machines = cloud.compute.virtual_machines
        assert [vm.name async for vm in machines.list_all()] == ["web-01", "web-02", "db-01", "jump-01"]
        assert [vm.name async for vm in machines.list("rg-ops")] == ["jump-01"]
        states = {
            vm.name: vm.instance_view.statuses[1].code async for vm in machines.list_all(status_only="true")
        }
        assert states["db-01"] == "PowerState/running"

    async def test_a_long_list_comes_in_pages(self, cloud: Cloud) -> None:
        for number in range(120):
            await cloud.ask("POST", "/_vm", {"name": f"many-{number}", "group": "rg-many"})
        pages = cloud.compute.virtual_machines.list_all(status_only="true").by_page()
        assert [len([vm async for vm in page]) async for page in pages] == [100, 24]

    async def test_a_deallocation_takes_several_polls_and_passes_through_deallocating(
        self, cloud: Cloud
    ) -> None:
        await cloud.ask("PUT", "/_speed", {"factor": 0.01})
        poller = await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "db-01")
        assert await cloud.power("db-01") == "deallocating"
        token = poller.continuation_token()
        assert len(token) > 3500
        resumed = await cloud.compute.virtual_machines.begin_deallocate(
            "rg-shop", "db-01", continuation_token=token
        )
        await resumed.result()
        assert await cloud.power("db-01") == "deallocated"
        polls = [e for e in cloud.server.record.since(0, "request") if "/operations/" in e.data["path"]]
        assert len(polls) > 3

    async def test_at_speed_zero_the_first_poll_still_finds_it_in_progress(self, cloud: Cloud) -> None:
        poller = await cloud.compute.virtual_machines.begin_power_off("rg-shop", "db-01")
        await poller.result()
        assert await cloud.power("db-01") == "stopped"
        asked = [e.data["response"] for e in cloud.server.record.since(0, "request")]
        assert [body["status"] for body in asked if body and "status" in body] == ["InProgress", "Succeeded"]

    async def test_a_second_operation_on_a_busy_machine_is_refused(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_speed", {"factor": 1})
        await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "db-01", polling=False)
        with pytest.raises(HttpResponseError) as error:
            await cloud.compute.virtual_machines.begin_start("rg-shop", "db-01")
        assert refused(error) == (409, "OperationNotAllowed")

    async def test_tags_change_by_patch_and_host_encryption_only_when_deallocated(self, cloud: Cloud) -> None:
        machines = cloud.compute.virtual_machines
        vm = await (await machines.begin_update("rg-shop", "db-01", {"tags": {"seen": "yes"}})).result()
        assert vm.tags == {"seen": "yes"}
        encrypt = {"properties": {"securityProfile": {"encryptionAtHost": True}}}
        with pytest.raises(HttpResponseError) as error:
            await machines.begin_update("rg-shop", "db-01", encrypt)
        assert refused(error) == (409, "OperationNotAllowed")
        await (await machines.begin_deallocate("rg-shop", "db-01")).result()
        vm = await (await machines.begin_update("rg-shop", "db-01", encrypt)).result()
        assert vm.security_profile.encryption_at_host is True

    async def test_an_operation_can_be_accepted_and_fail(self, cloud: Cloud) -> None:
        failure = {"operation": "deallocate", "target": "db-01$", "code": "VMAgentTimeout", "times": 1}
        await cloud.ask("PUT", "/_failures", [failure])
        poller = await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "db-01")
        with pytest.raises(HttpResponseError) as error:
            await poller.result()
        assert refused(error) == (200, "VMAgentTimeout")
        assert await cloud.power("db-01") == "running"
        await (await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "db-01")).result()
        assert await cloud.power("db-01") == "deallocated"

    async def test_a_start_that_fails_is_reported_as_a_failure(self, cloud: Cloud) -> None:
        await cloud.ask("POST", "/_vm/start", {"vm": "web-01", "as": "nadia", "fail": True})
        await asyncio.sleep(0.02)
        assert await cloud.power() == "deallocated"
        (event,) = cloud.server.record.since(0, "event")
        assert event.data["succeeded"] is False

    async def test_a_snapshot_of_a_disk_is_made_listed_and_deleted(self, cloud: Cloud) -> None:
        vm = await cloud.compute.virtual_machines.get("rg-shop", "web-01")
        disk = await cloud.compute.disks.get("rg-shop", vm.storage_profile.os_disk.name)
        snapshots = cloud.compute.snapshots
        wanted = {
            "location": "westeurope",
            "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk.id}},
        }
        made = await (await snapshots.begin_create_or_update("rg-shop", "evidence", wanted)).result()
        assert made.creation_data.source_resource_id == disk.id
        state = (await cloud.ask("GET", "/_state"))[1]
        assert state["vms"][0]["snapshots"] == [made.id]
        await (await snapshots.begin_delete("rg-shop", "evidence")).result()
        assert [s.name async for s in snapshots.list_by_resource_group("rg-shop")] == []

    async def test_a_deleted_machine_is_gone_and_its_interface_stays(self, cloud: Cloud) -> None:
        await (await cloud.compute.virtual_machines.begin_delete("rg-shop", "web-01")).result()
        with pytest.raises(ResourceNotFoundError):
            await cloud.compute.virtual_machines.get("rg-shop", "web-01")
        assert (await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")).virtual_machine is None


class TestNetwork:
    async def test_a_lockdown_group_closes_what_was_open(self, cloud: Cloud) -> None:
        assert (await cloud.ask("GET", "/_state"))[1]["vms"][0]["open_ports"] == ["80", "443"]
        group = await cloud.lockdown()
        assert [rule.name for rule in group.security_rules] == ["deny-in", "deny-out"]
        assert len(group.default_security_rules) == 6
        nic = await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")
        before = nic.network_security_group.id
        nic.network_security_group = {"id": group.id}
        poller = await cloud.network.network_interfaces.begin_create_or_update(
            "rg-shop", nic.name, nic, headers={"If-Match": nic.etag}
        )
        written = await poller.result()
        assert written.network_security_group.id == group.id != before
        assert written.ip_configurations[0].public_ip_address.id
        assert written.virtual_machine.id == WEB_01
        assert (await cloud.ask("GET", "/_state"))[1]["vms"][0]["open_ports"] == []

    async def test_interfaces_groups_subnets_and_addresses_are_listed(self, cloud: Cloud) -> None:
        network = cloud.network
        assert len([nic async for nic in network.network_interfaces.list_all()]) == 5
        assert len([nic async for nic in network.network_interfaces.list("rg-shop")]) == 4
        assert len([nsg async for nsg in network.network_security_groups.list_all()]) == 5
        addresses = [ip.ip_address async for ip in network.public_ip_addresses.list("rg-shop")]
        assert addresses == ["20.50.1.11", "20.50.1.12"]
        subnets = network.subnets.list("rg-shop", "rg-shop-westeurope-vnet")
        assert [subnet.name async for subnet in subnets] == ["default"]

    async def test_a_stale_etag_is_refused(self, cloud: Cloud) -> None:
        nic = await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")
        await cloud.ask("PUT", "/_nic", {"nic": "web-01-nic", "nsg": None})
        with pytest.raises(HttpResponseError) as error:
            await cloud.network.network_interfaces.begin_create_or_update(
                "rg-shop", nic.name, nic, headers={"If-Match": nic.etag}
            )
        assert refused(error) == (412, "PreconditionFailed")

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"ipConfigurations": []}, "CannotRemoveIpConfigurations"),
            (
                {"networkSecurityGroup": {"id": f"{SHOP}/Microsoft.Network/networkSecurityGroups/none"}},
                "InvalidResourceReference",
            ),
            (
                {"networkSecurityGroup": {"id": f"{SHOP}/Microsoft.Network/networkSecurityGroups/far"}},
                "InvalidResourceReference",
            ),
        ],
    )
    async def test_an_interface_that_could_not_be_is_refused(
        self, cloud: Cloud, change: dict[str, Any], code: str
    ) -> None:
        await cloud.lockdown("far", "northeurope")
        path = f"{SHOP}/Microsoft.Network/networkInterfaces/web-01-nic?api-version=2026-03-01"
        _, nic = await cloud.ask("GET", path)
        status, body = await cloud.ask("PUT", path, nic | {"properties": nic["properties"] | change})
        assert (status, body["error"]["code"]) == (400, code)

    @pytest.mark.parametrize(
        ("first", "code"),
        [
            ({"priority": 99}, "SecurityRuleInvalidPriority"),
            ({"direction": "Outbound"}, "SecurityRuleConflict"),
            ({"destinationPortRange": "70000"}, "SecurityRuleInvalidPortRange"),
        ],
    )
    async def test_rules_that_azure_would_not_take_are_refused(
        self, cloud: Cloud, first: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(HttpResponseError) as error:
            await cloud.lockdown(**first)
        assert refused(error) == (400, code)

    async def test_a_group_in_use_cannot_be_deleted(self, cloud: Cloud) -> None:
        with pytest.raises(HttpResponseError) as error:
            await cloud.network.network_security_groups.begin_delete("rg-shop", "web-01-nsg")
        assert refused(error) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
        await cloud.ask("PUT", "/_nic", {"nic": "web-01-nic", "nsg": None})
        await (await cloud.network.network_security_groups.begin_delete("rg-shop", "web-01-nsg")).result()
        names = [group.name async for group in cloud.network.network_security_groups.list("rg-shop")]
        assert "web-01-nsg" not in names

    async def test_effective_rules_are_worked_out_for_a_running_machine(self, cloud: Cloud) -> None:
        nics = cloud.network.network_interfaces
        with pytest.raises(HttpResponseError):
            await nics.begin_list_effective_network_security_groups("rg-shop", "web-01-nic")
        poller = await nics.begin_list_effective_network_security_groups("rg-shop", "db-01-nic")
        (group,) = (await poller.result()).value
        assert group.effective_security_rules[0].name == "defaultSecurityRules/AllowVnetInBound"

    async def test_an_interface_without_a_group_is_filtered_by_its_subnet(self, cloud: Cloud) -> None:
        async with Clients(cloud.server.url, token=TOKEN, subscription=DEVELOPMENT) as development:
            nic = await development.network.network_interfaces.get("rg-build", "build-07-nic")
            assert nic.network_security_group is None
            vnet, name = nic.ip_configurations[0].subnet.id.split("/")[8::2]
            subnet = await development.network.subnets.get("rg-build", vnet, name)
        assert subnet.network_security_group.id.endswith("guarded-nsg")


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


class TestLocks:
    async def test_a_read_only_lock_refuses_every_write_until_it_is_removed(self, cloud: Cloud) -> None:
        assert (await cloud.ask("PUT", LOCK, {"properties": {"level": "ReadOnly"}}))[0] == 201
        machines = cloud.compute.virtual_machines
        for begin in (machines.begin_start, machines.begin_deallocate, machines.begin_power_off):
            with pytest.raises(HttpResponseError) as error:
                await begin("rg-shop", "web-01")
            assert refused(error) == (409, "ScopeLocked")
        with pytest.raises(HttpResponseError) as error:
            await machines.begin_update("rg-shop", "web-01", {"tags": {}})
        assert refused(error) == (409, "ScopeLocked")
        by_hand = {"vm": "web-01", "as": "intruder", "immediate": True}
        assert (await cloud.ask("POST", "/_vm/start", by_hand))[0] == 409
        assert (await cloud.ask("DELETE", LOCK))[0] == 200
        assert (await cloud.ask("DELETE", LOCK))[0] == 204
        await (await machines.begin_start("rg-shop", "web-01")).result()

    async def test_a_lock_on_the_group_holds_for_its_interfaces(self, cloud: Cloud) -> None:
        group = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-shop"
        path = f"{group}/providers/Microsoft.Authorization/locks/all?api-version=2020-05-01"
        await cloud.ask("PUT", path, {"properties": {"level": "ReadOnly"}})
        nic = await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")
        with pytest.raises(HttpResponseError) as error:
            await cloud.network.network_interfaces.begin_create_or_update("rg-shop", nic.name, nic)
        assert refused(error) == (409, "ScopeLocked")
        # Lock clients write "/{scope}/providers/…" with a scope that begins with a slash itself.
        listed = (await cloud.ask("GET", f"{cloud.server.url}/{LOCK.replace('/frozen', '')}"))[1]["value"]
        assert [lock["name"] for lock in listed] == ["all"]


class TestTheRest:
    async def test_role_assignments_are_found_by_principal(self, cloud: Cloud) -> None:
        nadia = "a0000000-0000-4000-8000-000000000003"
        query = f"api-version=2022-04-01&$filter=atScope() and assignedTo('{nadia}')"
        path = f"{WEB_01}/providers/Microsoft.Authorization/roleAssignments?{query}"
        (found,) = (await cloud.ask("GET", path))[1]["value"]
        assert found["properties"]["scope"] == f"/subscriptions/{PRODUCTION}"

    async def test_defender_takes_plan_p1_on_a_machine(self, cloud: Cloud) -> None:
        path = f"{WEB_01}/providers/Microsoft.Security/pricings/virtualMachines?api-version=2024-01-01"
        assert (await cloud.ask("GET", path))[1]["properties"]["pricingTier"] == "Free"
        plan = {"properties": {"pricingTier": "Standard", "subPlan": "P2"}}
        assert (await cloud.ask("PUT", path, plan))[0] == 400
        plan["properties"]["subPlan"] = "P1"
        assert (await cloud.ask("PUT", path, plan))[0] == 200

    async def test_just_in_time_policies_are_kept(self, cloud: Cloud) -> None:
        base = f"{SHOP}/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies"
        policy = {"kind": "Basic", "properties": {"virtualMachines": [{"id": WEB_01, "ports": []}]}}
        assert (await cloud.ask("PUT", f"{base}/default?api-version=2020-01-01", policy))[0] == 200
        every = f"/subscriptions/{PRODUCTION}/providers/Microsoft.Security/jitNetworkAccessPolicies"
        listed = (await cloud.ask("GET", f"{every}?api-version=2020-01-01"))[1]["value"]
        assert [policy["name"] for policy in listed] == ["default"]

    async def test_a_classic_machine_starts_takes_a_group_and_shuts_down(self, cloud: Cloud) -> None:
        group = f"/subscriptions/{PRODUCTION}/resourceGroups/rg-legacy"
        vm = f"{group}/providers/Microsoft.ClassicCompute/virtualMachines/legacy-01"
        version = "?api-version=2017-04-01"
        assert (await cloud.ask("POST", f"{vm}/start{version}"))[0] == 202
        await asyncio.sleep(0.02)
        shown = (await cloud.ask("GET", f"{vm}{version}"))[1]
        assert shown["properties"]["instanceView"]["powerState"] == "Started"
        wanted = {"properties": {"networkSecurityGroup": {"id": "classic-nsg"}}}
        nsg = f"{vm}/associatedNetworkSecurityGroups/lockdown{version}"
        assert (await cloud.ask("PUT", nsg, wanted))[0] == 202
        await asyncio.sleep(0.02)
        assert (await cloud.ask("GET", nsg))[1]["name"] == "lockdown"
        assert (await cloud.ask("POST", f"{vm}/shutdown{version}"))[0] == 202


class TestControl:
    async def test_a_machine_is_made_started_stopped_and_deleted(self, cloud: Cloud) -> None:
        made = (await cloud.ask("POST", "/_vm", {"name": "new-01", "group": "rg-new", "nics": [{}]}))[1]
        assert (made["power"], made["backup"]) == ("deallocated", {"status": "NotProtected"})
        started = {"vm": "new-01", "as": "olivia", "immediate": True, "correlation_id": "together"}
        answer = (await cloud.ask("POST", "/_vm/start", started))[1]
        assert answer["correlation_id"] == "together"
        assert answer["published_at_ms"] <= time.time() * 1000
        stopped = (await cloud.ask("POST", "/_vm/stop", {"vm": "new-01"}))[1]
        assert stopped["power"] == "deallocated"
        assert (await cloud.ask("DELETE", "/_vm", {"vm": "new-01"}))[0] == 200
        assert (await cloud.ask("POST", "/_vm/start", started))[0] == 400

    async def test_many_start_at_once(self, cloud: Cloud) -> None:
        answers = (await cloud.ask("POST", "/_vm/start-many", {"count": 3, "as": "nightly"}))[1]
        assert len({answer["vm_id"] for answer in answers}) == 3

    async def test_a_reset_brings_the_seed_back(self, cloud: Cloud) -> None:
        before = (await cloud.ask("GET", "/_state"))[1]
        await cloud.ask("POST", "/_vm/start", {"vm": "web-01", "as": "nadia", "immediate": True})
        await cloud.ask("PUT", "/_nic", {"nic": "web-01-nic", "nsg": None})
        assert (await cloud.ask("GET", "/_state"))[1] != before
        await cloud.ask("POST", "/_reset")
        assert (await cloud.ask("GET", "/_state"))[1] == before
        assert cloud.server.record.since(0, "changed")[-1].data["what"] == "reset"

    async def test_a_plain_read_takes_less_than_two_milliseconds(self, cloud: Cloud) -> None:
        for _ in range(50):
            await cloud.power()
        took = sorted(entry.data["duration_ms"] for entry in cloud.server.record.since(0, "request"))
        assert took[len(took) // 2] < 2


class TestEvents:
    async def test_a_start_through_arm_ends_as_a_message_on_the_queue(self) -> None:
        bus = BusServer()
        await bus.start()
        connection = (
            f"Endpoint=sb://127.0.0.1:{bus.amqp_port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )
        server = AzureServer(speed=0, queue=ServiceBusQueue(connection, "starts"))
        await server.start()
        async with (
            Cloud(server, token=f"{TOKEN}~nadia") as cloud,
            ServiceBusClient.from_connection_string(connection) as client,
            client.get_queue_receiver("starts") as receiver,
        ):
            await (await cloud.compute.virtual_machines.begin_start("rg-shop", "web-01")).result()
            (message,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            await receiver.complete_message(message)
            event = json.loads(b"".join(message.body))
            properties = {
                key.decode(): value.decode() for key, value in message.application_properties.items()
            }
        await server.stop()
        await bus.stop()
        assert event["subject"] == WEB_01
        assert event["eventType"] == "Microsoft.Resources.ResourceActionSuccess"
        assert event["data"]["claims"]["name"] == "Nadia Night"
        assert properties["aeg-delivery-count"] == "0"
        assert properties["aeg-output-event-id"] == event["id"]


class AwayFor:
    """A queue that refuses the first attempts."""

    def __init__(self, attempts: int) -> None:
        self._left = attempts
        self.taken: list[Message] = []

    async def send(self, message: Message) -> None:
        if self._left:
            self._left -= 1
            raise ConnectionRefusedError("nobody listens")
        self.taken.append(message)

    async def close(self) -> None:
        pass


class Outboxes:
    """An outbox to a queue that is away, and what it recorded."""

    def __init__(self, away_for: int) -> None:
        self.queue = AwayFor(away_for)
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.outbox = Outbox(self.queue, lambda kind, **data: self.recorded.append((kind, data)))


@pytest.fixture
async def sent(request: pytest.FixtureRequest) -> AsyncIterator[Outboxes]:
    sent = Outboxes(request.param)
    yield sent
    await sent.outbox.close()


class TestDelivery:
    @pytest.mark.parametrize("sent", [4], indirect=True)
    async def test_it_keeps_trying_while_the_bus_is_away_and_counts(
        self, sent: Outboxes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "RETRY_S", (0.0,))
        (message,) = messages(STARTED)
        await sent.outbox.post(message, vm_id=WEB_01)
        assert [m.properties["aeg-delivery-count"] for m in sent.queue.taken] == ["4"]
        assert [m.message_id for m in sent.queue.taken] == [message.message_id]
        assert [data["accepted"] for kind, data in sent.recorded if kind == "event"] == [False, True]
        assert sent.recorded[1][1]["attempts"] == 5

    @pytest.mark.parametrize("sent", [1000], indirect=True)
    async def test_posting_waits_for_nothing_and_closing_gives_up(self, sent: Outboxes) -> None:
        task = sent.outbox.post(messages(STARTED)[0])
        await asyncio.sleep(0)
        assert sent.outbox.waiting == 1
        await sent.outbox.close()
        assert task.cancelled()
