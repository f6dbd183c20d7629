"""Drives one containment step against the Azure stand-in, and looks at what Azure was sent."""

import asyncio
from typing import Any

from deploy.sandbox.azure.model import LOCK, Resource, Vm
from deploy.sandbox.azure.server import AzureServer
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.arm.steps.isolation.lockdown import nsg_name as lockdown_name
from workers.domain.containment.containment import Progress, Step, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.vm import VmRef

PROFILE = LockdownProfile(
    isolate=IsolateOptions(allow=(AllowRule(name="bastion", source="10.0.9.0/26", ports=("22", "3389")),))
)
LOCKDOWN = lockdown_name(PROFILE, "westeurope")
MOST_LOOKS = 40


class Driver:
    """Does with a step what the use case does: keeps its change and token, and looks until it is done."""

    def __init__(self, runner: StepRunner, vm: VmRef, profile: LockdownProfile = PROFILE) -> None:
        self.runner = runner
        self.vm = vm
        self.profile = profile
        self.step = Step(name=runner.name, state=StepState.STARTED)
        self.looks = 0

    async def begin(self) -> Progress:
        return self._keep(await self.runner.begin(self.vm, self.profile, "c0", earlier=self.step.change))

    async def act(self) -> Progress:
        """Begin, and go on at once where the first call only put on record what it is going to do."""
        progress = await self.begin()
        at_once = not progress.done and not progress.look_again_after
        return await self.check() if at_once else progress

    async def check(self) -> Progress:
        self.looks += 1
        return self._keep(await self.runner.check(self.vm, self.profile, self.step))

    async def contain(self) -> Progress:
        progress = await self.begin()
        return progress if progress.done else await self.finish()

    async def finish(self) -> Progress:
        progress = await self.check()
        while not progress.done:
            assert not progress.again, progress.note
            assert self.looks < MOST_LOOKS, progress.note
            await asyncio.sleep(0.01)
            progress = await self.check()
        return progress

    async def undo(self) -> Progress:
        step = self.step.changed(token="")  # an undo is a step of its own
        for _ in range(MOST_LOOKS):
            progress = await self.runner.undo(self.vm, self.profile, step)
            if progress.done:
                return progress
            step = step.changed(token=progress.token, change=progress.change or step.change)
            await asyncio.sleep(0.01)
        raise AssertionError("not undone")

    def _keep(self, progress: Progress) -> Progress:
        self.step = self.step.changed(
            token=progress.token, change=progress.change or self.step.change, note=progress.note
        )
        return progress


def runner(azure: Azure, name: StepName) -> StepRunner:
    return next(one for one in step_runners(azure) if one.name is name)


def machine(arm: AzureServer, name: str) -> Vm:
    return next(vm for vm in arm.estate.vms() if vm.name == name)


def ref(arm: AzureServer, name: str) -> VmRef:
    return VmRef.parse(machine(arm, name).id)


def nics(arm: AzureServer, name: str) -> list[Resource]:
    return [arm.estate.get(nic_id) for nic_id in machine(arm, name).nic_ids()]


def nsg_name(nic: Resource) -> str | None:
    group = nic.properties.get("networkSecurityGroup")
    return group["id"].rpartition("/")[2] if group else None


def sent(arm: AzureServer, method: str, part: str = "") -> list[dict[str, Any]]:
    return [
        entry.data
        for entry in arm.record.since(0, "request")
        if entry.data["method"] == method and part.lower() in entry.data["path"].lower()
    ]


def isolating(arm: AzureServer, azure: Azure, name: str, profile: LockdownProfile = PROFILE) -> Driver:
    return Driver(runner(azure, StepName.ISOLATE), ref(arm, name), profile)


def stopping(arm: AzureServer, azure: Azure, name: str) -> Driver:
    return Driver(runner(azure, StepName.STOP), ref(arm, name))


def backing_up(arm: AzureServer, azure: Azure, name: str) -> Driver:
    return Driver(runner(azure, StepName.BACKUP), ref(arm, name))


def defending(arm: AzureServer, azure: Azure, name: str) -> Driver:
    return Driver(runner(azure, StepName.DEFENDER), ref(arm, name))


def closing_ports(arm: AzureServer, azure: Azure, name: str) -> Driver:
    return Driver(runner(azure, StepName.JIT), ref(arm, name))


def snapshotting(arm: AzureServer, azure: Azure, name: str, profile: LockdownProfile = PROFILE) -> Driver:
    return Driver(runner(azure, StepName.SNAPSHOT), ref(arm, name), profile)


def encrypting(arm: AzureServer, azure: Azure, name: str, profile: LockdownProfile = PROFILE) -> Driver:
    return Driver(runner(azure, StepName.ENCRYPT), ref(arm, name), profile)


def locking(arm: AzureServer, azure: Azure, name: str) -> Driver:
    return Driver(runner(azure, StepName.LOCK), ref(arm, name))


def lock(arm: AzureServer, scope: str, name: str = "freeze", *, level: str = "ReadOnly") -> None:
    lock_id = f"{scope}/providers/Microsoft.Authorization/locks/{name}"
    arm.estate.add(Resource(id=lock_id, kind=LOCK, properties={"level": level}))
