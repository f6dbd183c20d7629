"""A VM that is isolated and not stopped: what can be done to end its open flows is done."""

import asyncio
from typing import Any

import pytest

from deploy.sandbox.azure.model import NSG
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import LOCKDOWN, PROFILE, isolating, nics, sent
from workers.arm.session.clients import Azure
from workers.domain.containment.containment import StepState
from workers.domain.containment.plans import StepName
from workers.domain.errors import DependencyAway

ALONE = PROFILE.changed(steps=(StepName.ISOLATE,))


def descriptions(body: dict[str, Any]) -> set[str]:
    rules = body["properties"]["securityRules"]
    return {str(rule["properties"].get("description", "")) for rule in rules} - {""}


async def test_open_flows_of_a_vm_that_is_not_stopped_are_flushed_after_its_nics_have_the_nsg(
    arm: AzureServer, azure: Azure
) -> None:
    progress = await isolating(arm, azure, "db-01", ALONE).contain()

    assert progress.note.endswith("rules read back; open connections flushed by a rewritten rule")
    writes = [put for put in sent(arm, "PUT") if "/networkSecurityGroups/" in put["path"]]
    order = [put["path"].rpartition("/providers/")[2].split("/")[1] for put in sent(arm, "PUT")]
    assert order == ["networkSecurityGroups", *["networkInterfaces"] * 2, "networkSecurityGroups"]
    created, rewritten = (descriptions(put["request"]) for put in writes)
    assert created != rewritten
    assert all("containment c0" in said for said in rewritten)
    assert all(len(said) <= 140 for said in rewritten)
    assert writes[-1]["request"]["properties"]["flushConnection"] is True


async def test_flows_are_flushed_once_and_not_again_by_every_look(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "web-01", ALONE)
    await driver.contain()
    writes = len(sent(arm, "PUT"))

    assert (await driver.check()).done

    assert len(sent(arm, "PUT")) == writes


async def test_a_nic_that_had_to_be_isolated_again_has_its_flows_flushed_again(
    arm: AzureServer, azure: Azure
) -> None:
    driver = isolating(arm, azure, "web-01", ALONE)
    await driver.contain()
    nic = nics(arm, "web-01")[0]
    del nic.properties["networkSecurityGroup"]
    nic.touch()

    await driver.finish()

    assert sent(arm, "PUT")[-1]["path"].lower().endswith(LOCKDOWN.lower())


async def test_a_vm_that_is_stopped_needs_no_further_write(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "web-01").contain()

    assert len(sent(arm, "PUT", "/networkSecurityGroups/")) == 1


async def test_a_rewrite_for_another_vm_is_no_drift_and_flushes_for_all(
    arm: AzureServer, azure: Azure
) -> None:
    first, second = (isolating(arm, azure, name, ALONE) for name in ("web-01", "web-02"))
    await first.contain()
    arm.faults.put(Fault(method="PUT", path="/networkSecurityGroups/", status=412, times=1))
    progress = await second.begin()
    while "NSG" not in progress.note or sent(arm, "PUT", "/networkSecurityGroups/")[-1]["status"] != 412:
        await asyncio.sleep(0.01)
        progress = await second.check()
    await isolating(arm, azure, "db-01", ALONE).contain()
    writes = len(sent(arm, "PUT", "/networkSecurityGroups/"))

    await second.finish()

    assert len(sent(arm, "PUT", "/networkSecurityGroups/")) == writes, "db-01's rewrite was for all"
    done = first.step.changed(state=StepState.DONE, token="")
    assert (await first.runner.check(first.vm, ALONE, done)).done


async def test_a_proof_waits_for_a_rewrite_that_is_under_way(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "web-01", ALONE)
    await driver.contain()
    group = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == LOCKDOWN)
    group.properties["provisioningState"] = "Updating"
    done = driver.step.changed(state=StepState.DONE, token="")

    with pytest.raises(DependencyAway, match="is being written"):
        await driver.runner.check(driver.vm, ALONE, done)
