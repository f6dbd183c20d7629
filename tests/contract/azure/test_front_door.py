"""The Azure stand-in, asked by the real SDK clients: what holds for every call, and its controls."""

import asyncio
import json
import time

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError

from deploy.sandbox.azure.server import TOKEN
from tests.contract.azure.rig import DEVELOPMENT, PRODUCTION, SHOP, WEB_01, Cloud, refused


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
        assert (await cloud.ask("PUT", path, plan))[0] == 201
        assert (await cloud.ask("PUT", path, plan))[0] == 200

    async def test_just_in_time_policies_are_kept(self, cloud: Cloud) -> None:
        cloud.server.plans.set(f"/subscriptions/{PRODUCTION}", "Standard", "P2")
        base = f"{SHOP}/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies"
        port = {
            "number": 22,
            "protocol": "*",
            "allowedSourceAddressPrefix": "*",
            "maxRequestAccessDuration": "PT3H",
        }
        policy = {"kind": "Basic", "properties": {"virtualMachines": [{"id": WEB_01, "ports": [port]}]}}
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

    async def test_somebody_new_starts_machines_under_their_own_name(self, cloud: Cloud) -> None:
        zoe = {"key": "zoe", "email": "zoe@contoso.example", "name": "Zoe New", "like": "olivia"}
        added = (await cloud.ask("POST", "/_principals", zoe))[1]
        assert (await cloud.ask("POST", "/_principals", zoe))[0] == 400
        assert (await cloud.ask("POST", "/_principals", zoe | {"key": "x", "like": "nobody"}))[0] == 400
        who = cloud.server.world.principal("zoe")
        assert (who.oid, who.email) == (added["oid"], "zoe@contoso.example")
        assert who.role == cloud.server.world.principal("olivia").role
        start = {"vm": "web-01", "as": "zoe", "immediate": True}
        assert (await cloud.ask("POST", "/_vm/start", start))[0] == 200

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

    @pytest.mark.quiet
    async def test_a_plain_read_takes_less_than_two_milliseconds(self, cloud: Cloud) -> None:
        for _ in range(50):
            await cloud.power()
        took = sorted(entry.data["duration_ms"] for entry in cloud.server.record.since(0, "request"))
        assert took[len(took) // 2] < 2
