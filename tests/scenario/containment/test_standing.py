"""What says CONTAINED is re-read: what somebody undid behind Startgate's back is done again, and pages."""

import pytest
import pytest_asyncio

from deploy.sandbox.stage import eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import ONCALL, ONCALL_GROUP, Asked, Scene, texts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A system that re-reads what is contained every second."""
    policy = write_policy(tmp_path_factory.mktemp("watched"))
    return await own(System(policy=policy, speed=0, extra=QUICK | {"STARTGATE_STANDING_EVERY_S": "1"}))


async def contained(scene: Scene) -> Asked:
    asked = await scene.ask()
    await scene.reject("olivia", asked.dm, "not mine")
    await scene.until_contained(asked.dm)
    return asked


async def until_again(scene: Scene, asked: Asked) -> None:
    """CONTAINED once more, with its second proof."""

    async def proven() -> bool:
        records = await scene.audit("containment.contained", vm_id=asked.start.vm_id)
        return len(records) == 2

    await eventually("the second proof", proven)
    await scene.until_contained(asked.dm)


async def test_an_nsg_that_was_taken_off_by_hand_is_put_on_again_and_pages(watched: Scene) -> None:
    asked = await contained(watched)
    (nic,) = (await watched.vm_now(asked.start.vm_id))["nics"]
    lockdown, since = nic["nsg"], await watched.slack.last_seq()

    await watched.azure.put("/_nic", {"nic": nic["id"], "nsg": None})

    await until_again(watched, asked)
    assert (await watched.vm_now(asked.start.vm_id))["nics"][0]["nsg"] == lockdown
    copy = await watched.oncall_card(asked.vm, asked.start.seq)
    page = await watched.slack.wait_for(
        "a message that calls on-call",
        lambda e: (
            e["kind"] == "posted"
            and e["thread_ts"] == copy.ts
            and ONCALL_GROUP in str(e["mentions"])
            and "rejected a start" not in str(e["blocks"])
        ),
        since=since,
    )
    assert page["channel"] == ONCALL
    said = "\n".join(texts(page["blocks"]))
    assert "undone outside Startgate" in said
    assert f"NIC {nic['name']} has no NSG" in said
    (record,) = await watched.audited("containment.drifted", asked.start.vm_id)
    assert list(record["details"]["found"]) == ["isolate"]
    await watched.until_in_thread(asked.dm, "undone outside Startgate")


async def test_a_vm_that_runs_again_without_any_event_is_stopped_again(watched: Scene) -> None:
    asked = await contained(watched)
    seq = await watched.azure.last_seq()

    await watched.azure.post("/_vm/power", vm=asked.start.vm_id, power="running")

    await watched.wait_for_change(asked.start.vm_id, "/deallocate", seq)
    await until_again(watched, asked)
    assert (await watched.vm_now(asked.start.vm_id))["power"] == "deallocated"
    (record,) = await watched.audited("containment.drifted", asked.start.vm_id)
    assert record["details"]["found"] == {"stop": "the VM is running"}


async def test_what_holds_is_read_and_never_written(watched: Scene) -> None:
    asked = await contained(watched)
    await watched.quiet()
    seq = await watched.azure.last_seq()

    async def read_twice() -> bool:
        reads = [e for e in await watched.requests(asked.start.vm_id, seq) if e["method"] == "GET"]
        return len([e for e in reads if e["path"].lower() == asked.start.vm_id.lower()]) >= 2

    await eventually("two looks at the VM", read_twice)
    assert not await watched.changes(asked.start.vm_id, seq)
    await watched.audited("containment.drifted", asked.start.vm_id, count=0)
