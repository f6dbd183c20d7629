"""What the stand-in refuses under a lock, with Azure's code and sentence."""

import pytest
from azure.core.exceptions import HttpResponseError

from tests.contract.azure.rig import PRODUCTION, SHOP, WEB_01, Cloud, refused

READ_ONLY = {"properties": {"level": "ReadOnly"}}
CAN_NOT_DELETE = {"properties": {"level": "CanNotDelete"}}
GROUP = SHOP.partition("/providers")[0]
SCOPES = {"VM": WEB_01, "group": GROUP, "subscription": f"/subscriptions/{PRODUCTION}"}
EACH_SCOPE = pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
WRITES = [
    ("POST", f"{WEB_01}/deallocate"),
    ("POST", f"{WEB_01}/start"),
    ("PUT", WEB_01),
    ("PATCH", WEB_01),
    ("DELETE", WEB_01),
    ("PUT", f"{WEB_01}/providers/Microsoft.Security/pricings/VirtualMachines"),
]


def lock_at(scope: str, name: str = "frozen") -> str:
    return f"{scope}/providers/Microsoft.Authorization/locks/{name}?api-version=2020-05-01"


@EACH_SCOPE
@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_read_only_lock_forbids_every_write_at_its_scope_and_below(
    cloud: Cloud, scope: str, method: str, path: str
) -> None:
    await cloud.ask("PUT", lock_at(scope), READ_ONLY)

    status, body = await cloud.ask(method, f"{path}?api-version=2024-07-01", {})

    verb = "delete" if method == "DELETE" else "write"
    assert (status, body["error"]["code"]) == (409, "ScopeLocked")
    assert body["error"]["message"] == (
        f"The scope '{path}' cannot perform {verb} operation because following scope(s) are locked: "
        f"'{scope}'. Please remove the lock and try again."
    )


@EACH_SCOPE
async def test_a_lock_against_deletion_forbids_nothing_else(cloud: Cloud, scope: str) -> None:
    await cloud.ask("PUT", lock_at(scope), CAN_NOT_DELETE)

    assert (await cloud.ask("POST", f"{WEB_01}/deallocate?api-version=2024-07-01"))[0] == 202
    status, body = await cloud.ask("DELETE", f"{WEB_01}?api-version=2024-07-01")

    assert (status, body["error"]["code"]) == (409, "ScopeLocked")


async def test_the_sdk_sees_the_refusal(cloud: Cloud) -> None:
    await cloud.ask("PUT", lock_at(GROUP), READ_ONLY)

    with pytest.raises(HttpResponseError) as error:
        await cloud.compute.virtual_machines.begin_deallocate("rg-shop", "web-01")

    assert refused(error) == (409, "ScopeLocked")


async def test_reading_is_allowed_and_so_are_locks_themselves(cloud: Cloud) -> None:
    await cloud.ask("PUT", lock_at(GROUP), READ_ONLY)

    assert (await cloud.ask("GET", f"{WEB_01}?api-version=2024-07-01"))[0] == 200
    assert (await cloud.ask("PUT", lock_at(WEB_01), READ_ONLY))[0] == 201
    assert (await cloud.ask("DELETE", lock_at(WEB_01)))[0] == 200
    assert (await cloud.ask("DELETE", lock_at(GROUP)))[0] == 200
    assert (await cloud.ask("POST", f"{WEB_01}/deallocate?api-version=2024-07-01"))[0] == 202


async def test_a_lock_on_one_vm_leaves_its_neighbour_free(cloud: Cloud) -> None:
    await cloud.ask("PUT", lock_at(WEB_01), READ_ONLY)

    path = f"{WEB_01.replace('web-01', 'web-02')}/start?api-version=2024-07-01"

    assert (await cloud.ask("POST", path))[0] == 202


async def test_a_name_is_unique_at_its_scope_and_free_at_another(cloud: Cloud) -> None:
    assert (await cloud.ask("PUT", lock_at(WEB_01), READ_ONLY))[0] == 201
    assert (await cloud.ask("PUT", lock_at(GROUP), READ_ONLY))[0] == 201
    assert (await cloud.ask("PUT", lock_at(WEB_01), CAN_NOT_DELETE))[0] == 200

    found = (await cloud.ask("GET", lock_at(WEB_01)))[1]
    assert found["properties"]["level"] == "CanNotDelete"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("frozen", {"level": "Forever"}),
        ("frozen", {}),
        ("fro%3Azen", {"level": "ReadOnly"}),
        ("x" * 261, {"level": "ReadOnly"}),
        ("frozen", {"level": "ReadOnly", "notes": "x" * 513}),
    ],
)
async def test_a_lock_that_azure_would_not_take_is_refused(
    cloud: Cloud, name: str, given: dict[str, str]
) -> None:
    assert (await cloud.ask("PUT", lock_at(WEB_01, name), {"properties": given}))[0] == 400


async def test_a_list_has_what_is_at_above_and_below_or_nothing_below(cloud: Cloud) -> None:
    for scope, name in ((WEB_01, "vm"), (GROUP, "group"), (SCOPES["subscription"], "all")):
        await cloud.ask("PUT", lock_at(scope, name), READ_ONLY)
    locks, resource = cloud.locks.management_locks, ("rg-shop", "Microsoft.Compute", "", "virtualMachines")

    async def names(listed: object) -> set[str]:
        return {one.name async for one in listed}  # type: ignore[attr-defined]

    assert await names(locks.list_at_subscription_level()) == {"vm", "group", "all"}
    assert await names(locks.list_at_subscription_level(filter="atScope()")) == {"all"}
    assert await names(locks.list_at_resource_group_level("rg-shop")) == {"vm", "group", "all"}
    at_or_above = locks.list_at_resource_level(*resource, "web-01", filter="atScope()")
    assert await names(at_or_above) == {"vm", "group", "all"}
    assert await names(locks.list_at_resource_level(*resource, "web-02")) == {"group", "all"}
