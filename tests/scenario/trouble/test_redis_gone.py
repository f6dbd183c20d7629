"""Redis is gone with all that was in it, and the operator comes back by the page's section of that name."""

import json
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.sandbox.blob.server import KEY, BlobServer
from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import CONFIRM, Scene


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def blobs() -> AsyncIterator[BlobServer]:
    server = BlobServer()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(own: Start, blobs: BlobServer, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    settings = {
        "STARTGATE_ARCHIVE_URL": blobs.container_url,
        "STARTGATE_ARCHIVE_KEY": KEY,
        "STARTGATE_ARCHIVE_EVERY_S": "1",
        "STARTGATE_MISSED_STARTS_EVERY_S": "1",
        "STARTGATE_MISSED_STARTS_AFTER_S": "0",
    }
    policy = write_policy(tmp_path_factory.mktemp("gone"))
    return await own(System(policy=policy, speed=0, extra=QUICK | settings))


@pytest.mark.slow
@pytest.mark.timeout(300)  # nine commands and a restart of everything, on a machine that does other things
async def test_redis_is_gone_and_everything_comes_back_by_the_runbook(scene: Scene) -> None:
    vm = await scene.new_vm("held", power="running")
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes odd traffic")
    await scene.until_contained(await scene.oncall_card(vm["name"], seq))
    asked = await scene.ask(prefix="lost")
    assert "records copied" in await scene.startgate("archive", "export")

    valkey, workers, bot = (scene.system.processes[name] for name in ("valkey", "workers", "bot"))
    await workers.stop()
    await bot.stop()
    await valkey.kill()
    assert scene.system.directory is not None
    shutil.rmtree(scene.system.directory / "valkey" / "appendonlydir")
    while_away = await scene.press_start(await scene.new_vm("away"))

    # An empty Redis. What stands contained, the archive tells, and what was before.
    await valkey.start()
    assert (await scene.startgate("status", vm["id"])).startswith(f"{vm['name']}: not contained")
    assert "fine" in await scene.startgate("archive", "verify")
    (held,) = json.loads(await scene.startgate("archive", "contained", "--json"))
    assert (held["vm"], held["state"]) == (vm["id"].lower(), "contained")
    (line,) = held["to_bring_back"]["isolate"]
    assert "startgate-lockdown" in line
    assert "lockdown.ordered" in await scene.startgate("archive", "show", vm["name"])

    # Start again: what waited in Service Bus is asked, and what the Activity Log still has.
    await workers.start()
    await bot.start()
    await scene.copies(while_away, 2)
    again = (await scene.copies(asked.start, 4))[2:]
    await scene.click("olivia", next(copy for copy in again if copy.channel.startswith("D")), CONFIRM)
    for copy in again:
        await scene.until_shown(copy, "the answer", "Confirmed by *olivia*")

    # Order again what is to stay contained: Azure is as it was, and it is re-read from now on.
    before = await scene.azure.last_seq()
    seq = await scene.slack.last_seq()
    await scene.command("nadia", f"/vm-lockdown {vm['id']} --yes again, Redis was lost")
    await scene.until_contained(await scene.oncall_card(vm["name"], seq))
    assert [one for one in await scene.changes(vm["id"], before) if one["path"].endswith("/deallocate")] == []

    # The archive goes on behind what it had, and says where a new chain begins.
    await scene.startgate("archive", "export")
    told = await scene.startgate("archive", "verify")
    assert "a new chain begins" in told
    assert "fine" in told
