"""Containments: many running at once in one worker process, and no message lock held while Azure works."""

import asyncio
import time
from collections.abc import AsyncIterator

from deploy.sandbox.azure.compute.machines import DEALLOCATE_S
from deploy.sandbox.bench.report import Row
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.sizes import Sizes

HELD_S = 1.0
"""A lock counts as held when the same message is locked in two looks this far apart: to take a nudge, write
and settle it needs milliseconds."""
_WITHIN_S = 90.0
_LOOK_S = 0.25
_FROM = 450


async def held(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Locks held while so many operations run, and whether all ended as contained."""
    names = rig.crowd.names[_FROM : _FROM + sizes.held]
    await rig.shared(via_proxy=True)
    audit = await rig.audit()
    await rig.until_known(names[-1])
    await rig.azure.put("/_speed", {"factor": sizes.operation_s / DEALLOCATE_S})
    began = time.monotonic()
    for at in range(0, len(names), 10):
        await asyncio.gather(*(_lock_down(rig, name) for name in names[at : at + 10]))
    ordered = time.monotonic() - began
    # Before half-time what waits is the worker's own backlog: prefetched messages are locked, too.
    await asyncio.sleep(max(0.0, began + sizes.operation_s / 2 - time.monotonic()))
    most = await _most_held(rig, until=began + sizes.operation_s)
    # What is left of the operations, and their read-back.
    contained = 0
    while contained < len(names) and time.monotonic() - began < sizes.operation_s + _WITHIN_S:
        await asyncio.sleep(_LOOK_S)
        contained = await audit.count("containment.contained", vms=names)
    took = time.monotonic() - began
    await rig.azure.put("/_speed", {"factor": 0})
    note = (
        f"{contained} of {len(names)} ended as contained, after {took:.0f} s; ordering took {ordered:.1f} s"
    )
    yield Row(name="containments, locks held", measured=most, against=len(names), unit="locks", must=0.0,
              note=f"{sizes.operation_s:g} s each, seen in the second half; one worker")  # fmt: skip
    yield Row(name="containments, not contained", measured=len(names) - contained, against=len(names),
              unit="VMs", must=0.0, note=note)  # fmt: skip


async def _lock_down(rig: Rig, vm: str) -> None:
    answer = await rig.slack.post(
        "/_act/command", user="nadia", channel="app", command="/vm-lockdown", text=f"{vm} --yes bench"
    )
    if not answer.get("ok"):
        raise RuntimeError(f"/vm-lockdown {vm}: {answer}")


async def _most_held(rig: Rig, *, until: float) -> int:
    most, before = 0, set[int]()
    while time.monotonic() < until:
        state = await rig.bus.get("/_state")
        now = {
            message["sequence_number"]
            for message in state["work"]["messages"]
            if message["state"] == "locked"
        }
        most = max(most, len(now & before))
        before = now
        await asyncio.sleep(HELD_S)
    return most
