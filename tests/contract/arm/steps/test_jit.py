"""Just-in-time access for one VM, against the Azure stand-in: merged into a policy that others use, too."""

import asyncio
from typing import Any

import pytest

from deploy.sandbox.azure.control.defender import others_entry
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import JIT_POLICY, Resource
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import closing_ports, isolating, lock, machine, nics, sent
from workers.arm.session.clients import Azure
from workers.arm.steps.isolation.lockdown import locks_down
from workers.domain.containment.plans import StepName
from workers.domain.containment.steps import StepState
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.starts.defender import DefenderFacts
from workers.domain.starts.facts import Facts

NAME = "web-01"
POLICIES = "/jitNetworkAccessPolicies/"


@pytest.fixture
def arm(arm: AzureServer) -> AzureServer:
    """A subscription with Plan 2, which just-in-time access needs."""
    arm.plans.set(f"/subscriptions/{machine(arm, NAME).subscription}", "Standard", "P2")
    return arm


def policies(arm: AzureServer) -> list[Resource]:
    return list(arm.estate.of(JIT_POLICY))


def entries(arm: AzureServer) -> dict[str, Any]:
    """The entries of the only policy there is, by the names of their VMs."""
    (policy,) = policies(arm)
    return {one["id"].rpartition("/")[2]: one for one in policy.properties["virtualMachines"]}


async def test_a_policy_is_made_for_a_group_that_has_none_and_goes_again(
    arm: AzureServer, azure: Azure
) -> None:
    driver = closing_ports(arm, azure, NAME)

    progress = await driver.contain()

    assert progress.note == "the ports 22, 3389, 5985 and 5986 only on request, read back"
    (policy,) = policies(arm)
    assert (policy.name, policy.location, policy.group) == ("default", "westeurope", "rg-shop")
    assert entries(arm)[NAME]["ports"][0] == {
        "number": 22,
        "protocol": "*",
        "allowedSourceAddressPrefix": "*",
        "maxRequestAccessDuration": "PT3H",
    }

    assert (await driver.undo()).note == "its entry was taken out of the just-in-time policy, read back"
    assert policies(arm) == []
    assert (await driver.undo()).note == "no longer in the just-in-time policy, read back"


async def test_entries_of_others_and_what_the_model_does_not_know_stay(
    arm: AzureServer, azure: Azure
) -> None:
    policy = others_entry(arm.estate, machine(arm, "web-02"))
    request = {"requestor": "olivia", "startTimeUtc": "2026-11-30T08:00:00Z", "virtualMachines": []}
    policy.properties |= {"appendMode": False, "requests": [request]}
    policy.properties["virtualMachines"][0]["ofANewerVersion"] = {"a": 1}
    before = dict(policy.properties)
    driver = closing_ports(arm, azure, NAME)

    progress = await driver.contain()

    assert progress.note.endswith("beside 1 other VM")
    assert set(entries(arm)) == {"web-02", NAME}
    assert entries(arm)["web-02"] == before["virtualMachines"][0]
    await driver.undo()
    assert policies(arm)[0].properties == before


async def test_an_empty_policy_that_was_there_is_left_empty(arm: AzureServer, azure: Azure) -> None:
    policy = others_entry(arm.estate, machine(arm, "web-02"))
    policy.properties["virtualMachines"] = []
    driver = closing_ports(arm, azure, NAME)

    await driver.contain()
    await driver.undo()

    assert entries(arm) == {}


async def test_nothing_is_written_before_it_is_on_record(arm: AzureServer, azure: Azure) -> None:
    begun = await closing_ports(arm, azure, NAME).begin()

    assert begun.change is not None
    assert begun.change.after["policy"].endswith("/westeurope/jitNetworkAccessPolicies/default")
    assert not sent(arm, "PUT", POLICIES)


@pytest.mark.parametrize("policy", ["default", "of-the-network-team"])
async def test_an_entry_that_somebody_made_is_left_alone(arm: AzureServer, azure: Azure, policy: str) -> None:
    others_entry(arm.estate, machine(arm, NAME), policy=policy)
    before = entries(arm)
    driver = closing_ports(arm, azure, NAME)

    progress = await driver.begin()

    assert progress.done
    assert "left alone" in progress.note
    assert progress.change is not None
    assert progress.change.nothing_to_do
    assert policy in progress.change.details[0]
    assert (await driver.undo()).note == "left as it was before"
    driver.step = driver.step.to(StepState.DONE, token="")
    assert (await driver.check()).done
    assert entries(arm) == before
    assert not sent(arm, "PUT", POLICIES)


async def test_an_entry_that_somebody_makes_meanwhile_is_left_alone(arm: AzureServer, azure: Azure) -> None:
    driver = closing_ports(arm, azure, NAME)
    await driver.begin()
    others_entry(arm.estate, machine(arm, NAME))
    before = entries(arm)

    assert (await driver.check()).done
    assert driver.step.change is not None
    assert driver.step.change.nothing_to_do
    await driver.undo()

    assert entries(arm) == before


async def test_an_entry_that_somebody_changed_since_is_left_as_it_is(arm: AzureServer, azure: Azure) -> None:
    driver = closing_ports(arm, azure, NAME)
    await driver.contain()
    entries(arm)[NAME]["ports"][0]["allowedSourceAddressPrefix"] = "10.0.0.0/8"

    undone = await driver.undo()

    assert "somebody changed its entry" in undone.note
    assert NAME in entries(arm)


@pytest.mark.parametrize(
    ("plan", "said"), [("P1", "this VM has Plan 1, from the subscription"), (None, "this VM has none")]
)
async def test_without_plan_2_it_is_left_out_with_the_reason(
    arm: AzureServer, azure: Azure, plan: str | None, said: str
) -> None:
    tier = "Standard" if plan else "Free"
    arm.plans.set(f"/subscriptions/{machine(arm, NAME).subscription}", tier, plan)

    progress = await closing_ports(arm, azure, NAME).begin()

    assert progress.change is not None
    assert "Defender for Servers Plan 2 is needed" in progress.change.skipped
    assert said in progress.change.skipped
    assert not sent(arm, "PUT", POLICIES)


@pytest.mark.parametrize(("plan", "left_out"), [(None, False), ("", True), ("P1", True), ("P2", False)])
def test_the_plan_says_beforehand_that_it_will_be_left_out(
    arm: AzureServer, azure: Azure, plan: str | None, *, left_out: bool
) -> None:
    driver = closing_ports(arm, azure, NAME)
    facts = Facts(defender=DefenderFacts(subscription_plan=plan))
    assert bool(driver.runner.plan(driver.vm, facts, driver.profile).skipped) is left_out


async def test_a_classic_vm_is_left_out(arm: AzureServer, azure: Azure) -> None:
    driver = closing_ports(arm, azure, "legacy-01")
    assert driver.runner.plan(driver.vm, Facts(), driver.profile).skipped
    progress = await driver.begin()
    assert progress.change is not None
    assert "classic" in progress.change.skipped


async def test_the_proof_before_the_end_finds_an_entry_that_was_lost(arm: AzureServer, azure: Azure) -> None:
    driver = closing_ports(arm, azure, NAME)
    await driver.contain()
    done = driver.step.to(StepState.DONE, token="")
    driver.step = done
    assert (await driver.check()).done

    arm.estate.remove(policies(arm)[0].id)
    driver.step = done
    progress = await driver.check()
    assert (progress.done, progress.again, progress.undone) == (False, True, True)

    await driver.contain()
    assert NAME in entries(arm)
    await driver.undo()
    assert policies(arm) == []


async def test_two_vms_of_a_group_are_put_in_and_taken_out_side_by_side(
    arm: AzureServer, azure: Azure
) -> None:
    one = closing_ports(arm, azure, NAME)
    other = closing_ports(arm, azure, "web-02")
    other.runner = one.runner  # as in one process

    await asyncio.gather(one.contain(), other.contain())
    assert set(entries(arm)) == {NAME, "web-02"}

    await asyncio.gather(one.undo(), other.undo())
    assert policies(arm) == []


async def test_a_vm_that_is_gone_fails_for_good(arm: AzureServer, azure: Azure) -> None:
    driver = closing_ports(arm, azure, NAME)
    arm.estate.remove(machine(arm, NAME).id)

    with pytest.raises(StepFailed, match="no longer exists") as failed:
        await driver.begin()
    assert failed.value.final


async def test_a_policy_that_is_gone_needs_no_undo(arm: AzureServer, azure: Azure) -> None:
    driver = closing_ports(arm, azure, NAME)
    await driver.contain()
    arm.estate.remove(policies(arm)[0].id)

    assert (await driver.undo()).done
    assert not sent(arm, "DELETE", POLICIES)


@pytest.mark.parametrize("code", ["AnotherOperationInProgress", "PreconditionFailed"])
async def test_somebody_elses_write_is_waited_for(arm: AzureServer, azure: Azure, code: str) -> None:
    driver = closing_ports(arm, azure, NAME)
    arm.refusals.put(Refusal(code=code, method="PUT", path=POLICIES, times=1))
    await driver.begin()

    waiting = await driver.check()
    assert (waiting.done, waiting.again) == (False, False)
    await driver.finish()
    assert NAME in entries(arm)

    arm.refusals.put(Refusal(code=code, method="DELETE", path=POLICIES, times=1))
    await driver.undo()
    assert policies(arm) == []


@pytest.mark.parametrize("code", ["TooManyRequests", "InternalServerError"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_azure_that_is_away_is_asked_again_later(
    arm: AzureServer, azure: Azure, code: str, method: str
) -> None:
    driver = closing_ports(arm, azure, NAME)
    arm.refusals.put(Refusal(code=code, method=method, path="jitNetworkAccessPolicies", times=1))

    if method == "DELETE":
        await driver.contain()
        with pytest.raises(DependencyAway):
            await driver.undo()
    else:
        with pytest.raises(DependencyAway):
            await driver.contain()
        await driver.contain()
        assert NAME in entries(arm)
    await driver.undo()

    assert policies(arm) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("RequestDisallowedByPolicy", "Azure Policy forbids it"),
        (
            "AuthorizationFailed",
            "we lack the right Microsoft.Security/locations/jitNetworkAccessPolicies/write",
        ),
        ("ScopeLocked", "a management lock on"),
    ],
)
async def test_a_refusal_that_only_a_person_can_lift_says_so(
    arm: AzureServer, azure: Azure, code: str, said: str
) -> None:
    arm.refusals.put(Refusal(code=code, method="PUT", path=POLICIES))

    with pytest.raises(StepFailed, match=said) as failed:
        await closing_ports(arm, azure, NAME).contain()

    assert failed.value.final


async def test_a_lock_on_the_group_keeps_the_policy(arm: AzureServer, azure: Azure) -> None:
    lock(arm, machine(arm, NAME).id.partition("/providers/")[0])

    with pytest.raises(StepFailed, match="remove the lock"):
        await closing_ports(arm, azure, NAME).contain()

    assert policies(arm) == []


@pytest.mark.parametrize("written", ["before the write", "after the write"])
async def test_a_worker_that_dies_over_the_write_takes_nothing_for_granted(
    arm: AzureServer, azure: Azure, written: str
) -> None:
    driver = closing_ports(arm, azure, NAME)
    await driver.begin()
    if written == "after the write":
        await driver.check()
    again = closing_ports(arm, azure, NAME)
    again.step = again.step.changed(change=driver.step.change)
    await again.contain()
    assert len(sent(arm, "PUT", POLICIES)) == 1

    await again.undo()

    assert policies(arm) == []


async def test_what_defender_denies_in_the_lockdown_group_is_no_drift(arm: AzureServer, azure: Azure) -> None:
    isolation = isolating(arm, azure, NAME)
    await isolation.contain()
    await closing_ports(arm, azure, NAME).contain()
    (nic,) = nics(arm, NAME)
    group = arm.estate.get(nic.properties["networkSecurityGroup"]["id"])
    rules = group.properties["securityRules"]
    denied = next(one for one in rules if "JITRule" in one["name"])
    writes = len(sent(arm, "PUT", "/networkSecurityGroups/"))

    isolation.step = isolation.step.to(StepState.DONE, token="")
    assert (await isolation.check()).done
    assert len(sent(arm, "PUT", "/networkSecurityGroups/")) == writes

    denied["properties"]["access"] = "Allow"  # somebody asked for access
    assert not locks_down(group.as_json(), isolation.profile)


def test_it_waits_for_the_isolation() -> None:
    assert StepName.ISOLATE in StepName.JIT.needs
