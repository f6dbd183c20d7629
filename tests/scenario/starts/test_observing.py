"""``mode: observe`` in the running system: Slack stays silent, Azure is only read, orders say what to set."""

import json

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import NADIA, Scene

RULES = [{"name": "bait", "when": 'vm.tags["env"] == "bait"', "verdict": "contain"}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observing(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    path = tmp_path_factory.mktemp("observing") / "policy.yaml"
    path.write_text(json.dumps(POLICY | {"mode": "observe", "rules": RULES}), encoding="utf-8")
    return await own(System(policy=path, speed=0, extra=QUICK))


async def test_starts_are_recorded_and_nobody_is_asked_and_nothing_is_written(observing: Scene) -> None:
    scene = observing
    seq = await scene.slack.last_seq()
    vms = [await scene.new_vm(tags={"owner": "olivia@contoso.example", "env": env}) for env in ("bait", "x")]
    for vm in vms:
        start = await scene.press_start(vm, "intruder")
        await scene.done_with(start)
    await scene.command("nadia", f"/vm-lockdown {vms[0]['id']} odd traffic")
    await scene.told(NADIA, "mode is observe", "set mode: enforce", since=seq)
    await scene.quiet()

    for vm, verdict in zip(vms, ("contain", "ask"), strict=True):
        record, *_ = await scene.audited("start.observed", vm["id"])
        assert record["details"]["verdict"] == verdict
        assert not [e for e in await scene.changes(vm["id"]) if not e["path"].endswith("/start")]
        assert not await scene.root_posts(vm["name"], seq)
