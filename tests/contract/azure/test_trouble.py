"""The Azure stand-in says no, goes slow and never ends: on demand, and as the service does."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from deploy.sandbox.azure.front.refusal_bodies import BODIES
from tests.contract.azure.rig import CONTAINER, PRODUCTION, SHOP, WEB_01, Cloud, refused

NIC = f"{SHOP}/Microsoft.Network/networkInterfaces/web-01-nic"


class TestRefusals:
    @pytest.mark.parametrize("code", sorted(BODIES))
    async def test_each_known_code_reaches_a_client_with_its_status(self, cloud: Cloud, code: str) -> None:
        await cloud.ask("PUT", "/_refusals", [{"code": code, "times": 1}])
        with pytest.raises(HttpResponseError) as error:
            await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "web-01")
        status, said = refused(error)
        assert said == code
        assert status is not None
        assert status >= 400
        assert "x-ms-correlation-request-id" in error.value.response.headers
        await (await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "web-01")).result()

    async def test_a_policy_is_named_in_the_sentence_and_in_additional_info(self, cloud: Cloud) -> None:
        about = {"policy": "Only approved NSGs", "assignment": "Network baseline"}
        await cloud.ask("PUT", "/_refusals", [{"code": "RequestDisallowedByPolicy", "about": about}])
        with pytest.raises(HttpResponseError) as error:
            await cloud.lockdown()
        assert refused(error) == (403, "RequestDisallowedByPolicy")
        said = error.value.error
        assert said is not None
        assert said.message is not None
        assert said.message.startswith("Resource 'lockdown' was disallowed by policy.")
        assert "Network baseline" in said.message
        body: Any = error.value.response
        (violation,) = body.json()["error"]["additionalInfo"]
        assert violation["type"] == "PolicyViolation"
        assert violation["info"]["policyAssignmentDisplayName"] == "Network baseline"
        assert violation["info"]["policyDefinitionDisplayName"] == "Only approved NSGs"

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (
                "AuthorizationFailed",
                f"'Microsoft.Compute/virtualMachines/deallocate/action' over scope '{WEB_01}'",
            ),
            ("DenyAssignmentAuthorizationFailed", "because of the deny assignment with name 'nrg-lockdown'"),
            ("LinkedAuthorizationFailed", "networkSecurityGroups/join/action' on the linked scope(s)"),
            ("MissingSubscriptionRegistration", "not registered to use namespace 'Microsoft.Compute'"),
        ],
    )
    async def test_the_sentence_names_what_the_request_was(self, cloud: Cloud, code: str, words: str) -> None:
        refusal = {"code": code, "about": {"assignment": "nrg-lockdown"}}
        await cloud.ask("PUT", "/_refusals", [refusal])
        _, body = await cloud.ask("POST", f"{WEB_01}/deallocate?api-version=1")
        assert words in body["error"]["message"]

    async def test_a_refusal_can_be_about_one_vm_and_all_that_is_its(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_refusals", [{"code": "ScopeLocked", "method": "WRITE", "vm": "web-01"}])
        item = (
            f"{SHOP}/Microsoft.RecoveryServices/vaults/v/backupFabrics/Azure/protectionContainers/{CONTAINER}"
        )
        for method, path in (
            ("POST", f"{WEB_01}/powerOff"),
            ("PUT", NIC),
            ("PUT", f"{item}/protectedItems/x"),
        ):
            assert (await cloud.ask(method, f"{path}?api-version=1", {}))[0] == 409
        assert (await cloud.ask("GET", f"{NIC}?api-version=1"))[0] == 200
        other = WEB_01.replace("web-01", "web-02")
        assert (await cloud.ask("POST", f"{other}/powerOff?api-version=1"))[0] == 202

    async def test_any_other_code_takes_a_status_and_a_sentence(self, cloud: Cloud) -> None:
        assert (await cloud.ask("PUT", "/_refusals", [{"code": "SkuNotAvailable"}]))[0] == 400
        refusal = {"code": "SkuNotAvailable", "status": 409, "message": "Not here.", "path": "/start$"}
        assert (await cloud.ask("PUT", "/_refusals", [refusal]))[0] == 200
        answer = await cloud.ask("POST", f"{WEB_01}/start?api-version=1")
        assert answer == (409, {"error": {"code": "SkuNotAvailable", "message": "Not here."}})

    async def test_a_status_can_be_another_one(self, cloud: Cloud) -> None:
        refusal = {"code": "MissingSubscriptionRegistration", "status": 404}
        await cloud.ask("PUT", "/_refusals", [refusal])
        path = f"/subscriptions/{PRODUCTION}/providers/Microsoft.ClassicCompute/virtualMachines?api-version=1"
        status, body = await cloud.ask("GET", path)
        assert (status, body["error"]["details"][0]["target"]) == (404, "Microsoft.ClassicCompute")

    async def test_a_stale_etag_is_told_with_both_versions(self, cloud: Cloud) -> None:
        _, nic = await cloud.ask("GET", f"{NIC}?api-version=1")
        status, body = await cloud.ask("PUT", f"{NIC}?api-version=1", nic, **{"If-Match": 'W/"old"'})
        (detail,) = body["error"]["details"]
        assert (status, body["error"]["code"]) == (412, "PreconditionFailed")
        assert detail["code"] == "PreconditionFailedEtagMismatch"
        assert 'W/"old"' in detail["message"]
        assert nic["etag"] in detail["message"]


class TestOperations:
    @pytest.mark.parametrize("ends", ["Failed", "Canceled", "Cancelled", "TimedOut"])
    async def test_an_operation_ends_as_planned_and_leaves_its_mark(self, cloud: Cloud, ends: str) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "NIC PUT", "ends": ends}])
        _, nic = await cloud.ask("GET", f"{NIC}?api-version=1")
        await cloud.ask("PUT", f"{NIC}?api-version=1", nic)
        await asyncio.sleep(0.02)
        (operation,) = [o for o in operations(cloud) if o["status"] != "InProgress"]
        assert operation["status"] == ends
        _, nic = await cloud.ask("GET", f"{NIC}?api-version=1")
        state = nic["properties"]["provisioningState"]
        assert state == ("Failed" if ends == "TimedOut" else ends)

    async def test_a_poller_is_told_of_a_cancelled_operation(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "deallocate", "ends": "Canceled"}])
        poller = await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "db-01")
        with pytest.raises(HttpResponseError) as error:
            await poller.result()
        assert refused(error) == (200, "OperationCanceled")
        assert await cloud.power("db-01") == "running"

    async def test_an_operation_that_never_ends_holds_its_vm_until_it_is_ended(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "deallocate", "ends": "never", "times": 1}])
        machines = cloud.compute.virtual_machines
        await machines.begin_deallocate("rg-shop", "db-01", polling=False)
        await asyncio.sleep(0.05)
        assert await cloud.power("db-01") == "deallocating"
        with pytest.raises(HttpResponseError) as error:
            await machines.begin_start("rg-shop", "db-01")
        assert refused(error) == (409, "OperationNotAllowed")
        await cloud.ask("PUT", "/_speed", {"factor": 0})
        assert await cloud.power("db-01") == "deallocating"
        _, answer = await cloud.ask("POST", "/_operations/end", {"target": "db-01$"})
        assert len(answer["ended"]) == 1
        assert await cloud.power("db-01") == "deallocated"

    async def test_a_vault_whose_creation_fails_is_there_and_says_failed(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_failures", [{"operation": "vault PUT", "times": 1}])
        body = {"location": "westeurope", "sku": {"name": "RS0"}, "properties": {}}
        with pytest.raises(HttpResponseError):
            await (await cloud.vaults.vaults.begin_create_or_update("rg-shop", "safe", body)).result()
        assert (await cloud.vaults.vaults.get("rg-shop", "safe")).properties.provisioning_state == "Failed"
        await (await cloud.vaults.vaults.begin_create_or_update("rg-shop", "safe", body)).result()
        assert (await cloud.vaults.vaults.get("rg-shop", "safe")).properties.provisioning_state == "Succeeded"

    async def test_a_call_can_be_slow(self, cloud: Cloud) -> None:
        await cloud.ask("PUT", "/_faults", [{"path": "instanceView", "delay_ms": 200, "times": 1}])
        began = asyncio.get_running_loop().time()
        await cloud.power()
        assert asyncio.get_running_loop().time() - began >= 0.2


class TestBehindTheBack:
    async def test_a_vm_can_run_without_any_event(self, cloud: Cloud) -> None:
        answer = await cloud.ask("POST", "/_vm/power", {"vm": "web-01", "power": "running"})
        assert (answer[0], await cloud.power()) == (200, "running")
        assert cloud.server.record.since(0, "event") == []


def operations(cloud: Cloud) -> list[dict[str, Any]]:
    return [
        entry.data["operation"]
        for entry in cloud.server.record.since(0, "changed")
        if entry.data["what"] == "operation"
    ]
