"""Slack is away, and people act at the command line with their own accounts."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.sandbox.entra.az import install
from deploy.sandbox.entra.server import AUDIENCE, EntraServer
from deploy.sandbox.pager.server import ROUTING_KEY, PagerServer
from deploy.sandbox.stage import eventually
from deploy.sandbox.system import System
from tests.scenario.conftest import POLICY, QUICK, Start
from tests.scenario.scene import ROOT, Scene

NADIA_OID = "a0000000-0000-4000-8000-000000000003"
AWAY = [{"path": "/api/", "drop": "before"}]


class Desk:
    """People at the command line beside a running system."""

    def __init__(self, scene: Scene, entra: EntraServer, pager: PagerServer, directory: Path) -> None:
        self.scene, self.pager = scene, pager
        self._entra, self._directory = entra, directory
        install(directory)

    async def type(self, who: str, *words: str) -> tuple[int | None, str]:
        """Somebody types a command; its exit code and what it says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", *words),
            env=self.scene.system.environment()
            | {
                "PATH": f"{self._directory}:{os.environ['PATH']}",
                "SANDBOX_AZ_WHO": who,
                "SANDBOX_ENTRA": self._entra.url,
                "STARTGATE_ENTRA_URL": self._entra.url,
                "STARTGATE_OPERATOR_TENANT": self._entra.world.tenant,
                "STARTGATE_OPERATOR_AUDIENCE": f"api://{AUDIENCE}",
            },
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode, out.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(own: Start, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("desk")
    path = directory / "policy.yaml"
    oncall = POLICY["oncall"] | {"entra": [NADIA_OID], "page": ["contained"]}
    path.write_text(json.dumps(POLICY | {"oncall": oncall}), encoding="utf-8")
    entra, pager = EntraServer(), PagerServer()
    await entra.start()
    await pager.start()
    pages = {
        "STARTGATE_PAGERDUTY_URL": pager.url,
        "STARTGATE_PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
        "STARTGATE_PAGES_EVERY_S": "1",
    }
    yield Desk(await own(System(policy=path, speed=0, extra=QUICK | pages)), entra, pager, directory)
    await pager.stop()
    await entra.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)  # each command starts a process, on a machine that does other things
async def test_a_rejection_at_the_desk_contains_and_the_card_follows_when_slack_is_back(desk: Desk) -> None:
    scene = desk.scene
    asked = await scene.ask()
    await scene.slack.put("/_faults", AWAY)

    code, said = await desk.type("olivia", "approvals", "mine", "--json")
    assert code == 0, said
    (question,) = [one for one in json.loads(said) if one["vm"] == asked.start.vm_id]

    code, said = await desk.type("colin", "decide", question["id"], "reject", "--reason", "x", "--yes")
    assert (code, "Only the VM's owner or on-call can reject" in said) == (3, True)

    code, said = await desk.type(
        "olivia", "decide", question["reference"], "reject", "--reason", "not mine", "--yes"
    )
    assert code == 0, said
    await scene.wait_for_change(asked.start.vm_id, "/deallocate", asked.azure_seq)

    rejected, *_ = await scene.audited("approval.rejected", asked.start.vm_id)
    assert rejected["by"].startswith("olivia@contoso.example (entra:")
    assert rejected["details"]["via"] == "command line"
    await scene.audited("decision.refused", asked.start.vm_id)

    await scene.slack.put("/_faults", [])
    for copy in asked.copies:
        await scene.until_shown(
            copy, "who rejected it", "Olivia Owner", "olivia@contoso.example", "CONTAINED"
        )


@pytest.mark.slow
@pytest.mark.timeout(300)  # as above
async def test_on_call_locks_down_looks_and_restores_at_the_desk(desk: Desk) -> None:
    scene = desk.scene
    vm = await scene.new_vm("away", power="running")
    seq = await scene.slack.last_seq()
    code, said = await desk.type("olivia", "lockdown", vm["id"], "--reason", "odd", "--yes")
    assert code == 3, said
    code, said = await desk.type("nadia", "lockdown", vm["id"], "--dry-run")
    assert (code, "1. Isolate" in said) == (0, True), said
    code, said = await desk.type("nadia", "lockdown", vm["id"], "--reason", "odd", "--yes")
    assert code == 0, said

    card = await scene.oncall_card(vm["name"], seq)
    await scene.until_contained(card)
    await eventually("on-call to be paged", lambda: _called(desk.pager, vm["name"]))
    code, said = await desk.type("nadia", "restore", vm["id"], "--dry-run")
    assert (code, "Isolate" in said) == (0, True), said
    code, said = await desk.type("nadia", "restore", vm["id"], "--reason", "false alarm", "--yes")
    assert code == 0, said
    await scene.until_shown(card, "Restored", "Restored", "was undone")

    await eventually("the call to end", lambda: _ended(desk.pager, vm["name"]))


async def _called(pager: PagerServer, vm: str) -> list[str]:
    """Keys of calls about this VM."""
    events = [entry.data for entry in pager.record.since(0, "event")]
    return [
        one["key"] for one in events if one["payload"] and f"{vm} is contained" in one["payload"]["summary"]
    ]


async def _ended(pager: PagerServer, vm: str) -> bool:
    return not any(key in pager.open for key in await _called(pager, vm))
