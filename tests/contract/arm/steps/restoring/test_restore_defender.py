"""Defender and just-in-time access with the real use cases: a restore brings back exactly what was.

Over every plan that a subscription and a VM can have, entries of others, and an Azure that stumbles.
"""

import copy
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deploy.sandbox.azure.control.defender import others_entry
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.model import JIT_POLICY, PRICING, Vm
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import NicSeed, VmSeed
from tests import builders as a
from tests.contract.arm.steps.restoring.test_restore_property import House
from workers.arm.session.clients import Azure
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import StepState
from workers.domain.starts.vm import VmRef

PROFILE = LockdownProfile(steps=(StepName.ISOLATE, StepName.DEFENDER, StepName.JIT))


@pytest.fixture
async def arm() -> AsyncIterator[AzureServer]:
    server = AzureServer(speed=0)
    server.throttle.enforced = False  # the clock here runs faster than Azure's
    await server.start()
    yield server
    await server.stop()


class Case(NamedTuple):
    """What was there before, and the first refusals of Azure."""

    subscription: str
    own: str
    listed: str
    refused: list[tuple[str, str, str]]


CASES = st.builds(
    Case,
    subscription=st.sampled_from(["Free", "P1", "P2"]),
    own=st.sampled_from(["none", "Free", "P1"]),
    listed=st.sampled_from(["none", "another", "itself"]),
    refused=st.lists(
        st.tuples(
            st.sampled_from(["AnotherOperationInProgress", "TooManyRequests", "InternalServerError"]),
            st.sampled_from(["GET", "PUT", "DELETE"]),
            st.sampled_from(["pricings", "jitNetworkAccessPolicies"]),
        ),
        max_size=4,
    ),
)


def new_vm(arm: AzureServer, name: str, group: str) -> Vm:
    seed = VmSeed(name=name, group=group, location="westeurope", power="running", nics=[NicSeed(nsg="none")])
    return add_vm(arm.estate, arm.world, seed)


def protection(arm: AzureServer) -> dict[str, Any]:
    """Everything that Defender for Cloud holds, but for when a plan was set."""
    held = [*arm.estate.of(PRICING), *arm.estate.of(JIT_POLICY)]
    found = {one.id.lower(): copy.deepcopy(one.properties) for one in held}
    for properties in found.values():
        properties.pop("enablementTime", None)
    return found


def outcome(containment: Containment, name: StepName) -> StepState:
    return containment.step(name).state


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(CASES)
@example(Case("P2", "none", "another", [("TooManyRequests", "PUT", "jitNetworkAccessPolicies")]))
@example(Case("Free", "Free", "none", [("AnotherOperationInProgress", "PUT", "pricings")]))
async def test_a_restore_leaves_defender_as_it_was(arm: AzureServer, azure: Azure, case: Case) -> None:
    arm.estate.clear()
    arm.reset()
    count = sum(isinstance(one, Vm) for one in arm.estate.vms())
    vm, other = (new_vm(arm, f"any-{count}-{index}", f"rg-any-{count}") for index in range(2))
    scope = f"/subscriptions/{vm.subscription}"
    for where, plan in ((scope, case.subscription), (vm.id, case.own)):
        if plan != "none":
            tier = "Free" if plan == "Free" else "Standard"
            arm.plans.set(where, tier, plan if tier == "Standard" else None)
    if case.listed != "none":
        others_entry(arm.estate, vm if case.listed == "itself" else other)
    before = protection(arm)
    arm.refusals.put(*(Refusal(code=c, method=m, path=p, times=1) for c, m, p in case.refused))
    house, ref = House(azure), VmRef.parse(vm.id)

    locked = await house.lock_down(ref, a.oncall(), PROFILE)
    held = await house.until_rest(locked.containment.id)

    assert held.state is ContainmentState.CONTAINED
    assert arm.plans.of_machine(vm.id)["pricingTier"] == "Standard"
    listing = [
        one["id"] for policy in arm.estate.of(JIT_POLICY) for one in policy.properties["virtualMachines"]
    ]
    wanted = outcome(held, StepName.JIT) is StepState.DONE or case.listed == "itself"
    assert (vm.id in listing) is wanted
    plan_2 = case.subscription == "P2" and case.own == "none"
    assert outcome(held, StepName.JIT) is (StepState.DONE if plan_2 else StepState.SKIPPED)

    await house.restore(held.id, a.oncall(), shown=held.demand, start=False)
    ended = await house.until_rest(held.id)

    assert ended.state is ContainmentState.RESTORED
    assert protection(arm) == before
