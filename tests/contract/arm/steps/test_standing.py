"""Contained VMs are re-read: what somebody undid is seen, for three lists, and nothing is written."""

import math

import pytest

from deploy.sandbox.azure.front.routing import PAGE
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import CLASSIC_NSG, NSG, SNAPSHOT
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import NicSeed, VmSeed
from tests import builders as a
from tests.contract.arm.driver import (
    LOCKDOWN,
    PROFILE,
    Driver,
    encrypting,
    isolating,
    machine,
    nics,
    ref,
    runner,
    sent,
    snapshotting,
    stopping,
)
from workers.arm.session.clients import Azure
from workers.arm.steps.standing import ArmStanding
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import IsolateOptions
from workers.domain.errors import DependencyAway

ISOLATE, STOP = StepName.ISOLATE, StepName.STOP


async def contained(arm: AzureServer, azure: Azure, name: str) -> Containment:
    """As the engine leaves it."""
    drivers = [isolating(arm, azure, name), stopping(arm, azure, name)]
    for driver in drivers:
        await driver.contain()
    return standing(drivers)


def standing(drivers: list[Driver]) -> Containment:
    steps = tuple(driver.step.to(StepState.DONE, ended_at=a.NOW, token="") for driver in drivers)
    profile = drivers[0].profile.changed(steps=tuple(step.name for step in steps))
    return a.containment(state=ContainmentState.CONTAINED, vm=drivers[0].vm, profile=profile, steps=steps)


async def looked(azure: Azure, one: Containment) -> dict[StepName, str]:
    """What a look at it says; the lists must agree on whether there is anything."""
    reader = ArmStanding(azure)
    found = await reader.drift(one)
    suspects = await reader.suspects(one.vm.subscription_id, [one])
    assert list(suspects) == ([one] if found else [])
    return found


async def test_what_holds_is_found_to_hold_and_nothing_is_written(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "db-01")
    written = len(sent(arm, "PUT")) + len(sent(arm, "POST"))

    assert await looked(azure, one) == {}

    assert len(sent(arm, "PUT")) + len(sent(arm, "POST")) == written


async def test_an_nsg_that_was_taken_off_one_of_two_nics_is_named(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "db-01")
    second = nics(arm, "db-01")[1]
    del second.properties["networkSecurityGroup"]

    assert await looked(azure, one) == {ISOLATE: f"NIC {second.name} has no NSG, not {LOCKDOWN}"}


async def test_another_nsg_in_its_place_is_named(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    other = next(nsg for nsg in arm.estate.of(NSG) if nsg.name != LOCKDOWN)
    nics(arm, "web-01")[0].properties["networkSecurityGroup"] = {"id": other.id}

    assert f"has the NSG {other.name}, not {LOCKDOWN}" in (await looked(azure, one))[ISOLATE]


async def test_rules_that_somebody_loosened_are_seen(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    group = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == LOCKDOWN)
    group.properties["securityRules"][-1]["properties"]["access"] = "Allow"

    assert await looked(azure, one) == {ISOLATE: f"the rules of {LOCKDOWN} were changed"}


async def test_a_nic_that_was_attached_since_is_seen(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    spare = nics(arm, "db-01")[0]
    spare.properties["virtualMachine"] = {"id": machine(arm, "web-01").id}
    profile = machine(arm, "web-01").properties["networkProfile"]
    profile["networkInterfaces"].append({"id": spare.id})

    assert f"NIC {spare.name} was attached since" in (await looked(azure, one))[ISOLATE]


@pytest.mark.parametrize("power", ["running", "starting", "stopped"])
async def test_a_vm_that_is_not_deallocated_any_more_is_seen(
    arm: AzureServer, azure: Azure, power: str
) -> None:
    one = await contained(arm, azure, "web-01")
    machine(arm, "web-01").power = power  # type: ignore[assignment]

    assert await looked(azure, one) == {STOP: f"the VM is {power}"}


async def test_a_vm_that_somebody_just_stops_is_no_drift(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    machine(arm, "web-01").power = "deallocating"

    assert await looked(azure, one) == {}


async def test_a_vm_that_was_powered_off_because_it_could_not_be_deallocated_may_stay_so(
    arm: AzureServer, azure: Azure
) -> None:
    one = await contained(arm, azure, "web-01")
    machine(arm, "web-01").power = "stopped"
    stop = one.step(STOP).changed(change=Change(summary="power off", after={"power": "stopped"}))

    assert await looked(azure, one.with_step(stop)) == {}


async def test_a_vm_that_was_deleted_is_said_to_be_gone(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    arm.estate.remove(one.vm.resource_id)

    assert await looked(azure, one) == dict.fromkeys((ISOLATE, STOP), "the VM no longer exists")


async def test_only_steps_that_are_done_are_looked_at(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    machine(arm, "web-01").power = "running"
    failed = one.step(STOP).to(StepState.TODO).to(StepState.STARTED).to(StepState.FAILED)

    assert await looked(azure, one.with_step(failed)) == {}


async def test_a_classic_vm_is_read_by_itself(arm: AzureServer, azure: Azure) -> None:
    classic = ref(arm, "legacy-01")
    nsg_id = arm_id(classic.subscription_id, classic.resource_group, CLASSIC_NSG, "locked")
    profile = PROFILE.changed(isolate=IsolateOptions(classic_nsg=nsg_id))
    drivers = [Driver(runner(azure, name), classic, profile) for name in (ISOLATE, STOP)]
    for driver in drivers:
        await driver.contain()
    one, reader = standing(drivers), ArmStanding(azure)

    assert list(await reader.suspects(classic.subscription_id, [one])) == [one]
    assert await reader.drift(one) == {}

    machine(arm, "legacy-01").power = "running"
    del machine(arm, "legacy-01").properties["associatedNetworkSecurityGroup"]
    assert await reader.drift(one) == {ISOLATE: "the VM has no NSG, not locked", STOP: "the VM is running"}


async def test_a_thousand_of_them_cost_three_lists_and_no_read(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    isolated = one.step(ISOLATE)
    assert isolated.change is not None
    target = next(iter(isolated.change.after.values()))
    many = [_another(arm, one, number, target) for number in range(1000)]
    before = len(sent(arm, "GET"))
    machine(arm, "held-0500").power = "running"

    (suspect,) = await ArmStanding(azure).suspects(one.vm.subscription_id, many)

    assert suspect.vm.name == "held-0500"
    calls = sent(arm, "GET")[before:]
    pages = sum(math.ceil(count / PAGE) for count in _listed(arm, one.vm.subscription_id))
    assert len(calls) == pages
    assert len([call for call in calls if "skiptoken" not in str(call).lower()]) == 3
    assert {call["path"].rpartition("/")[2].lower() for call in calls} == {
        "virtualmachines",
        "networkinterfaces",
        "networksecuritygroups",
    }


def _another(arm: AzureServer, one: Containment, number: int, target: str) -> Containment:
    """A copy of a contained VM, without a thousand containments on the wire."""
    seed = VmSeed(
        name=f"held-{number:04}",
        group=f"rg-held-{number % 10}",
        location="westeurope",
        power="deallocated",
        nics=[NicSeed()],
    )
    vm = add_vm(arm.estate, arm.world, seed)
    (nic_id,) = vm.nic_ids()
    arm.estate.get(nic_id).properties["networkSecurityGroup"] = {"id": target}
    isolated = one.step(ISOLATE).changed(change=Change(summary="isolate", after={nic_id: target}))
    return one.with_step(isolated).changed(vm=ref(arm, seed.name))


def _listed(arm: AzureServer, subscription_id: str) -> list[int]:
    """How many resources each of the three lists has."""
    kinds = ("virtualmachines", "networkinterfaces", "networksecuritygroups")
    mine = [
        resource.id.lower()
        for kind in ("Microsoft.Compute/virtualMachines", "Microsoft.Network/networkInterfaces", NSG)
        for resource in arm.estate.of(kind)
        if subscription_id.lower() in resource.id.lower()
    ]
    return [sum(f"/{kind}/" in resource_id for resource_id in mine) for kind in kinds]


async def test_a_throttled_list_is_no_drift(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")
    arm.faults.put(Fault(path="networkInterfaces", method="GET", status=429, retry_after_s=17))

    with pytest.raises(DependencyAway) as away:
        await ArmStanding(azure).suspects(one.vm.subscription_id, [one])
    assert away.value.retry_after_s == 17


async def hardened(arm: AzureServer, azure: Azure, name: str) -> Containment:
    """Contained, encrypted at its host, with snapshots."""
    one = await contained(arm, azure, name)
    steps = []
    for driver in (snapshotting(arm, azure, name), encrypting(arm, azure, name)):
        await driver.contain()
        steps.append(driver.step.to(StepState.DONE, ended_at=a.NOW, token=""))
    return one.changed(steps=(*one.steps, *steps))


async def test_encryption_at_host_that_somebody_turned_off_is_seen(arm: AzureServer, azure: Azure) -> None:
    one = await hardened(arm, azure, "web-01")
    assert await looked(azure, one) == {}

    machine(arm, "web-01").properties["securityProfile"]["encryptionAtHost"] = False

    assert await looked(azure, one) == {StepName.ENCRYPT: "encryption at host was turned off"}


async def test_a_snapshot_that_somebody_deleted_is_named(arm: AzureServer, azure: Azure) -> None:
    one = await hardened(arm, azure, "web-01")
    gone = next(iter(arm.estate.of(SNAPSHOT)))

    arm.estate.remove(gone.id)

    assert await looked(azure, one) == {StepName.SNAPSHOT: f"the evidence was deleted: {gone.name}"}


async def test_what_no_containment_has_is_not_listed(arm: AzureServer, azure: Azure) -> None:
    one = await contained(arm, azure, "web-01")

    await ArmStanding(azure).suspects(one.vm.subscription_id, [one])

    assert not sent(arm, "GET", "/snapshots")
