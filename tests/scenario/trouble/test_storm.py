"""The bus goes through everything that Service Bus does to those who use it, while many VMs are started."""

import asyncio
import contextlib
import itertools
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from deploy.sandbox.servicebus.faults import TROUBLES
from deploy.sandbox.stage import eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import Start, write_policy
from tests.scenario.scene import Entry, Scene

STORM_S = 40.0
STARTS = 50
_BAD_S, _CALM_S = 0.5, 0.3
_AFTERWARDS_S = 60.0
"""Silent links are found out after some seconds, and what was taken by one comes back when its lock ends."""
QUICK = {"STARTGATE_SERVICEBUS_QUIET_S": "3", "STARTGATE_INVENTORY_EVERY_S": "60"}
"""The resync keeps its half minute: it is no substitute for a look that was not scheduled."""


@pytest.mark.slow
@pytest.mark.quiet
@pytest.mark.timeout(240)
async def test_each_start_in_a_storm_gets_one_card_and_its_scheduled_look(own: Start, tmp_path: Path) -> None:
    scene = await own(System(policy=write_policy(tmp_path), speed=0, extra=QUICK))
    await scene.ask()
    vms = [await scene.new_vm("storm") for _ in range(STARTS)]
    seq = await scene.slack.last_seq()
    raging = asyncio.create_task(_storm(scene))
    await asyncio.gather(*(_press(scene, vm, STORM_S * n / STARTS) for n, vm in enumerate(vms)))
    await raging

    async def all_there() -> bool:
        return len(await _copies(scene, vms, seq)) >= 2 * STARTS and await _looked_for(scene) >= STARTS + 1

    with contextlib.suppress(TimeoutError, AssertionError):
        await eventually("every card and every look", all_there, within_s=_AFTERWARDS_S)
    await scene.quiet()
    where = Counter((vm, channel.startswith("D")) for vm, channel in await _copies(scene, vms, seq))
    assert where == Counter(itertools.product([vm["name"] for vm in vms], (True, False)))
    assert await _looked_for(scene) == STARTS + 1


async def _storm(scene: Scene) -> None:
    """Trouble after trouble: every kind comes once before any comes again."""
    chance, ends = random.Random(40), asyncio.get_running_loop().time() + STORM_S
    while True:
        for kind in chance.sample(sorted(TROUBLES), len(TROUBLES)):
            await scene.bus.put("/_faults", TROUBLES[kind])
            await asyncio.sleep(_BAD_S)
            await scene.bus.put("/_faults", {})
            if asyncio.get_running_loop().time() > ends:
                return
            await asyncio.sleep(_CALM_S)


async def _press(scene: Scene, vm: Entry, at_s: float) -> None:
    await asyncio.sleep(at_s)
    await scene.press_start(vm)


async def _copies(scene: Scene, vms: list[Entry], since: int) -> list[tuple[str, str]]:
    """The VM's name and the channel of every card that was posted."""
    posted = [e for e in await scene.slack.record(since, "posted") if not e["thread_ts"]]
    return [(vm["name"], e["channel"]) for e in posted for vm in vms if vm["name"] in e["text"]]


async def _looked_for(scene: Scene) -> int:
    """How many questions the bus will have looked at when they are due."""
    messages = (await scene.bus.get("/_state"))["work"]["messages"]
    return len({json.loads(m["body"])["id"] for m in messages if m["state"] == "scheduled"})
