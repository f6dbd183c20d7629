"""The Azure stand-in, asked by the real SDK clients: machines and locks."""

import asyncio

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.contract.azure.rig import LOCK, PRODUCTION, Cloud, refused


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
        assert "can be updated only when VM is in deallocated state" in str(error.value)
        await (await machines.begin_deallocate("rg-shop", "db-01")).result()
        vm = await (await machines.begin_update("rg-shop", "db-01", encrypt)).result()
        assert vm.security_profile.encryption_at_host is True

    @pytest.mark.parametrize("value", [True, False])
    async def test_host_encryption_needs_the_feature_and_a_size_that_has_it(
        self, cloud: Cloud, *, value: bool
    ) -> None:
        machines = cloud.compute.virtual_machines
        encrypt = {"properties": {"securityProfile": {"encryptionAtHost": value}}}
        cloud.server.host_encryption.states[PRODUCTION] = "NotRegistered"
        with pytest.raises(HttpResponseError, match="feature is not enabled for this subscription") as error:
            await machines.begin_update("rg-shop", "web-01", encrypt)
        assert refused(error) == (400, "InvalidParameter")
        cloud.server.host_encryption.states.clear()
        cloud.server.estate.vms()[0].properties["hardwareProfile"]["vmSize"] = "Standard_A2_v2"
        with pytest.raises(HttpResponseError, match="VM size 'Standard_A2_v2' does not support it") as error:
            await machines.begin_update("rg-shop", "web-01", encrypt)
        assert refused(error) == (400, "InvalidParameter")

    async def test_sizes_of_a_region_tell_which_of_them_can_be_encrypted_at_host(self, cloud: Cloud) -> None:
        listed = cloud.compute.resource_skus.list(filter="location eq 'northeurope'")
        able = {
            sku.name: {one.name: one.value for one in sku.capabilities}["EncryptionAtHostSupported"]
            async for sku in listed
            if sku.resource_type == "virtualMachines" and sku.locations == ["northeurope"]
        }
        assert (able["Standard_D4s_v5"], able["Standard_A2_v2"]) == ("True", "False")

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
