"""Azure throttles, fails, and is slow: the ask comes within its budget, and Azure's wishes are respected."""

from tests.scenario.scene import Entry, Scene, texts

SLOW_S = 20
"""So slow that only who waits for it comes late, whatever else the machine does."""


async def _requests(scene: Scene, vm_id: str, tail: str, since: int) -> list[Entry]:
    return [e for e in await scene.requests(vm_id, since) if e["path"].lower().endswith(tail.lower())]


async def test_a_throttled_read_waits_as_long_as_azure_asked(scene: Scene) -> None:
    vm = await scene.new_vm()
    since = await scene.azure.last_seq()
    fault = {"path": f"virtualMachines/{vm['name']}", "status": 429, "retry_after_s": 3, "times": 1}
    await scene.azure.put("/_faults", [fault])
    start = await scene.press_start(vm)
    await scene.copies(start, 2)
    reads = await _requests(scene, vm["id"], vm["name"], since)
    assert [e["status"] for e in reads[:2]] == [429, 200]
    assert reads[1]["at_ms"] - reads[0]["at_ms"] > 2900
    asked = [e for e in await scene.requests(vm["id"], since) if e["at_ms"] < reads[0]["at_ms"] + 2900]
    assert asked == [reads[0]], "nothing about this VM is asked before the time has passed"
    await scene.audited("approval.opened", vm["id"])


async def test_a_throttled_subscription_holds_up_no_start_in_another(scene: Scene) -> None:
    throttled, other = await scene.new_vm(), await scene.new_vm(subscription=1)
    fault = {"path": f"virtualMachines/{throttled['name']}", "status": 429, "retry_after_s": 12, "times": 1}
    await scene.azure.put("/_faults", [fault])
    since = await scene.azure.last_seq()
    late = await scene.press_start(throttled)
    await scene.wait_for_change(throttled["id"], throttled["name"], since)
    soon = await scene.press_start(other)

    asked = (await scene.copies(soon, 2))[0]

    put_off = (await scene.copies(late, 2))[0]
    assert put_off.at_ms - asked.at_ms > 3000, "the other was asked about long before"
    assert "Unknown:" not in await scene.shown(put_off), "with its facts"
    state = await scene.bus.get("/_state")
    assert all(message["delivery_count"] == 0 for message in state["starts"]["messages"])


async def test_a_throttled_deallocate_waits_as_long_as_azure_asked(scene: Scene) -> None:
    asked = await scene.ask()
    fault = {"path": f"{asked.vm}/deallocate", "status": 429, "retry_after_s": 4, "times": 1}
    await scene.azure.put("/_faults", [fault])
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    stops = await _requests(scene, asked.start.vm_id, "/deallocate", asked.azure_seq)
    assert [e["status"] for e in stops] == [429, 202]
    assert stops[1]["at_ms"] - stops[0]["at_ms"] > 3900


async def test_server_errors_are_tried_again_and_the_event_is_not_lost(scene: Scene) -> None:
    vm = await scene.new_vm()
    fault = {"path": f"virtualMachines/{vm['name']}", "status": 500, "times": 2}
    await scene.azure.put("/_faults", [fault])
    start = await scene.press_start(vm)
    copies = await scene.copies(start, 2)
    assert "Unknown" not in await scene.shown(copies[0])
    state = await scene.bus.get("/_state")
    assert vm["name"] not in str(state["starts"]["dead_letters"])


async def test_a_fact_that_fails_is_named_and_holds_nothing_back(scene: Scene) -> None:
    vm = await scene.new_vm()
    await scene.azure.put("/_faults", [{"path": f"networkInterfaces/{vm['name']}", "status": 500}])
    start = await scene.press_start(vm)
    copy = (await scene.copies(start, 2))[0]
    shown = "\n".join(texts((await scene.message(copy))["blocks"]))
    assert "Unknown:" in shown
    assert f"NIC {vm['name']}-nic" in shown


async def test_a_slow_read_beyond_the_budget_is_named_as_missing_and_the_card_comes_in_time(
    scene: Scene,
) -> None:
    vm = await scene.new_vm()
    fault = {"path": f"networkSecurityGroups/{vm['name']}", "delay_ms": SLOW_S * 1000}
    await scene.azure.put("/_faults", [fault])
    start = await scene.press_start(vm)
    enqueued = await scene.bus.wait_for(
        "the event on the queue",
        lambda e: e["kind"] == "enqueued" and e["message_id"] == start.message_id,
        since=start.bus_seq,
    )
    copies = await scene.copies(start, 2)
    took_s = (copies[0].at_ms - enqueued["at_ms"]) / 1000
    assert 1.9 < took_s < SLOW_S / 2, "it was not waited for"
    posted = (await scene.root_posts(vm["name"], start.seq))[0]
    shown = "\n".join(texts(posted["blocks"]))
    assert f"NSG {vm['name']}-nsg (did not come within 2 s)" in shown
    assert "Standard_B2s" in shown, "what came in time is shown"


async def test_errors_while_containing_end_contained_when_azure_is_well_again(scene: Scene) -> None:
    asked = await scene.ask()
    await scene.azure.put(
        "/_faults",
        [
            {"path": f"networkInterfaces/{asked.vm}", "method": "PUT", "drop": "after", "times": 1},
            {"path": f"virtualMachines/{asked.vm}$", "status": 503, "retry_after_s": 1, "times": 1},
        ],
    )
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    vm = await scene.vm_now(asked.start.vm_id)
    assert vm["power"] == "deallocated"
    assert "startgate-lockdown" in vm["nics"][0]["nsg"]
