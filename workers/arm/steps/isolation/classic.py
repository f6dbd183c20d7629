"""Isolate a classic VM: it has one NSG of its own kind, and we can't make one, only put it on.

Which one is named in the profile, as ``isolate.classic_nsg``; without it the step fails and says so.
"""

from datetime import timedelta

from workers.arm.ids import name_of, same
from workers.arm.read import classic
from workers.arm.read.machine import gone
from workers.arm.session.clients import Azure
from workers.arm.steps import classic_writes
from workers.domain.containment.containment import Progress
from workers.domain.containment.plans import Change
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StepFailed
from workers.domain.starts.vm import VmRef

SOON = timedelta(seconds=2)


def plan(profile: LockdownProfile) -> Change:
    """What the profile names, or that it names nothing."""
    wanted = profile.isolate.classic_nsg
    if wanted is None:
        return Change(
            summary=f"can't isolate a classic VM: the profile {profile.name} names no isolate.classic_nsg"
        )
    return Change(
        summary=f"put the classic NSG {name_of(wanted)} on the VM", details=("read when it begins",)
    )


async def advance(azure: Azure, vm: VmRef, profile: LockdownProfile, earlier: Change | None) -> Progress:
    """Put the NSG on, once what was there is on record; done when it reads back."""
    wanted = profile.isolate.classic_nsg
    if wanted is None:
        raise StepFailed(
            "a classic VM is isolated with a classic NSG that exists already; name its id in the lockdown "
            f"profile {profile.name} as isolate.classic_nsg",
            code="NoClassicNsg",
            final=True,
        )
    try:
        await classic.read_machine(azure, vm)
    except NotFound:
        raise gone(vm) from None
    current = await classic.associated_group(azure, vm)
    begun = earlier is not None and "nsg" in earlier.after
    change = earlier if earlier is not None and begun else _change(current, wanted)
    if same(current, wanted):
        return Progress(done=True, note=f"{name_of(wanted)} read back on the VM", change=change)
    if begun:
        await classic_writes.associate_group(azure, vm, wanted)
    return Progress(
        done=False,
        note=f"the VM still has {name_of(current)}",
        change=change,
        look_again_after=SOON if begun else timedelta(0),
    )


async def undo(azure: Azure, vm: VmRef, change: Change | None) -> Progress:
    """The former NSG again, or none."""
    if change is None or "nsg" not in change.after:
        return Progress(done=True, note="nothing was changed")
    if "nsg" not in change.before:
        raise StepFailed(
            "the VM's former NSG was never recorded; put it back by hand", code="FormerNsgUnknown"
        )
    former, lockdown = change.before["nsg"], change.after["nsg"]
    current = await classic.associated_group(azure, vm)
    if same(current, former):
        return Progress(done=True, note=f"{name_of(former)} read back on the VM")
    if not same(current, lockdown):
        was = f"somebody changed it since, its former NSG is {name_of(former)}"
        return Progress(done=True, note=f"the VM has {name_of(current)} now: {was}; it is left as it is")
    if former is None:
        await classic_writes.dissociate_group(azure, vm, lockdown)
    else:
        await classic_writes.associate_group(azure, vm, former)
    return Progress(done=False, note=f"{name_of(former)} written", look_again_after=SOON)


def _change(current: str | None, wanted: str) -> Change:
    return Change(
        summary=f"put the classic NSG {name_of(wanted)} on the VM",
        details=(f"NSG {name_of(current)} → {name_of(wanted)}",),
        back=() if same(current, wanted) else (f"NSG {name_of(wanted)} → {name_of(current)}",),
        before={} if same(current, wanted) else {"nsg": current},
        after={"nsg": wanted},
    )
