"""Defender for Servers on one VM, against the Azure stand-in: set, found there already, and taken back."""

from typing import Any

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import defending, lock, machine, sent
from workers.arm.read.facts import ArmFacts
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.domain.containment.steps import StepState
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.starts.facts import Facts

NAME = "web-01"
PRICINGS = "/pricings/"


def subscription(arm: AzureServer) -> str:
    return f"/subscriptions/{machine(arm, NAME).subscription}"


def plan(arm: AzureServer, name: str = NAME) -> tuple[str, str | None, str]:
    found = arm.plans.of_machine(machine(arm, name).id)
    return found["pricingTier"], found.get("subPlan"), found["inherited"]


def own(arm: AzureServer, tier: str, sub_plan: str | None = None, **more: Any) -> None:
    arm.plans.set(machine(arm, NAME).id, tier, sub_plan, **more)


OFF, P1 = ("Free", None, "True"), ("Standard", "P1", "False")


async def test_a_vm_without_a_plan_gets_plan_1_and_loses_it_again(arm: AzureServer, azure: Azure) -> None:
    driver = defending(arm, azure, NAME)

    progress = await driver.contain()

    assert plan(arm) == P1
    assert progress.note == "Plan 1, read back"
    assert driver.step.change is not None
    assert driver.step.change.before["own"] is False
    assert "off, from the subscription → Plan 1" in driver.step.change.details[0]
    (put,) = sent(arm, "PUT", PRICINGS)
    assert put["request"] == {"properties": {"pricingTier": "Standard", "subPlan": "P1"}}

    undone = await driver.undo()

    assert plan(arm) == OFF
    assert undone.note == "off, from the subscription, as before, read back"
    assert (await driver.undo()).done  # the proof before a restore ends
    assert len(sent(arm, "DELETE", PRICINGS)) == 1


async def test_nothing_is_written_before_the_former_plan_is_on_record(arm: AzureServer, azure: Azure) -> None:
    begun = await defending(arm, azure, NAME).begin()

    assert not sent(arm, "PUT", PRICINGS)
    assert begun.change is not None
    assert begun.change.after == {"subPlan": "P1"}
    assert begun.look_again_after.total_seconds() == 0


@pytest.mark.parametrize("sub_plan", ["P1", "P2"])
async def test_a_plan_of_the_subscription_is_enough(arm: AzureServer, azure: Azure, sub_plan: str) -> None:
    arm.plans.set(subscription(arm), "Standard", sub_plan)
    driver = defending(arm, azure, NAME)

    progress = await driver.begin()

    assert progress.done
    assert progress.note == f"Plan {sub_plan[1]}, from the subscription already, read back"
    assert progress.change is not None
    assert progress.change.nothing_to_do
    assert (await driver.undo()).note == "left as it was before"
    assert not sent(arm, "PUT", PRICINGS) + sent(arm, "DELETE", PRICINGS)


async def test_a_plan_of_its_own_stays_after_a_restore(arm: AzureServer, azure: Azure) -> None:
    own(arm, "Standard", "P1")
    driver = defending(arm, azure, NAME)

    assert (await driver.begin()).done
    await driver.undo()

    assert plan(arm) == P1
    assert not sent(arm, "PUT", PRICINGS) + sent(arm, "DELETE", PRICINGS)


async def test_a_vm_that_was_taken_out_of_its_subscriptions_plan_is_taken_out_again(
    arm: AzureServer, azure: Azure
) -> None:
    arm.plans.set(subscription(arm), "Standard", "P2")
    scan = {"name": "AgentlessVmScanning", "isEnabled": "False", "additionalExtensionProperties": {"a": "b"}}
    own(arm, "Free", extensions=[scan])
    driver = defending(arm, azure, NAME)

    await driver.contain()
    assert plan(arm) == P1

    await driver.undo()
    assert plan(arm) == ("Free", None, "False")
    assert arm.plans.of_machine(machine(arm, NAME).id)["extensions"] == [scan]


async def test_the_proof_before_the_end_finds_a_plan_that_was_taken_away(
    arm: AzureServer, azure: Azure
) -> None:
    driver = defending(arm, azure, NAME)
    await driver.contain()
    driver.step = driver.step.to(StepState.DONE, token="")
    assert (await driver.check()).done

    arm.plans.forget(machine(arm, NAME).id)

    progress = await driver.check()
    assert (progress.done, progress.again, progress.undone) == (False, True, True)


async def test_a_plan_that_somebody_changed_since_is_left_as_it_is(arm: AzureServer, azure: Azure) -> None:
    driver = defending(arm, azure, NAME)
    await driver.contain()
    own(arm, "Free")

    undone = await driver.undo()

    assert undone.note == "it has off now: somebody changed it since, and it is left as it is"
    assert plan(arm) == ("Free", None, "False")


async def test_a_subscription_that_gets_a_plan_meanwhile_leaves_nothing_to_undo(
    arm: AzureServer, azure: Azure
) -> None:
    driver = defending(arm, azure, NAME)
    await driver.begin()
    arm.plans.set(subscription(arm), "Standard", "P2")

    assert (await driver.check()).done

    assert driver.step.change is not None
    assert driver.step.change.nothing_to_do
    assert not sent(arm, "PUT", PRICINGS)


@pytest.mark.parametrize("name", ["legacy-01"])
async def test_a_classic_vm_is_left_out(arm: AzureServer, azure: Azure, name: str) -> None:
    driver = defending(arm, azure, name)
    assert driver.runner.plan(driver.vm, Facts(), driver.profile).skipped

    progress = await driver.begin()

    assert progress.change is not None
    assert "classic" in progress.change.skipped


async def test_a_subscription_that_enforces_its_plan_is_named(arm: AzureServer, azure: Azure) -> None:
    arm.plans.set(subscription(arm), "Free", enforce="True")

    progress = await defending(arm, azure, NAME).begin()

    assert progress.change is not None
    assert "enforces" in progress.change.skipped
    assert not sent(arm, "PUT", PRICINGS)


async def test_an_extension_that_azure_could_not_set_up_is_said(arm: AzureServer, azure: Azure) -> None:
    arm.plans.failing["MdeDesignatedSubscription"] = "Failed assigning roles"

    progress = await defending(arm, azure, NAME).contain()

    assert progress.done
    assert progress.note == (
        "Plan 1, read back; not set up by Azure: MdeDesignatedSubscription: Failed assigning roles"
    )


async def test_a_vm_that_is_gone_fails_for_good_and_its_undo_is_done(arm: AzureServer, azure: Azure) -> None:
    driver = defending(arm, azure, NAME)
    await driver.contain()
    arm.estate.remove(machine(arm, NAME).id)

    assert (await driver.undo()).note == "the VM no longer exists"
    with pytest.raises(StepFailed, match="no longer exists") as failed:
        await driver.begin()
    assert failed.value.final


@pytest.mark.parametrize("code", ["AnotherOperationInProgress", "PreconditionFailed"])
async def test_somebody_elses_write_is_waited_for(arm: AzureServer, azure: Azure, code: str) -> None:
    driver = defending(arm, azure, NAME)
    arm.refusals.put(Refusal(code=code, method="PUT", path="pricings", times=1))
    await driver.begin()

    waiting = await driver.check()
    assert (waiting.done, waiting.again) == (False, False)
    assert code in waiting.note
    await driver.finish()
    assert plan(arm) == P1

    arm.refusals.put(Refusal(code=code, method="DELETE", path="pricings", times=1))
    await driver.undo()
    assert plan(arm) == OFF


@pytest.mark.parametrize("code", ["TooManyRequests", "InternalServerError"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_azure_that_is_away_is_asked_again_later(
    arm: AzureServer, azure: Azure, code: str, method: str
) -> None:
    driver = defending(arm, azure, NAME)
    arm.refusals.put(Refusal(code=code, method=method, path="pricings", times=1))

    if method == "DELETE":
        await driver.contain()
        with pytest.raises(DependencyAway):
            await driver.undo()
    else:
        with pytest.raises(DependencyAway) as away:
            await driver.contain()
        assert away.value.retry_after_s == (17 if code == "TooManyRequests" else None)
        await driver.contain()
    await driver.undo()

    assert plan(arm) == OFF


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("RequestDisallowedByPolicy", "Azure Policy forbids it"),
        ("AuthorizationFailed", "we lack the right Microsoft.Security/pricings/write"),
        ("ScopeLocked", "a management lock on"),
    ],
)
async def test_a_refusal_that_only_a_person_can_lift_says_so(
    arm: AzureServer, azure: Azure, code: str, said: str
) -> None:
    arm.refusals.put(Refusal(code=code, method="PUT", path="pricings"))

    with pytest.raises(StepFailed, match=said) as failed:
        await defending(arm, azure, NAME).contain()

    assert failed.value.final
    assert not isinstance(failed.value, Busy)


async def test_a_lock_on_the_vm_keeps_its_plan(arm: AzureServer, azure: Azure) -> None:
    lock(arm, machine(arm, NAME).id)

    with pytest.raises(StepFailed, match="remove the lock"):
        await defending(arm, azure, NAME).contain()

    assert plan(arm) == OFF


@pytest.mark.parametrize("written", ["before the write", "after the write"])
async def test_a_worker_that_dies_over_the_write_takes_nothing_for_granted(
    arm: AzureServer, azure: Azure, written: str
) -> None:
    driver = defending(arm, azure, NAME)
    await driver.begin()
    if written == "after the write":
        await driver.check()
    # Another worker has what was recorded, and begins anew.
    again = defending(arm, azure, NAME)
    again.step = again.step.changed(change=driver.step.change)
    await again.contain()

    await again.undo()

    assert plan(arm) == OFF


async def test_the_plan_names_what_is_installed_on_the_vm(arm: AzureServer, azure: Azure) -> None:
    driver = defending(arm, azure, NAME)
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    change = driver.runner.plan(driver.vm, facts, driver.profile)

    assert change.after == {}
    assert "its own is read when it begins" in change.details[0]
    assert any("Defender for Endpoint" in line for line in change.details)


async def test_the_plan_names_what_the_subscription_has(arm: AzureServer, azure: Azure) -> None:
    arm.plans.set(subscription(arm), "Standard", "P2")
    driver = defending(arm, azure, NAME)
    facts = await ArmFacts(azure).gather(driver.vm, budget_s=5)

    change = driver.runner.plan(driver.vm, facts, driver.profile)

    assert "its subscription has Plan 2" in change.details[0]
