"""The stand-in's Azure Monitor refuses what Azure refuses, and fires what a rule says."""

from typing import Any

import pytest

from tests.contract.azure.rig import PRODUCTION, SHOP, WEB_01, Cloud

INSIGHTS = f"{SHOP}/Microsoft.Insights"
GROUP = f"{INSIGHTS}/actionGroups/ops"
RULE = f"{INSIGHTS}/activityLogAlerts/starts"
VERSIONS = {GROUP: "2023-01-01", RULE: "2020-10-01"}
START = "Microsoft.Compute/virtualMachines/start/action"
ADMINISTRATIVE = {"field": "category", "equals": "Administrative"}
OPERATION = {"field": "operationName", "equals": START}
HOOK = {"name": "hook", "serviceUri": "https://alerts.example/in", "useCommonAlertSchema": True}


def rule(*parts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "location": "Global",
        "properties": {
            "enabled": True,
            "scopes": [f"/subscriptions/{PRODUCTION}"],
            "condition": {"allOf": list(parts or (ADMINISTRATIVE, OPERATION))},
            "actions": {"actionGroups": [{"actionGroupId": GROUP}]},
            **changes,
        },
    }


def group(**changes: Any) -> dict[str, Any]:
    properties = {"groupShortName": "ops", "enabled": True, "webhookReceivers": [HOOK], **changes}
    return {"location": "Global", "properties": properties}


async def put(cloud: Cloud, path: str, body: Any) -> tuple[int, str]:
    status, answer = await cloud.ask("PUT", f"{path}?api-version=2020-10-01", body)
    return status, answer.get("error", {}).get("code", "")


def without_location(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "location"}


REFUSED = [
    pytest.param(without_location(rule()), "LocationRequired", id="no location"),
    pytest.param(rule() | {"location": "eastus"}, "LocationNotAvailableForResourceType", id="another region"),
    pytest.param(rule(ADMINISTRATIVE), "UnsupportedCondition", id="a category alone"),
    pytest.param(rule(OPERATION), "UnsupportedCondition", id="no category"),
    pytest.param(
        rule(ADMINISTRATIVE, {"field": "operationName", "containsAny": [START]}),
        "UnsupportedCondition",
        id="a list of operations",
    ),
    pytest.param(
        rule(ADMINISTRATIVE, {"field": "tags", "equals": "x"}), "UnsupportedCondition", id="an unknown field"
    ),
    pytest.param(
        rule(ADMINISTRATIVE, {"field": "status"}), "UnsupportedCondition", id="a field without an operator"
    ),
    pytest.param(
        rule(ADMINISTRATIVE, OPERATION | {"anyOf": [OPERATION]}), "UnsupportedCondition", id="both in one"
    ),
    pytest.param(rule(condition={"allOf": []}), "UnsupportedCondition", id="no condition"),
    pytest.param(rule(scopes=[]), "BadRequest", id="no scope"),
    pytest.param(rule(scopes=["rg-shop"]), "BadRequest", id="a scope that is no id"),
    pytest.param(
        rule(actions={"actionGroups": [{"actionGroupId": f"{GROUP}-gone"}]}),
        "BadRequest",
        id="an unknown action group",
    ),
    pytest.param(
        rule(actions={"actionGroups": [{"actionGroupId": GROUP}] * 6}), "BadRequest", id="six action groups"
    ),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
async def test_a_rule_that_azure_refuses_is_refused(cloud: Cloud, body: dict[str, Any], code: str) -> None:
    assert (await put(cloud, GROUP, group()))[0] == 201
    assert await put(cloud, RULE, body) == (400, code)
    assert (await put(cloud, RULE, rule()))[0] == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (group(groupShortName="a-name-of-13-x"), "GroupShortNameIsTooLong"),
        (group(groupShortName=""), "BadRequest"),
        (group(emailReceivers=[{"name": "HOOK", "emailAddress": "a@b.example"}]), "BadRequest"),
        (group(webhookReceivers=[HOOK | {"serviceUri": "alerts"}]), "BadRequest"),
        (group(logicAppReceivers=[{"name": "app", "callbackUrl": "https://x.example"}]), "BadRequest"),
        (group(serviceBusReceivers=[{"name": "queue"}]), "BadRequest"),
        (without_location(group()), "LocationRequired"),
    ],
    ids=["long name", "no name", "one name twice", "no url", "no app", "no such kind", "no location"],
)
async def test_an_action_group_that_azure_refuses_is_refused(
    cloud: Cloud, body: dict[str, Any], code: str
) -> None:
    assert await put(cloud, GROUP, body) == (400, code)


async def test_names_have_rules(cloud: Cloud) -> None:
    assert await put(cloud, f"{INSIGHTS}/actionGroups/a:b", group()) == (400, "InvalidResourceName")
    assert await put(cloud, f"{INSIGHTS}/activityLogAlerts/{'x' * 261}", rule()) == (
        400,
        "InvalidResourceName",
    )


async def test_a_rule_that_does_not_say_that_it_is_enabled_is_not(cloud: Cloud) -> None:
    await put(cloud, GROUP, group())
    body = rule()
    del body["properties"]["enabled"]
    await put(cloud, RULE, body)
    _, answer = await cloud.ask("GET", f"{RULE}?api-version=2020-10-01")
    assert answer["properties"]["enabled"] is False


async def test_a_subscription_has_room_for_a_hundred_active_rules(cloud: Cloud) -> None:
    await put(cloud, GROUP, group())
    for number in range(100):
        assert (await put(cloud, f"{RULE}-{number}", rule()))[0] == 201
    assert (await put(cloud, RULE, rule()))[0] == 409
    assert (await put(cloud, f"{RULE}-7", rule()))[0] == 200
    assert (await put(cloud, RULE, rule(enabled=False)))[0] == 201


def told(cloud: Cloud) -> list[tuple[str, str]]:
    alerts = [entry.data["body"]["data"] for entry in cloud.server.record.since(0, "alert")]
    return [(one["essentials"]["alertRule"], one["alertContext"]["operationName"]) for one in alerts]


async def test_a_start_fires_once_it_has_ended(cloud: Cloud) -> None:
    await put(cloud, GROUP, group())
    await put(cloud, RULE, rule())
    await (await cloud.compute.virtual_machines.begin_start("rg-shop", "web-01")).result()
    assert told(cloud) == [("starts", START)]


async def test_only_what_meets_the_whole_condition_fires(cloud: Cloud) -> None:
    await put(cloud, GROUP, group())
    failed = {"anyOf": [{"field": "status", "equals": "Failed"}, {"field": "status", "equals": "Started"}]}
    await put(cloud, RULE, rule(ADMINISTRATIVE, OPERATION, failed))
    await put(cloud, f"{RULE}-elsewhere", rule(scopes=[f"/subscriptions/{PRODUCTION}/resourceGroups/other"]))
    await put(cloud, f"{RULE}-off", rule(enabled=False))
    await (await cloud.compute.virtual_machines.begin_start("rg-shop", "web-01")).result()
    assert told(cloud) == []


async def test_writes_and_deletions_fire_by_their_operation(cloud: Cloud) -> None:
    await put(cloud, GROUP, group())
    for name, operation in {
        "nic": "Microsoft.Network/networkInterfaces/write",
        "lock": "Microsoft.Authorization/locks/delete",
    }.items():
        ended = {"field": "status", "equals": "Succeeded"}
        part = {"field": "operationName", "equals": operation}
        await put(cloud, f"{RULE}-{name}", rule(ADMINISTRATIVE, part, ended))
    nic = await cloud.network.network_interfaces.get("rg-shop", "web-01-nic")
    cloud.server.operations.set_speed(0.1)
    poller = await cloud.network.network_interfaces.begin_create_or_update("rg-shop", "web-01-nic", nic)
    assert told(cloud) == []
    await poller.result()
    assert told(cloud) == [("starts-nic", "Microsoft.Network/networkInterfaces/write")]
    frozen = f"{WEB_01}/providers/Microsoft.Authorization/locks/frozen?api-version=2020-05-01"
    await cloud.ask("PUT", frozen, {"properties": {"level": "ReadOnly"}})
    await cloud.ask("DELETE", frozen)
    assert told(cloud)[1:] == [("starts-lock", "Microsoft.Authorization/locks/delete")]
