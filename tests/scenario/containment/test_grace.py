"""A rejection in a time of grace: isolated at once, and let go again by whoever pressed wrongly."""

import asyncio
import json

import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import Scene

REGRET = "containment.regret"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def graceful(own: Start, tmp_path_factory: object) -> Scene:
    policy = tmp_path_factory.mktemp("grace") / "policy.yaml"  # type: ignore[attr-defined]
    policy.write_text(json.dumps(POLICY | {"grace": "60s"}), encoding="utf-8")
    return await own(System(policy=policy, speed=0, extra=QUICK))


async def test_whoever_rejected_by_mistake_takes_it_back_and_the_vm_runs_on_with_its_network(
    graceful: Scene,
) -> None:
    scene, asked = graceful, await graceful.ask()
    before = await scene.vm_now(asked.start.vm_id)
    await scene.reject("olivia", asked.dm, "I thought it was another one")
    button = await scene.slack.wait_for(
        "the button to take it back",
        lambda e: e["kind"] == "posted" and e.get("thread_ts") == asked.dm.ts and REGRET in str(e["blocks"]),
        since=asked.start.seq,
    )
    await scene.until_shown(asked.dm, "the isolation", "Isolate done")
    assert (await scene.vm_now(asked.start.vm_id))["power"] == "running"

    press = {"channel": asked.dm.channel, "ts": button["ts"], "action_id": REGRET}
    await scene.slack.post("/_act/click", user="olivia", **press)
    await scene.until_shown(asked.dm, "that it is let go", "Restored")

    after = await scene.vm_now(asked.start.vm_id)
    assert (after["power"], after["nics"]) == (before["power"], before["nics"])
    paths = [entry["path"].lower() for entry in await scene.changes(asked.start.vm_id)]
    assert not [path for path in paths if path.endswith("/deallocate")]
    regretted, ordered = await asyncio.gather(
        scene.audit("rejection.regretted", vm_id=asked.start.vm_id),
        scene.audit("restore.ordered", vm_id=asked.start.vm_id),
    )
    assert (len(regretted), len(ordered)) == (1, 1)
    assert "olivia" in regretted[0]["by"]
