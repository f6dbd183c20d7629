"""S5, with the real use cases and steps: a restore brings back exactly what was, or says what drifted."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deploy.sandbox.azure.model import NIC, Resource, Vm
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import NicSeed, VmSeed
from tests import builders as a
from tests.contract.arm.driver import nsg_name
from tests.contract.arm.house import House
from workers.arm.session.clients import Azure
from workers.arm.steps.isolation.lockdown import nsg_name as lockdown_name
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.vm import VmRef

PROFILE = LockdownProfile(steps=(StepName.ISOLATE, StepName.STOP))
LOCKDOWN = lockdown_name(PROFILE, "westeurope")
OWN, NONE, SHARED = "own", "none", "shared"
"""What a NIC may carry before: an NSG of its own, none, or that of another machine."""
FORMER, FOREIGN = "former", "foreign"
"""What a NIC is opened with between two rounds, beside none: what it had, or that of a third machine."""


@pytest.fixture
async def arm() -> AsyncIterator[AzureServer]:
    server = AzureServer(speed=0)
    server.throttle.enforced = False  # the clock here runs faster than Azure's
    await server.start()
    yield server
    await server.stop()


def nics_of(arm: AzureServer, vm: Vm) -> list[Resource]:
    return [arm.estate.get(nic_id) for nic_id in vm.nic_ids()]


def nsg_id(nic: Resource) -> str | None:
    group = nic.properties.get("networkSecurityGroup")
    return group["id"] if group else None


def put_nsg(nic: Resource, group: str | None) -> None:
    """Behind the product's back, as in the portal."""
    nic.properties.pop("networkSecurityGroup", None)
    if group is not None:
        nic.properties["networkSecurityGroup"] = {"id": group}
    nic.touch()


def new_vm(arm: AzureServer, before: list[str], *, running: bool) -> Vm:
    count = sum(isinstance(one, Vm) for one in arm.estate.vms())
    seed = VmSeed(
        name=f"any-{count}",
        group=f"rg-any-{count}",
        location="westeurope",
        power="running" if running else "deallocated",
        nics=[NicSeed(nsg="none") if kind == NONE else NicSeed(open=["22"]) for kind in before],
    )
    add_vm(arm.estate, arm.world, seed)
    vm = next(one for one in arm.estate.vms() if one.name == seed.name)
    shared = next(nic for nic in arm.estate.of(NIC) if nic.name == "web-01-nic")
    for nic, kind in zip(nics_of(arm, vm), before, strict=True):
        if kind == SHARED:
            put_nsg(nic, nsg_id(shared))
    return vm


class Case(NamedTuple):
    """A VM as it was, how it is restored, and the indices of NICs that somebody changes in between.

    Attributes:
        opened: for each further round, which NICs somebody opens before it, and with what.
    """

    before: list[str]
    running: bool
    start: bool
    opened: list[dict[int, str]]
    drifted: set[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    before = draw(st.lists(st.sampled_from([OWN, NONE, SHARED]), max_size=8))
    index = st.integers(0, len(before) - 1) if before else st.nothing()
    drifted = draw(st.sets(index)) if draw(st.booleans()) else set()
    opened = draw(st.lists(st.dictionaries(index, st.sampled_from([FORMER, NONE, FOREIGN])), max_size=2))
    return Case(before, draw(st.booleans()), draw(st.booleans()), opened, drifted)


OPENED = Case(
    before=[OWN, SHARED, NONE],
    running=True,
    start=True,
    opened=[{0: NONE, 1: FOREIGN, 2: FOREIGN}, {0: FORMER}],
    drifted=set(),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cases())
@example(OPENED)
async def test_a_restore_brings_back_exactly_what_was_or_names_what_drifted(
    arm: AzureServer, azure: Azure, case: Case
) -> None:
    vm = new_vm(arm, case.before, running=case.running)
    was, former = ([of(nic) for nic in nics_of(arm, vm)] for of in (nsg_name, nsg_id))
    foreign = nsg_id(next(nic for nic in arm.estate.of(NIC) if nic.name == "web-02-nic"))
    house, ref = House(azure), VmRef.parse(vm.id)
    locked = await house.lock_down(ref, a.oncall(), PROFILE)
    held = await house.until_rest(locked.containment.id)
    for opened in case.opened:  # started by somebody, with its NICs opened, and contained again
        vm.power = "running"
        for index, kind in opened.items():
            put_nsg(nics_of(arm, vm)[index], {FORMER: former[index], FOREIGN: foreign}.get(kind))
        held = await house.another_round(held)
    assert held.state is ContainmentState.CONTAINED
    assert {nsg_name(nic) for nic in nics_of(arm, vm)} <= {LOCKDOWN}

    for index in case.drifted:
        put_nsg(nics_of(arm, vm)[index], foreign)

    await house.restore(held.id, a.oncall(), shown=held.demand, start=case.start)
    ended = await house.until_rest(held.id)

    now = [nsg_name(nic) for nic in nics_of(arm, vm)]
    assert ended.restoration is not None
    assert ended.state is ContainmentState.RESTORED
    said = ended.restoration.step(StepName.ISOLATE).note
    for index, nic in enumerate(nics_of(arm, vm)):
        assert (f"{nic.name} has web-02-nsg now" in said) is (index in case.drifted) or len(said) == 500
    assert now == ["web-02-nsg" if i in case.drifted else group for i, group in enumerate(was)]
    assert (await house.store.vm_record(ref)).containment_id is None
    assert vm.power == ("running" if case.start and case.running else "deallocated")
