"""Defender for Cloud in the running system: what it has found is on the card, and two steps use it."""

import json

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import NADIA, CardCopy, Entry, Scene

STEPS = {"lockdowns": {"standard": {"steps": ["isolate", "stop", "defender", "jit"]}}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def defended(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    path = tmp_path_factory.mktemp("defender") / "policy.yaml"
    path.write_text(json.dumps(POLICY | STEPS), encoding="utf-8")
    return await own(System(policy=path, speed=0, extra=QUICK))


async def plan(scene: Scene, vm: Entry) -> tuple[str, str]:
    """The tier that holds for a VM, and whether it is inherited."""
    found = await scene.azure.put("/_defender", {"vm": vm["id"]})
    return found["pricingTier"], found["inherited"]


async def lock_down(scene: Scene, vm: Entry) -> CardCopy:
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes odd outbound traffic")
    card = await scene.oncall_card(vm["name"], seq)
    await scene.until_contained(card)
    return card


async def restore(scene: Scene, vm: Entry, card: CardCopy) -> None:
    await scene.command("nadia", f"/vm-restore {vm['name']} a drill", wait_view_ms=3000)
    view = (await scene.slack.get("/_state"))["views"][NADIA][-1]
    assert (await scene.submit("nadia", view["id"]))["closed"]
    await scene.until_shown(card, "Restored", "Restored", "was undone")


def policies(changes: list[Entry]) -> list[str]:
    """How the just-in-time policy of a VM's group was written."""
    return [one["method"] for one in changes if one["path"].endswith("/jitNetworkAccessPolicies/default")]


async def test_an_open_alert_is_on_the_card_of_a_start(defended: Scene) -> None:
    vm = await defended.new_vm("alerted")
    advice = {"name": "Encrypt the disks", "severity": "High", "remedy": "Turn it on."}
    found = {"alerts": [{"name": "Malware <!here>"}], "recommendations": [advice]}
    await defended.azure.put("/_defender", {"vm": vm["id"], **found})

    start = await defended.press_start(vm)

    shown = await defended.shown((await defended.copies(start, 2))[0])
    assert "Alert, high severity:" in shown
    assert "<!here>" not in shown
    assert "Encrypt the disks (high): Turn it on." in shown


async def test_without_a_plan_the_vm_gets_one_and_just_in_time_access_is_left_out(defended: Scene) -> None:
    vm = await defended.new_vm("bare", power="running")
    card = await lock_down(defended, vm)

    assert await plan(defended, vm) == ("Standard", "False")
    thread = "\n".join(await defended.thread(card))
    assert "*Protected by Defender for Servers*" in thread
    assert "Plan 2 is needed for just-in-time access, and this VM has Plan 1." in thread
    assert policies(await defended.changes(vm["id"])) == []

    await restore(defended, vm, card)
    assert await plan(defended, vm) == ("Free", "True")
    assert "*Defender:* off, from the subscription, as before" in "\n".join(await defended.thread(card))


async def test_under_plan_2_an_entry_is_made_and_taken_out_again(defended: Scene) -> None:
    vm = await defended.new_vm("planned", power="running")
    await defended.azure.put("/_defender", {"subscription": vm["subscription"], "plan": "P2"})
    card = await lock_down(defended, vm)

    thread = "\n".join(await defended.thread(card))
    assert "Plan 2, from the subscription already." in thread
    assert "22, 3389, 5985 and 5986 only on request." in thread
    assert policies(await defended.changes(vm["id"])) == ["PUT"]

    await restore(defended, vm, card)
    assert policies(await defended.changes(vm["id"])) == ["PUT", "DELETE"]
    assert await plan(defended, vm) == ("Standard", "True")
