"""Isolate and its undo, against the Azure stand-in."""

import asyncio
import copy
from datetime import timedelta

import pytest

from deploy.sandbox.azure.model import NIC, NSG, Resource
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from tests.contract.arm.driver import LOCKDOWN, PROFILE, isolating, lock, machine, nics, nsg_name, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.arm.steps.isolation.lockdown import nsg_name as lockdown_name
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StepFailed


async def test_isolate_puts_the_lockdown_nsg_on_every_nic(arm: AzureServer, azure: Azure) -> None:
    progress = await isolating(arm, azure, "db-01").contain()

    assert [nsg_name(nic) for nic in nics(arm, "db-01")] == [LOCKDOWN, LOCKDOWN]
    assert progress.note == f"2 NICs with {LOCKDOWN}, rules read back"


async def test_a_nic_is_written_back_with_every_property_that_nobody_here_knows(
    arm: AzureServer, azure: Azure
) -> None:
    nic = nics(arm, "web-01")[0]
    nic.tags = {"cost-center": "4711"}
    nic.properties["enableIPForwarding"] = True
    nic.properties["dnsSettings"] = {"dnsServers": ["10.1.1.1"], "appliedDnsServers": []}
    nic.extra["futureAtTheTop"] = {"x": 1}
    nic.properties["futureSetting"] = [{"y": None}]
    inner = nic.properties["ipConfigurations"][0]["properties"]
    inner["futureSetting"] = {"deep": [1, None]}
    inner["subnet"] = {**inner["subnet"], "futureDeeper": {"z": {"w": True}}}
    before = copy.deepcopy(nic.as_json())

    await isolating(arm, azure, "web-01").contain()

    (put,) = sent(arm, "PUT", "/networkInterfaces/")
    written = put["request"]
    assert written["properties"].pop("networkSecurityGroup")["id"].endswith(LOCKDOWN)
    before["properties"].pop("networkSecurityGroup")
    assert written == before
    assert put["if_match"] == before["etag"]


async def test_isolate_never_touches_a_subnet_nsg(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "build-07").contain()

    assert nsg_name(nics(arm, "build-07")[0]) == LOCKDOWN
    assert not sent(arm, "PUT", "/virtualNetworks/")
    assert all(LOCKDOWN in put["path"] for put in sent(arm, "PUT", "/networkSecurityGroups/"))


async def test_the_lockdown_nsg_allows_the_list_and_denies_the_rest_both_ways(
    arm: AzureServer, azure: Azure
) -> None:
    await isolating(arm, azure, "web-01").contain()

    (put,) = sent(arm, "PUT", "/networkSecurityGroups/")
    body = put["request"]
    rules = [(rule["name"], rule["properties"]) for rule in body["properties"]["securityRules"]]
    assert [(name, rule["direction"], rule["access"], rule["priority"]) for name, rule in rules] == [
        ("allow-bastion-100", "Inbound", "Allow", 100),
        ("deny-all-inbound", "Inbound", "Deny", 4096),
        ("deny-all-outbound", "Outbound", "Deny", 4096),
    ]
    assert rules[0][1]["sourceAddressPrefix"] == "10.0.9.0/26"
    assert rules[0][1]["destinationPortRanges"] == ["22", "3389"]
    assert body["properties"]["flushConnection"] is True
    assert body["tags"] == {"managed-by": "startgate"}


async def test_a_lockdown_nsg_that_somebody_loosened_is_corrected(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "web-01").contain()
    group = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == LOCKDOWN)
    group.properties["securityRules"] = []
    group.tags["note"] = "ours"

    driver = isolating(arm, azure, "web-02")
    await driver.contain()

    put = sent(arm, "PUT", "/networkSecurityGroups/")[-1]
    assert put["if_match"] == group.etag
    assert put["request"]["tags"] == {"managed-by": "startgate", "note": "ours"}
    assert len(put["request"]["properties"]["securityRules"]) == 3


async def test_isolated_is_not_done_while_the_rules_do_not_read_back(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "web-01")
    await driver.contain()
    group = next(nsg for nsg in arm.estate.of(NSG) if nsg.name == LOCKDOWN)
    group.properties["securityRules"] = group.properties["securityRules"][:1]

    progress = await driver.check()

    assert not progress.done
    assert "corrected" in progress.note


async def test_nothing_is_written_to_a_nic_before_its_former_nsg_is_on_record(
    arm: AzureServer, azure: Azure
) -> None:
    await isolating(arm, azure, "web-02").contain()  # the lockdown NSG exists from here on
    driver = isolating(arm, azure, "web-01")

    progress = await driver.begin()

    assert not sent(arm, "PUT", "/networkInterfaces/web-01")
    assert progress.change is not None
    assert list(progress.change.before.values()) == [
        nics(arm, "web-01")[0].properties["networkSecurityGroup"]["id"]
    ]
    assert progress.look_again_after == timedelta(0)


async def test_a_plan_that_no_longer_holds_is_recorded_anew_before_anything_is_written(
    arm: AzureServer, azure: Azure
) -> None:
    await isolating(arm, azure, "web-02").contain()
    driver = isolating(arm, azure, "web-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    driver.step = driver.step.changed(change=driver.runner.plan(driver.vm, facts, PROFILE))
    nic = nics(arm, "web-01")[0]
    other = nics(arm, "db-01")[0].properties["networkSecurityGroup"]
    nic.properties["networkSecurityGroup"] = dict(other)
    nic.touch()

    progress = await driver.begin()

    assert not sent(arm, "PUT", "/networkInterfaces/web-01"), "db-01-nsg is not on record yet"
    assert progress.change is not None
    assert list(progress.change.before.values()) == [other["id"]]
    await driver.finish()
    await driver.undo()
    assert nsg_name(nics(arm, "web-01")[0]) == "db-01-nsg"


async def test_ids_are_compared_as_azure_does_without_regard_to_case(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "web-02").contain()
    driver = isolating(arm, azure, "web-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    plan = driver.runner.plan(driver.vm, facts, PROFILE)
    before = {nic_id.upper(): str(nsg_id).lower() for nic_id, nsg_id in plan.before.items()}
    driver.step = driver.step.changed(change=plan.changed(before=before))

    await driver.begin()
    assert len(sent(arm, "PUT", "/networkInterfaces/web-01")) == 1, "what the plan recorded is known"
    await driver.finish()
    change = driver.step.change
    assert change is not None
    assert (len(change.before), len(change.after)) == (1, 1), "one NIC, however it is spelt"

    swapped = {nic_id.swapcase(): nsg_id for nic_id, nsg_id in change.before.items()}
    driver.step = driver.step.changed(change=change.changed(before=swapped))
    await driver.check()
    await driver.undo()
    assert nsg_name(nics(arm, "web-01")[0]) == "web-01-nsg"


async def test_what_the_plan_recorded_lets_the_first_begin_act(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "web-02").contain()
    driver = isolating(arm, azure, "web-01")
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    plan = driver.runner.plan(driver.vm, facts, PROFILE)
    assert plan.details[0] == f"web-01-nic: NSG web-01-nsg → {LOCKDOWN}"

    driver.step = driver.step.changed(change=plan)
    await driver.begin()

    assert len(sent(arm, "PUT", "/networkInterfaces/web-01")) == 1


async def test_a_crash_between_begin_and_its_result_repeats_harmlessly(
    arm: AzureServer, azure: Azure
) -> None:
    driver = isolating(arm, azure, "db-01")
    await driver.begin()
    await asyncio.sleep(0.01)
    await driver.check()
    await asyncio.sleep(0.01)
    survivor = isolating(arm, azure, "db-01")
    survivor.step = driver.step.changed(token="")

    progress = await survivor.contain()

    assert progress.done
    assert survivor.step.change is not None
    assert sorted(name.rpartition("/")[2] for name in survivor.step.change.before.values()) == [
        "db-01-nsg",
        "db-01-nsg2",
    ]
    assert len(sent(arm, "PUT", "/networkInterfaces/")) == 2


async def test_the_lockdown_nsg_is_never_recorded_as_the_former_one(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "web-01").contain()

    forgetful = isolating(arm, azure, "web-01")
    await forgetful.contain()

    assert forgetful.step.change is not None
    assert forgetful.step.change.before == {}
    with pytest.raises(StepFailed, match=r"before anything was recorded.* choose what to put there"):
        await forgetful.undo()


async def test_a_second_round_keeps_what_was_before_the_first(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "web-01")
    await driver.contain()
    nic = nics(arm, "web-01")[0]
    del nic.properties["networkSecurityGroup"]
    nic.touch()
    driver.step = driver.step.changed(token="")

    await driver.contain()
    await driver.undo()

    assert nsg_name(nics(arm, "web-01")[0]) == "web-01-nsg"


async def test_a_nic_that_changed_since_it_was_read_is_read_again_and_nothing_is_lost(
    arm: AzureServer, azure: Azure
) -> None:
    driver = isolating(arm, azure, "web-01")
    await driver.begin()
    await asyncio.sleep(0.01)
    real_get = arm.estate.get

    def changed_after_reading(resource_id: str) -> Resource:
        found = real_get(resource_id)
        if found.kind == NIC and not found.tags:
            asyncio.get_running_loop().call_soon(_change_by_hand, found)
        return found

    arm.estate.get = changed_after_reading  # type: ignore[method-assign]  # somebody is quick with the portal
    first = await driver.check()
    arm.estate.get = real_get  # type: ignore[method-assign]  # and goes home

    assert "PreconditionFailed" in first.note
    assert sent(arm, "PUT", "/networkInterfaces/")[0]["status"] == 412
    await driver.finish()
    nic = nics(arm, "web-01")[0]
    assert nsg_name(nic) == LOCKDOWN
    assert nic.tags == {"changed": "by hand"}


def _change_by_hand(nic: Resource) -> None:
    nic.tags = {"changed": "by hand"}
    nic.touch()


async def test_a_nic_attached_meanwhile_is_isolated_too(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "web-01")
    await driver.contain()
    spare = nics(arm, "web-02")[0]
    profile = machine(arm, "web-01").properties["networkProfile"]
    profile["networkInterfaces"].append({"id": spare.id, "properties": {"primary": False}})

    progress = await driver.check()
    assert not progress.done
    await driver.finish()

    assert {nsg_name(nic) for nic in nics(arm, "web-01")} == {LOCKDOWN}
    assert driver.step.change is not None
    assert driver.step.change.before[spare.id].endswith("/web-02-nsg")


async def test_a_vm_without_a_network_interface_is_isolated_already(arm: AzureServer, azure: Azure) -> None:
    progress = await isolating(arm, azure, "island-01").begin()

    assert progress.done
    assert progress.note == "no network interface"


async def test_a_read_only_lock_fails_the_step_and_is_named(arm: AzureServer, azure: Azure) -> None:
    group = machine(arm, "web-01").id.partition("/providers/")[0]
    lock(arm, group)

    with pytest.raises(StepFailed, match="rg-shop") as failed:
        await isolating(arm, azure, "web-01").contain()

    assert failed.value.code == "ScopeLocked"
    assert failed.value.final
    assert "remove the lock" in str(failed.value)


async def test_one_nic_that_is_refused_does_not_keep_the_others(arm: AzureServer, azure: Azure) -> None:
    driver = isolating(arm, azure, "db-01")
    await driver.begin()
    arm.faults.put(Fault(method="PUT", path="/networkInterfaces/db-01-nic\\?", status=403))

    with pytest.raises(StepFailed, match=r"Microsoft\.Network/networkInterfaces/write"):
        await driver.check()

    await asyncio.sleep(0.01)
    assert [nsg_name(nic) for nic in nics(arm, "db-01")] == ["db-01-nsg", LOCKDOWN]


async def test_a_missing_resource_group_is_named_with_the_remedy(arm: AzureServer, azure: Azure) -> None:
    profile = PROFILE.changed(resource_group="rg-security")

    with pytest.raises(StepFailed, match=r"rg-security .* does not exist .* create it") as failed:
        await isolating(arm, azure, "web-01", profile).contain()

    assert failed.value.final


async def test_restore_gives_each_nic_its_former_nsg_or_none(arm: AzureServer, azure: Azure) -> None:
    for name in ("db-01", "build-07"):
        before = [nsg_name(nic) for nic in nics(arm, name)]
        driver = isolating(arm, azure, name)
        await driver.contain()

        await driver.undo()

        assert [nsg_name(nic) for nic in nics(arm, name)] == before


async def test_restore_names_what_somebody_changed_and_restores_the_rest(
    arm: AzureServer, azure: Azure
) -> None:
    driver = isolating(arm, azure, "db-01")
    await driver.contain()
    changed = nics(arm, "db-01")[0]
    changed.properties["networkSecurityGroup"] = {
        "id": nics(arm, "web-02")[0].properties["networkSecurityGroup"]["id"]
    }

    progress = await driver.undo()

    assert "db-01-nic has web-02-nsg now: somebody changed it since" in progress.note
    assert [nsg_name(nic) for nic in nics(arm, "db-01")] == ["web-02-nsg", "db-01-nsg2"]


OLD_NAME = "startgate-lockdown-standard-westeurope"
STRICT = LockdownProfile()


async def test_vms_under_different_rules_never_share_an_nsg(arm: AzureServer, azure: Azure) -> None:
    await isolating(arm, azure, "web-01").contain()
    strict = isolating(arm, azure, "web-02")
    strict.profile = STRICT
    await strict.contain()

    names = [nsg_name(nics(arm, name)[0]) for name in ("web-01", "web-02")]
    rules = [
        len(next(nsg for nsg in arm.estate.of(NSG) if nsg.name == name).properties["securityRules"])
        for name in names
    ]
    assert (names[0] == names[1], rules) == (False, [3, 2])


async def test_a_tightened_profile_isolates_anew_and_still_restores_what_was_first(
    arm: AzureServer, azure: Azure
) -> None:
    driver = isolating(arm, azure, "web-01")
    await driver.contain()

    driver.profile = STRICT
    await driver.contain()
    assert nsg_name(nics(arm, "web-01")[0]) == lockdown_name(STRICT, "westeurope") != LOCKDOWN

    await driver.undo()
    assert nsg_name(nics(arm, "web-01")[0]) == "web-01-nsg"


async def test_a_vm_isolated_under_an_older_name_is_restored(
    arm: AzureServer, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = isolating(arm, azure, "web-01")
    with monkeypatch.context() as older:
        older.setattr("workers.arm.steps.isolation.lockdown.nsg_name", lambda *_: OLD_NAME)
        await driver.contain()
    assert nsg_name(nics(arm, "web-01")[0]) == OLD_NAME

    await driver.undo()

    assert nsg_name(nics(arm, "web-01")[0]) == "web-01-nsg"


def test_the_name_of_the_nsg_is_never_longer_than_azure_takes() -> None:
    name = lockdown_name(STRICT.changed(name="p" * 90), "southafricanorth")

    assert len(name) == 80
    assert "-southafricanorth-" in name
