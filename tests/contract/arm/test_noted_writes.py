"""Every write of a containment is noted with Azure's ids: real steps and SDK clients over real sockets."""

import json
from urllib.parse import unquote

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from tests import builders as a
from tests.contract.arm.driver import machine, ref
from tests.contract.arm.test_paused_writes import HOUR, House, house
from workers.arm.session.clients import Azure
from workers.arm.session.noted import LONGEST_BODY, without_secrets
from workers.arm.session.pipeline import writes
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.exchanges import digest_of, noting
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import partition_of_id
from workers.runtime.secrets import REDACTED

__all__ = ["house"]
VMS = ["web-01", "legacy-01"]


async def contained(house: House, name: str) -> Containment:
    vm = ref(house.arm, name)
    steps = LockdownProfile().steps if not vm.classic else LockdownProfile().steps[:2]
    machine(house.arm, name).power = "running"
    locked = await house.lock_down(vm, a.oncall(), LockdownProfile(steps=steps))
    return await house.go_on(locked.containment.id, HOUR)


@pytest.mark.parametrize("name", VMS)
async def test_each_write_that_azure_got_is_in_the_audit_once_with_its_ids_and_its_exchange(
    house: House, name: str
) -> None:
    held = await contained(house, name)
    records = await house.store.audit(partition_of_id(held.id))
    listed = [write for record in records for write in record.details.get("writes", ())]
    got = [
        (one["method"], unquote(one["path"]), one["status"])
        for one in (entry.data for entry in house.arm.record.since(0, "request"))
        if writes(one["method"], f"http://azure{one['path']}")
    ]
    noted = [(w["method"], unquote(w["path"].partition("?")[0]), w["status"]) for w in listed]
    assert sorted(noted) == sorted(got)
    assert listed
    for write in listed:
        assert write["correlation_id"]
        assert write["request_id"]
        assert write["client_request_id"]
        assert write["took_ms"] > 0
    assert len({write["client_request_id"] for write in listed}) == len(listed), "each has an id of its own"
    kept = await house.store.exchanges(held.id)
    assert sorted(map(digest_of, kept)) == sorted(write["sha256"] for write in listed)


async def test_an_exchange_holds_what_was_sent_and_what_came_back(house: House) -> None:
    held = await contained(house, "web-01")
    assert held.state is ContainmentState.CONTAINED
    kept = [json.loads(text) for text in await house.store.exchanges(held.id)]
    nic = next(one for one in kept if "/networkinterfaces/" in one["path"].lower())
    assert "networkSecurityGroup" in json.loads(nic["request"])["properties"]
    assert json.loads(nic["answer"])["name"]
    assert "api-version=" in nic["path"]


async def test_a_refusal_and_an_answer_that_never_came_are_noted(house: House) -> None:
    vm = ref(house.arm, "web-01")
    path = f"{vm.resource_id}/deallocate"
    house.arm.refusals.put(Refusal(code="AuthorizationFailed", path="deallocate", method="POST"))
    with noting() as notes, pytest.raises(HttpResponseError):
        await house.azure.send("POST", path, api_version="2024-07-01")
    (refused,) = notes.exchanges
    assert refused.status >= 400
    assert "error" in json.loads(refused.answer)
    await house.arm.stop()
    with noting() as notes, pytest.raises(ServiceRequestError):
        await house.azure.send("POST", path, api_version="2024-07-01")
    (lost,) = notes.exchanges
    assert (lost.status, lost.error) == (0, "ServiceRequestError")


async def test_reads_are_not_noted(arm: AzureServer, azure: Azure) -> None:
    vm = ref(arm, "web-01")
    with noting() as notes:
        await azure.compute(vm.subscription_id).virtual_machines.get(vm.resource_group, vm.name)
    assert notes.exchanges == []


@pytest.mark.parametrize(
    "name", ["adminPassword", "clientSecret", "sasToken", "customData", "protectedSettings", "primaryKey"]
)
def test_values_of_secret_properties_are_not_kept(name: str) -> None:
    kept = without_secrets(json.dumps({"properties": {"osProfile": {name: "hunter22"}, "size": "B1"}}))
    assert "hunter22" not in kept
    assert REDACTED in kept
    assert "B1" in kept


def test_what_looks_like_a_secret_is_not_kept_wherever_it_stands() -> None:
    assert "abcdefghijkl" not in without_secrets('{"url": "https://x/?sig=abcdefghijkl&a=1"}')
    assert "xoxb-123456" not in without_secrets("not JSON xoxb-123456")


def test_a_long_body_is_cut_and_says_so() -> None:
    kept = without_secrets(json.dumps({"a": "x" * 50_000}))
    assert len(kept) < LONGEST_BODY + 100
    assert "characters in all" in kept
