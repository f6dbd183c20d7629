"""S5 over any plan, any crash, any passing trouble: a restore brings back all but what is kept on purpose."""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from deploy.sandbox.azure.ids import within
from deploy.sandbox.azure.model import LOCK, NSG, SNAPSHOT, VAULT, Resource, Vm
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import NicSeed, VmSeed
from tests import builders as a
from tests.contract.arm.house import House
from workers.arm.session.clients import Azure
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.vm import VmRef

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WRITES = ("PUT", "PATCH", "POST")
PASSING = (
    *(Fault(status=status, retry_after_s=1, times=1) for status in (429, 500, 503)),
    *(Fault(method=method, status=status, times=1) for method in WRITES for status in (409, 412)),
    Fault(drop="before", times=1),
    Fault(drop="after", times=1),
)
"""Trouble that goes by. The retries of a step are bounded, so no example has more than a few of these."""
MOST_TROUBLE = 4
REQUESTS = 60
"""Among the first so many requests of a containment, and of its restore, something happens."""


class Deaths:
    """Ends the worker at the requests that ``at`` names; Azure has got those requests, or has not."""

    def __init__(self) -> None:
        self.house: House | None = None
        self.at: dict[int, bool] = {}
        self._count = 0

    def plan(self, house: House, at: dict[int, bool]) -> None:
        """From now on: number of the request → whether Azure does what it asks."""
        self.house, self.at, self._count = house, dict(at), 0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._count += 1
        done = self.at.pop(self._count, None)
        if done is None or self.house is None:
            return await handler(request)
        self.house.die()
        return await handler(request) if done else web.Response(status=503)


@pytest.fixture
def deaths() -> Deaths:
    return Deaths()


@pytest.fixture
async def arm(deaths: Deaths) -> AsyncIterator[AzureServer]:
    server = AzureServer(speed=0)
    server.throttle.enforced = False  # the clock here runs faster than Azure's
    server.app.middlewares.append(deaths.middleware)
    await server.start()
    yield server
    await server.stop()


class Trouble(NamedTuple):
    """What goes wrong in one direction: faults with the requests that pass before each, and deaths."""

    faults: list[tuple[int, Fault]]
    deaths: dict[int, bool]

    def put(self, arm: AzureServer, deaths: Deaths, house: House) -> None:
        """Fresh copies: a fault counts itself down."""
        script: list[Fault] = []
        for gap, fault in self.faults:
            script += [Fault(times=gap)] if gap else []
            script.append(fault.model_copy())
        arm.faults.put(*script)
        deaths.plan(house, self.deaths)


class Case(NamedTuple):
    """A VM, a lockdown profile for it, what somebody does in between, and all that goes wrong.

    Attributes:
        nics: of each, whether it has an NSG of its own.
        started_between: somebody starts the contained VM, and it is contained once more.
    """

    steps: tuple[StepName, ...]
    power: str
    nics: list[bool]
    ephemeral: bool
    encrypted: bool
    started_between: bool
    start: bool
    doing: Trouble
    undoing: Trouble


@st.composite
def cases(draw: st.DrawFn) -> Case:
    gap = st.integers(0, REQUESTS // MOST_TROUBLE)
    faults = st.lists(st.tuples(gap, st.sampled_from(PASSING)), max_size=MOST_TROUBLE)
    dies = st.dictionaries(st.integers(1, REQUESTS), st.booleans(), max_size=2)
    trouble = st.builds(Trouble, faults, dies)
    return Case(
        steps=tuple(draw(st.sets(st.sampled_from(list(StepName)), min_size=1))),
        power=draw(st.sampled_from(["running", "stopped", "deallocated"])),
        nics=draw(st.lists(st.booleans(), max_size=2)),
        ephemeral=draw(st.sampled_from([False, False, True])),
        encrypted=draw(st.booleans()),
        started_between=draw(st.booleans()),
        start=draw(st.booleans()),
        doing=draw(trouble),
        undoing=draw(trouble),
    )


CALM = Trouble([], {})
EVERYTHING = Case(
    steps=tuple(StepName),
    power="running",
    nics=[True, False],
    ephemeral=False,
    encrypted=False,
    started_between=True,
    start=True,
    doing=CALM,
    undoing=CALM,
)
DYING = EVERYTHING._replace(
    doing=Trouble([(3, PASSING[0]), (5, PASSING[-1])], {9: True, 17: False}),
    undoing=Trouble([(2, PASSING[-1])], {2: True}),
)


def new_vm(arm: AzureServer, case: Case) -> Vm:
    count = len(arm.estate.vms())
    seed = VmSeed.model_validate(
        {
            "name": f"any-{count}",
            "group": f"rg-any-{count}",
            "size": "Standard_D4s_v5",
            "power": "running" if case.ephemeral and case.power == "deallocated" else case.power,
            "ephemeral": case.ephemeral,
            "nics": [NicSeed(open=["22"]) if own else NicSeed(nsg="none") for own in case.nics],
        }
    )
    vm = add_vm(arm.estate, arm.world, seed)
    vm.properties["securityProfile"]["encryptionAtHost"] = case.encrypted
    return vm


# The resource model


PASSES = ("etag", "provisioningState", "diskState", "LastOwnershipUpdateTime")
"""What changes by itself as something is written, or as a VM starts and stops."""


def as_is(value: Any) -> Any:
    """JSON without what passes."""
    if isinstance(value, dict):
        return {key: as_is(inner) for key, inner in value.items() if key not in PASSES}
    return [as_is(inner) for inner in value] if isinstance(value, list) else value


def model(arm: AzureServer) -> dict[str, Any]:
    return {one.id.lower(): as_is(copy.deepcopy(one.as_json())) for one in arm.estate.everything()}


def kept_on_purpose(arm: AzureServer, one: Resource) -> bool:
    """Made by a containment, and left by its restore: snapshots, the vault and what it holds, our NSG."""
    if one.kind == NSG:
        return ours(one) and is_lockdown_nsg(one.id)
    vaults = [vault for vault in arm.estate.of(VAULT) if ours(vault)]
    return (one.kind == SNAPSHOT and ours(one)) or any(within(one.id, vault.id) for vault in vaults)


def ours(one: Resource) -> bool:
    return one.tags.get("managed-by") == "startgate"


def powered(case: Case, before: str) -> str:
    """The power state after a restore: a VM is started only if that was asked for, and it ran."""
    if StepName.STOP not in case.steps:
        return "running" if case.started_between else before
    if case.start and before == "running":
        return "running"
    return "stopped" if case.ephemeral else "deallocated"


def snapshots_by_disk(arm: AzureServer, vm: Vm) -> dict[str, int]:
    sources = [str(one.properties["creationData"]["sourceResourceId"]) for one in arm.estate.of(SNAPSHOT)]
    return {disk: sources.count(disk) for disk in vm.disk_ids() if arm.estate.find(disk)}


async def contained(house: House, case: Case, vm: Vm) -> Containment:
    profile = LockdownProfile(name="any", steps=case.steps)
    locked = await house.lock_down(VmRef.parse(vm.id), a.oncall(), profile, reason="a drill")
    held = await house.until_rest(locked.containment.id)
    assert held.state is ContainmentState.CONTAINED, [(s.name, s.state, s.note) for s in held.steps]
    return held


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cases())
@example(EVERYTHING)
@example(DYING)
@example(EVERYTHING._replace(ephemeral=True))
@example(EVERYTHING._replace(encrypted=True, power="deallocated", started_between=False))
async def test_after_contain_and_restore_all_is_as_before_but_what_is_kept_on_purpose(
    arm: AzureServer, azure: Azure, deaths: Deaths, case: Case
) -> None:
    vm, house = new_vm(arm, case), House(azure)
    before, ran = model(arm), vm.power
    case.doing.put(arm, deaths, house)
    held = await contained(house, case, vm)
    taken = snapshots_by_disk(arm, vm)
    if StepName.SNAPSHOT in case.steps:
        assert set(taken.values()) <= {1}, "however often it was cut off, no disk has two"
    if case.started_between:
        vm.power = "running"
        held = await house.another_round(held)
        assert held.state is ContainmentState.CONTAINED

    case.undoing.put(arm, deaths, house)
    await house.restore(held.id, a.oncall(), shown=held.demand, start=case.start)
    ended = await house.until_rest(held.id)
    arm.faults.put()
    note(f"died {house.deaths} times")
    assert case != DYING or house.deaths == len(case.doing.deaths) + len(case.undoing.deaths)

    assert ended.restoration is not None
    undone = [(one.name, one.state, one.note) for one in ended.restoration.steps]
    assert ended.state is ContainmentState.RESTORED, undone
    assert {state for _, state, _ in undone} <= {StepState.DONE, StepState.SKIPPED}
    after = model(arm)
    if any("stays on, because the VM is running" in said for _, _, said in undone):
        assert case.started_between
        assert StepName.STOP not in case.steps, "a VM that is to be off gives it back"
        before[vm.id.lower()]["properties"]["securityProfile"]["encryptionAtHost"] = True
    assert {key: after.get(key) for key in before} == before
    new = [one for one in arm.estate.everything() if one.id.lower() not in before]
    assert [one.id for one in new if not kept_on_purpose(arm, one)] == []
    assert [one.id for one in arm.estate.of(LOCK)] == []
    assert vm.power == powered(case, ran)
    if StepName.SNAPSHOT in case.steps:
        assert all(count >= taken[disk] for disk, count in snapshots_by_disk(arm, vm).items())
