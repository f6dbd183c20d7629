"""A team without Event Grid: `startgate alerts apply` alone, and starts are asked about."""

import time
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from deploy.sandbox.system import ARM_TOKEN
from tests.scenario.scene import Scene


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def rules(shared: Scene) -> AsyncIterator[None]:
    """Alert rules in the subscription of all new VMs, and a Logic App that puts alerts onto the queue."""
    workflow = (await shared.azure.post("/_logic_app"))["id"]
    subscription = workflow.split("/")[2]
    await shared.startgate("alerts", "apply", subscription, "--logic-app", workflow)
    yield
    await shared.startgate("alerts", "remove", subscription)


async def take_off(scene: Scene, nic_id: str, who: str) -> None:
    """Somebody writes a NIC without its security group, through ARM."""
    url = f"{scene.azure.url}{nic_id}?api-version=2026-03-01"
    headers = {"Authorization": f"Bearer {ARM_TOKEN}~{who}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(url) as answer:
            nic = await answer.json()
        del nic["properties"]["networkSecurityGroup"]
        async with http.put(url, json=nic) as answer:
            assert answer.status == 200, await answer.text()


async def test_a_start_told_by_an_alert_rule_alone_is_asked_about(scene: Scene) -> None:
    vm = await scene.new_vm(prefix="alerted")
    start = await scene.press_start(vm, "intruder", schema="none")
    dm = next(copy for copy in await scene.copies(start, 2) if copy.channel.startswith("D"))
    shown = await scene.shown(dm)
    for word in ("Mallory Guest", "192.0.2.66", "Azure PowerShell"):
        assert word in shown
    (record,) = await scene.audited("approval.opened", vm["id"])
    assert record["details"]["shape"] == "alert"
    await scene.quiet()
    assert len(await scene.root_posts(vm["name"], start.seq)) == 2


async def test_a_lockdown_group_taken_off_is_put_back_at_once(scene: Scene) -> None:
    asked = await scene.ask(prefix="taken-off")
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    vm = await scene.vm_now(asked.start.vm_id)
    (nic,) = vm["nics"]
    seq, begun = await scene.azure.last_seq(), time.monotonic()
    await take_off(scene, nic["id"], "intruder")
    await scene.azure.wait_for(
        "the group to be put back",
        lambda e: (
            e["kind"] == "request"
            and e["method"] == "PUT"
            and e["path"].lower() == nic["id"].lower()
            and e["principal"] == "startgate"
        ),
        since=seq,
    )
    (record,) = await scene.audited("containment.drifted", vm["id"])
    assert "isolate" in record["details"]["found"]
    assert time.monotonic() - begun < 60, "the regular look comes every five minutes"


async def test_a_contained_vm_that_is_started_is_stopped_again_by_the_rule_for_all_starts(
    scene: Scene,
) -> None:
    asked = await scene.ask(prefix="again")
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    vm = await scene.vm_now(asked.start.vm_id)
    seq = await scene.azure.last_seq()
    await scene.press_start(vm, "intruder", schema="none")
    await scene.wait_for_change(vm["id"], "/deallocate", seq)
    kinds = [record["kind"] for record in await scene.audit(vm_id=vm["id"])]
    assert "containment.again" in kinds, kinds
