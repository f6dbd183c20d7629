"""Defender for Cloud as the real SDK client finds it: plans, just-in-time access, alerts, recommendations."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from tests.contract.azure.rig import LOCK, PRODUCTION, SHOP, WEB_01, Cloud, refused

SUBSCRIPTION = f"/subscriptions/{PRODUCTION}"
SERVERS = "VirtualMachines"
P1 = {"properties": {"pricingTier": "Standard", "subPlan": "P1"}}
P2 = {"properties": {"pricingTier": "Standard", "subPlan": "P2"}}
FREE = {"properties": {"pricingTier": "Free"}}
PORT = {
    "number": 22,
    "protocol": "*",
    "allowedSourceAddressPrefix": "*",
    "maxRequestAccessDuration": "PT3H",
}


async def put(cloud: Cloud, scope: str, body: dict[str, Any]) -> Any:
    return await cloud.security.pricings.update(scope, SERVERS, body)


async def put_jit(cloud: Cloud, *vm_ids: str, **port: Any) -> Any:
    machines = [{"id": vm_id, "ports": [PORT | port]} for vm_id in vm_ids]
    body = {"kind": "Basic", "properties": {"virtualMachines": machines}}
    policies = cloud.security.jit_network_access_policies
    return await policies.create_or_update("rg-shop", "westeurope", "default", body)


async def plan_of(cloud: Cloud, scope: str = WEB_01) -> tuple[str, str | None, str | None]:
    found = await cloud.security.pricings.get(scope, SERVERS)
    return found.pricing_tier, found.sub_plan, found.inherited


# Plans


async def test_a_machine_has_the_plan_of_its_subscription_until_it_has_its_own(cloud: Cloud) -> None:
    assert await plan_of(cloud) == ("Free", None, "True")
    await put(cloud, SUBSCRIPTION, P2)
    assert await plan_of(cloud) == ("Standard", "P2", "True")

    await put(cloud, WEB_01, FREE)
    assert await plan_of(cloud) == ("Free", None, "False")

    await cloud.security.pricings.delete(WEB_01, SERVERS)
    assert await plan_of(cloud) == ("Standard", "P2", "True")
    found = await cloud.security.pricings.get(WEB_01, SERVERS)
    assert (found.inherited_from, found.enforce) == (SUBSCRIPTION, None)


async def test_the_coverage_of_a_subscription_counts_its_machines(cloud: Cloud) -> None:
    async def coverage() -> Any:
        return (await cloud.security.pricings.get(SUBSCRIPTION, SERVERS)).resources_coverage_status

    assert await coverage() == "NotCovered"
    await put(cloud, WEB_01, P1)
    assert await coverage() == "PartiallyCovered"
    await put(cloud, SUBSCRIPTION, P1)
    assert await coverage() == "FullyCovered"


@pytest.mark.parametrize(
    ("scope", "body"),
    [
        (WEB_01, P2),
        (WEB_01, {"properties": {"pricingTier": "Standard"}}),
        (WEB_01, {"properties": {**P1["properties"], "enforce": "False"}}),
        (SUBSCRIPTION, {"properties": {"pricingTier": "Premium"}}),
        (SUBSCRIPTION, {"properties": {"pricingTier": "Standard", "subPlan": "P3"}}),
        (f"{SHOP}/Microsoft.Network/networkInterfaces/web-01-nic", P1),
    ],
)
async def test_what_the_specification_does_not_offer_is_refused(
    cloud: Cloud, scope: str, body: dict[str, Any]
) -> None:
    with pytest.raises(HttpResponseError) as error:
        await put(cloud, scope, body)
    assert refused(error)[0] == 400


async def test_an_enforced_plan_lets_no_machine_have_its_own(cloud: Cloud) -> None:
    await put(cloud, WEB_01, P1)
    await put(cloud, SUBSCRIPTION, {"properties": {"pricingTier": "Free", "enforce": "True"}})

    assert await plan_of(cloud) == ("Free", None, "True")
    with pytest.raises(HttpResponseError) as error:
        await put(cloud, WEB_01, P1)
    assert refused(error)[0] == 409


async def test_only_a_machines_own_plan_can_be_deleted(cloud: Cloud) -> None:
    with pytest.raises(HttpResponseError) as error:
        await cloud.security.pricings.delete(SUBSCRIPTION, SERVERS)
    assert refused(error)[0] == 400
    assert (await cloud.ask("DELETE", f"{WEB_01}/providers/Microsoft.Security/pricings/x?api-version=1"))[
        0
    ] == 400
    path = f"{WEB_01}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=1"
    assert (await cloud.ask("DELETE", path))[0] == 204


async def test_an_extension_that_fails_is_said_and_the_plan_is_set(cloud: Cloud) -> None:
    cloud.server.plans.failing["MdeDesignatedSubscription"] = "no identity"
    found = await put(cloud, WEB_01, P1)
    (extension,) = found.extensions
    assert (extension.operation_status.code, extension.operation_status.message) == ("Failed", "no identity")
    assert await plan_of(cloud) == ("Standard", "P1", "False")


async def test_a_read_only_lock_keeps_the_plan_as_it_is(cloud: Cloud) -> None:
    await cloud.ask("PUT", LOCK, {"properties": {"level": "ReadOnly"}})
    for write in (put(cloud, WEB_01, P1), cloud.security.pricings.delete(WEB_01, SERVERS)):
        with pytest.raises(HttpResponseError) as error:
            await write
        assert refused(error) == (409, "ScopeLocked")


# Just-in-time access


async def test_a_policy_is_replaced_whole_and_found_in_each_list(cloud: Cloud) -> None:
    await put(cloud, SUBSCRIPTION, P2)
    web_02 = WEB_01.replace("web-01", "web-02")
    await put_jit(cloud, WEB_01)
    await put_jit(cloud, web_02)

    policies = cloud.security.jit_network_access_policies
    for listed in (
        policies.list(),
        policies.list_by_region("westeurope"),
        policies.list_by_resource_group("rg-shop"),
        policies.list_by_resource_group_and_region("rg-shop", "westeurope"),
    ):
        (found,) = [one async for one in listed]
        assert [machine.id for machine in found.virtual_machines] == [web_02]
    assert [one async for one in policies.list_by_region("northeurope")] == []
    await policies.delete("rg-shop", "westeurope", "default")
    with pytest.raises(HttpResponseError) as error:
        await policies.get("rg-shop", "westeurope", "default")
    assert refused(error) == (404, "ResourceNotFound")


@pytest.mark.parametrize("plan", [FREE, P1])
async def test_without_plan_2_there_is_no_just_in_time_access(cloud: Cloud, plan: dict[str, Any]) -> None:
    await put(cloud, SUBSCRIPTION, plan)
    with pytest.raises(HttpResponseError, match="requires Defender for Servers Plan 2") as error:
        await put_jit(cloud, WEB_01)
    assert refused(error)[0] == 400


@pytest.mark.parametrize(
    "port",
    [
        {"number": 65536},
        {"protocol": "Tcp"},
        {"maxRequestAccessDuration": "PT4M"},
        {"maxRequestAccessDuration": "PT25H"},
        {"maxRequestAccessDuration": "3h"},
        {"allowedSourceAddressPrefixes": ["10.0.0.0/8"]},
    ],
)
async def test_a_port_that_the_model_forbids_is_refused(cloud: Cloud, port: dict[str, Any]) -> None:
    await put(cloud, SUBSCRIPTION, P2)
    machine = {"id": WEB_01, "ports": [PORT | port]}
    policy = f"{SHOP}/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"
    body = {"kind": "Basic", "properties": {"virtualMachines": [machine]}}
    assert (await cloud.ask("PUT", f"{policy}?api-version=2020-01-01", body))[0] == 400


async def test_the_ports_are_denied_behind_the_rules_that_are_there(cloud: Cloud) -> None:
    await put(cloud, SUBSCRIPTION, P2)
    before = await cloud.network.network_security_groups.get("rg-shop", "web-01-nsg")
    await put_jit(cloud, WEB_01)
    await put_jit(cloud, WEB_01, number=3389)

    after = await cloud.network.network_security_groups.get("rg-shop", "web-01-nsg")
    (denied,) = after.security_rules[len(before.security_rules) :]
    assert denied.name.startswith("MicrosoftDefenderForCloud-JITRule_")
    assert (denied.access, denied.priority, denied.destination_port_ranges) == ("Deny", 4096, ["3389"])
    assert after.etag != before.etag


# Findings


async def found(cloud: Cloud, query: str, **options: Any) -> Any:
    request = QueryRequest(
        query=query,
        subscriptions=[PRODUCTION],
        options=QueryRequestOptions(result_format="objectArray", **options),
    )
    return await cloud.graph.resources(request)


async def test_resource_graph_finds_alerts_and_recommendations(cloud: Cloud) -> None:
    given = {"name": "Disk encryption", "severity": "High", "remedy": "Encrypt it."}
    await cloud.ask(
        "PUT",
        "/_defender",
        {"vm": "web-01", "recommendations": [given], "alerts": [{"name": "Odd logon"}]},
    )
    answer = await found(
        cloud,
        "securityresources | where type =~ 'Microsoft.Security/assessments' "
        "and tostring(properties.status.code) in~ ('unhealthy', 'x') "
        f"| where id startswith '{WEB_01.upper()}/' | project id, properties",
    )
    (row,) = answer.data
    assert set(row) == {"id", "properties"}
    assert row["properties"]["metadata"]["remediationDescription"] == "Encrypt it."

    answer = await found(
        cloud,
        "securityresources | where (type == 'x' or "
        f"tostring(properties.ResourceIdentifiers) contains '{WEB_01}') and properties.Status != 'Resolved'",
    )
    assert [row["properties"]["AlertDisplayName"] for row in answer.data] == ["Odd logon"]


async def test_resource_graph_gives_a_page_at_a_time(cloud: Cloud) -> None:
    given = [{"name": name} for name in "abc"]
    await cloud.ask("PUT", "/_defender", {"vm": "web-01", "alerts": given})
    first = await found(cloud, "securityresources", top=3)
    second = await found(cloud, "securityresources", top=3, skip_token=first.skip_token)
    assert (first.count, first.total_records, second.count, second.skip_token) == (3, 4, 1, None)
    assert first.data[0]["type"] == "microsoft.security/pricings"


async def test_resource_graph_unites_two_tables(cloud: Cloud) -> None:
    query = "securityresources | where name == 'x' | union (resourcecontainers"
    query += " | where type =~ 'microsoft.resources/subscriptions' | project id, name)"
    answer = await found(cloud, query)
    assert answer.data == [{"id": SUBSCRIPTION, "name": "Contoso Production"}]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "elsewhere",
        "securityresources | summarize count()",
        "securityresources | where id has 'x'",
        "securityresources | where id == 5",
        "securityresources | where (id == 'x'",
        "securityresources ; x",
        "securityresources )",
        "securityresources | union (elsewhere)",
    ],
)
async def test_a_query_that_is_not_understood_is_refused(cloud: Cloud, query: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        await found(cloud, query)
    assert refused(error) == (400, "BadRequest")
