"""Either process dies in the middle of its work, or is asked to stop: it goes on after a restart."""

import time

import pytest

from tests.scenario.conftest import FAILURES
from tests.scenario.scene import APPROVALS, CONFIRM, ONCALL, Asked, Scene

STOP_WITHIN_S = 25


async def test_a_bot_killed_between_two_copies_of_a_card_posts_each_exactly_once(scene: Scene) -> None:
    # The first post goes through, the second is still on its way when the bot dies: did it arrive?
    vm = await scene.new_vm()
    posts = {"path": "/api/chat.postMessage", "body": vm["name"]}
    await scene.slack.put("/_faults", [posts | {"times": 1}, posts | {"delay_ms": 700}])
    start = await scene.press_start(vm)
    await scene.copies(start, 1)
    bot = scene.system.processes["bot"]
    await bot.kill()
    await scene.slack.put("/_faults", [])
    await bot.start()
    copies = await scene.copies(start, 2)
    asked = Asked(start=start, copies=tuple(copies), azure_seq=0)
    await scene.click("olivia", asked.dm, CONFIRM)
    for copy in copies:
        await scene.until_shown(copy, "the answer", "Confirmed by *olivia*")
    assert len(await scene.root_posts(start.vm, start.seq)) == 2
    await scene.audited("approval.opened", start.vm_id)


@pytest.mark.timeout(240)
async def test_workers_killed_in_the_middle_of_a_containment_complete_it_after_a_restart(
    scene: Scene,
) -> None:
    asked = await _under_way(scene)
    workers = scene.system.processes["workers"]
    await workers.kill()
    assert "CONTAINED" not in await scene.headline(asked.dm)
    while_dead = await scene.press_start(await scene.new_vm())
    await workers.start()
    await _stop_ends(scene, asked)
    await scene.until_contained(asked.dm, within_s=60)
    await scene.copies(while_dead, 2)
    await _contained_once(scene, asked)


@pytest.mark.timeout(240)
async def test_workers_asked_to_stop_while_containing_hand_back_and_go_on_after_a_restart(
    scene: Scene,
) -> None:
    asked = await _under_way(scene)
    for name in ("workers", "bot"):
        process = scene.system.processes[name]
        began = time.monotonic()
        await process.stop(within_s=STOP_WITHIN_S)
        assert time.monotonic() - began < STOP_WITHIN_S
        assert '"event": "stopped"' in process.output()
    for name in ("workers", "bot"):
        await scene.system.processes[name].start()
    await _stop_ends(scene, asked)
    await scene.until_contained(asked.dm, within_s=60)
    await _contained_once(scene, asked)


async def _under_way(scene: Scene) -> Asked:
    """A rejected start whose stop Azure has accepted, and this is on record: the thread says so.

    Azure works on it until ``_stop_ends``: what is told waits for its turn in Slack, and a stop that takes a
    second is over before anybody was told of it.
    """
    asked = await scene.ask()
    lasts = {"operation": "deallocate", "target": f"/{asked.vm}$", "ends": "never", "times": 1}
    await scene.azure.put("/_failures", [*FAILURES, lasts])
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.slack.wait_for(
        "the stop under way",
        lambda e: e["kind"] in ("posted", "updated") and "deallocating" in str(e.get("blocks")),
        since=asked.start.seq,
        within_s=75,  # where many cards are edited, a thread's detail waits for up to a minute
    )
    return asked


async def _stop_ends(scene: Scene, asked: Asked) -> None:
    await scene.azure.post("/_operations/end", operation="deallocate", target=asked.vm, ends="Succeeded")


async def _contained_once(scene: Scene, asked: Asked) -> None:
    where = [post["channel"] for post in await scene.root_posts(asked.vm, asked.start.seq)]
    assert sorted(where) == sorted({*where}), "one card in each place"
    assert {APPROVALS, ONCALL} <= {*where}, "on-call hears of a rejection"
    await scene.audited("containment.contained", asked.start.vm_id)
    stops = [e for e in await scene.changes(asked.start.vm_id) if e["path"].endswith("/deallocate")]
    assert len(stops) == 1
    vm = await scene.vm_now(asked.start.vm_id)
    assert vm["power"] == "deallocated"
    assert "startgate-lockdown" in vm["nics"][0]["nsg"]
