"""The list of every VM, against the Azure stand-in."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import machine
from workers.arm.read.subscriptions.inventory import list_vms
from workers.arm.session.clients import Azure
from workers.domain.ports.azure.vm_lister import Listing
from workers.domain.starts.vm import KnownVm, PowerState

NOW = datetime(2026, 11, 24, 3, 50, tzinfo=UTC)


async def inventory(azure: Azure) -> dict[str, list[KnownVm]]:
    return {one.subscription_id: list(one.vms) async for one in list_vms(azure, NOW)}


async def test_the_inventory_holds_every_vm_with_its_power_state(arm: AzureServer, azure: Azure) -> None:
    machine(arm, "web-01").power = "running"

    listed = await inventory(azure)

    vms = {vm.ref.name: vm for one in listed.values() for vm in one}
    assert set(vms) == {vm.name for vm in arm.estate.vms()}
    assert vms["web-01"].power is PowerState.RUNNING
    assert vms["lab-gpu"].power is PowerState.STOPPED
    assert vms["legacy-01"].ref.classic
    assert vms["web-01"].subscription_name == "Contoso Production"
    assert vms["web-01"].tags["env"] == "prod"
    assert vms["web-01"].seen_at == NOW


async def listing_of(azure: Azure, subscription: str) -> Listing:
    listed = [one async for one in list_vms(azure, NOW)]
    assert len(listed) == 2
    return next(one for one in listed if one.subscription_id in subscription)


@pytest.mark.parametrize(
    "refusal",
    [{"code": "AuthorizationFailed"}, {"code": "Conflict", "status": 409, "message": "Not now."}],
    ids=["403", "409"],
)
async def test_a_refused_list_of_classic_vms_hides_no_other_vm(
    arm: AzureServer, azure: Azure, refusal: dict[str, Any]
) -> None:
    web = machine(arm, "web-01")
    arm.refusals.put(Refusal(path=f"{web.subscription}/providers/Microsoft.ClassicCompute", **refusal))

    listing = await listing_of(azure, web.subscription)

    assert "web-01" in {vm.ref.name for vm in listing.vms}
    assert listing.unread == ""
    assert "classic VMs of Contoso Production not listed" in listing.classics_unread


async def test_a_refused_list_of_vms_hides_no_classic_vm(arm: AzureServer, azure: Azure) -> None:
    legacy = machine(arm, "legacy-01")
    arm.refusals.put(
        Refusal(
            code="AuthorizationFailed",
            path=f"{legacy.subscription}/providers/Microsoft.Compute/virtualMachines",
        )
    )

    listing = await listing_of(azure, legacy.subscription)

    assert [vm.ref.name for vm in listing.vms] == ["legacy-01"]
    assert "we lack the right Microsoft.Compute/virtualMachines/read" in listing.unread
    assert listing.classics_unread == ""


async def test_an_unregistered_provider_means_that_there_are_no_classic_vms(
    arm: AzureServer, azure: Azure
) -> None:
    web = machine(arm, "web-01")
    path = f"{web.subscription}/providers/Microsoft.ClassicCompute"
    arm.refusals.put(Refusal(code="MissingSubscriptionRegistration", path=path))

    listing = await listing_of(azure, web.subscription)

    assert "web-01" in {vm.ref.name for vm in listing.vms}
    assert (listing.unread, listing.classics_unread) == ("", "")
