"""Where Azure Policy or a deny assignment forbids something: it is named, and a profile may help."""

from typing import Any

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import NSG, Resource
from deploy.sandbox.azure.network.nsg import nsg_resource
from deploy.sandbox.azure.network.rules import rule
from deploy.sandbox.azure.server import AzureServer
from tests import builders as a
from tests.contract.arm.driver import PROFILE, backing_up, isolating, machine, nics, nsg_name, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.arm.steps.standing import ArmStanding
from workers.domain.containment.containment import ContainmentState, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StepFailed

DENIALS = (
    rule("deny-in", "Deny", 4000),
    rule("deny-out", "Deny", 4000, "Outbound"),
)
BASTION = rule("bastion", "Allow", 300, source="10.0.9.0/26", protocol="Tcp")
BASTION["properties"] |= {"destinationPortRanges": ["3389", "22"], "destinationPortRange": ""}


async def test_a_policy_that_forbids_the_lockdown_nsg_is_named_and_no_right_is_asked_for(
    arm: AzureServer, azure: Azure
) -> None:
    arm.refusals.put(
        Refusal(code="RequestDisallowedByPolicy", method="PUT", about={"policy": "Require an owner tag"})
    )

    with pytest.raises(StepFailed, match='forbids it: "Require an owner tag"') as failed:
        await isolating(arm, azure, "web-01").contain()

    assert failed.value.final
    assert "we lack the right" not in str(failed.value)
    assert "isolate.nsg" in str(failed.value)[:500]


async def test_a_deny_assignment_is_named_and_no_right_is_asked_for(arm: AzureServer, azure: Azure) -> None:
    arm.refusals.put(Refusal(code="DenyAssignmentAuthorizationFailed", method="PUT"))

    with pytest.raises(StepFailed, match="a deny assignment forbids it") as failed:
        await isolating(arm, azure, "web-01").contain()

    assert failed.value.final
    assert "deny assignment with name" in str(failed.value)[:500]


async def test_the_tags_of_the_profile_are_put_on_everything_that_is_made(
    arm: AzureServer, azure: Azure
) -> None:
    profile = PROFILE.changed(tags={"cost-centre": "4711"})
    wanted = {"cost-centre": "4711", "managed-by": "startgate"}

    await isolating(arm, azure, "web-01", profile).contain()
    backing = backing_up(arm, azure, "web-01")
    backing.profile = profile
    await backing.begin()

    (nsg,) = sent(arm, "PUT", "/networkSecurityGroups/")
    assert nsg["request"]["tags"] == wanted
    vaults = [put for put in sent(arm, "PUT", "/vaults/") if "backup" not in put["path"].lower()]
    assert [put["request"]["tags"] for put in vaults] == [wanted]


def prepared(arm: AzureServer, *rules: dict[str, Any], location: str = "westeurope") -> Resource:
    """An NSG of the security team, in another group of the VM's subscription."""
    subscription = machine(arm, "web-01").subscription
    nsg_id = arm_id(subscription, "rg-shop", NSG, "quarantine")
    return arm.estate.add(nsg_resource(nsg_id, location, [*rules]))


def using(nsg_id: str, **changes: Any) -> LockdownProfile:
    return PROFILE.changed(isolate=PROFILE.isolate.changed(nsg=nsg_id), **changes)


async def test_a_prepared_nsg_is_put_on_every_nic_and_nothing_is_made(arm: AzureServer, azure: Azure) -> None:
    group = prepared(arm, *DENIALS, BASTION)
    driver = isolating(arm, azure, "db-01", using(group.id.upper()))
    before = [nsg_name(nic) for nic in nics(arm, "db-01")]
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)
    assert "QUARANTINE" in driver.runner.plan(driver.vm, facts, driver.profile).summary

    await driver.contain()

    assert [str(nsg_name(nic)).lower() for nic in nics(arm, "db-01")] == ["quarantine"] * 2
    assert not sent(arm, "PUT", "/networkSecurityGroups/")
    await driver.undo()
    assert [nsg_name(nic) for nic in nics(arm, "db-01")] == before


async def test_a_nic_that_had_the_prepared_nsg_already_has_no_former_one(
    arm: AzureServer, azure: Azure
) -> None:
    group = prepared(arm, *DENIALS)
    nics(arm, "web-01")[0].properties["networkSecurityGroup"] = {"id": group.id}
    driver = isolating(arm, azure, "web-01", using(group.id))

    await driver.contain()

    assert driver.step.change is not None
    assert driver.step.change.before == {}
    with pytest.raises(StepFailed, match="before anything was recorded"):
        await driver.undo()


async def test_what_a_prepared_nsg_does_to_open_flows_is_said(arm: AzureServer, azure: Azure) -> None:
    group = prepared(arm, *DENIALS)
    profile = using(group.id, steps=(StepName.ISOLATE,))

    progress = await isolating(arm, azure, "web-01", profile).contain()

    assert progress.note.endswith("open connections may go on: a prepared group is not rewritten")


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((), "no rule of it denies all inbound traffic"),
        (DENIALS[:1], "no rule of it denies all outbound traffic"),
        ((*DENIALS, rule("web", "Allow", 200, ports="443")), "its rule web allows inbound traffic"),
        (
            (*DENIALS, rule("out", "Allow", 200, "Outbound", ports="443")),
            "its rule out allows outbound traffic",
        ),
        (
            (rule("deny-in", "Deny", 100, ports="1-65535"), DENIALS[1]),
            "no rule of it denies all inbound traffic",
        ),
        (
            (rule("deny-in", "Deny", 100, source="Internet"), DENIALS[1]),
            "no rule of it denies all inbound traffic",
        ),
    ],
)
async def test_a_prepared_nsg_that_lets_something_through_is_refused(
    arm: AzureServer, azure: Azure, rules: tuple[dict[str, Any], ...], why: str
) -> None:
    group = prepared(arm, *rules)

    with pytest.raises(StepFailed, match=why) as failed:
        await isolating(arm, azure, "web-01", using(group.id)).contain()

    assert failed.value.final
    assert not sent(arm, "PUT", "/networkInterfaces/")


async def test_an_allow_behind_the_denial_lets_nothing_through(arm: AzureServer, azure: Azure) -> None:
    group = prepared(arm, *DENIALS, rule("web", "Allow", 4001, ports="443"))

    assert (await isolating(arm, azure, "web-01", using(group.id)).contain()).done


async def test_a_prepared_nsg_of_another_region_or_none_at_all_is_named(
    arm: AzureServer, azure: Azure
) -> None:
    group = prepared(arm, *DENIALS, location="northeurope")
    with pytest.raises(StepFailed, match=r"quarantine .* is in northeurope .* the VM in westeurope"):
        await isolating(arm, azure, "web-01", using(group.id)).contain()

    arm.estate.remove(group.id)
    with pytest.raises(StepFailed, match=r"the prepared NSG quarantine .* does not exist"):
        await isolating(arm, azure, "web-01", using(group.id)).contain()


async def test_a_prepared_nsg_that_is_loosened_later_is_drift(arm: AzureServer, azure: Azure) -> None:
    group = prepared(arm, *DENIALS)
    driver = isolating(arm, azure, "web-01", using(group.id, steps=(StepName.ISOLATE,)))
    await driver.contain()
    held = a.containment(
        state=ContainmentState.CONTAINED,
        vm=driver.vm,
        profile=driver.profile,
        steps=(driver.step.to(StepState.DONE, ended_at=a.NOW, token=""),),
    )
    reader = ArmStanding(azure)
    assert await reader.drift(held) == {}
    assert list(await reader.suspects(held.vm.subscription_id, [held])) == []

    group.properties["securityRules"] = []

    assert "the rules of quarantine were changed" in (await reader.drift(held))[StepName.ISOLATE]
    assert list(await reader.suspects(held.vm.subscription_id, [held])) == [held]
