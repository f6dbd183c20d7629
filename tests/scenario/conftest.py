"""One running system that scenario tests share, and more for tests that need one of their own.

Everything is a separate process on loopback: the stand-ins, a real Valkey, and the product's two processes as
in production.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.scene import Asked, Scene, leaks

HERE = Path(__file__).parent
LOG_LINES = 40
LAST = ["test_tried_again.py", "test_secrets.py"]

FACTS_S = 6
"""How long a start's facts may take: without them its risk is another, and two seconds are soon over here."""

QUICK = {
    "STARTGATE_INVENTORY_EVERY_S": "1",
    "STARTGATE_RESYNC_EVERY_S": "2",
    "STARTGATE_FACTS_BUDGET_S": str(FACTS_S),
}
"""What takes minutes in production and would only be waited for here; and more time for facts."""

POLICY: dict[str, Any] = {
    "owner": {"tags": ["owner", "contact"], "fallback": "#vm-approvals"},
    "oncall": {"usergroup": "S0ONCALL01", "channel": "#vm-oncall"},
    "defaults": {"remind_after": "10m", "escalate_after": "20m", "expire_after": "60m"},
    "cap": {"containments_per_hour": 1000},
    "bursts": {"together": False},
    "risk": {"weights": {"many-vms": 0, "caller-rejected": 0}},
    "lockdowns": {"standard": {"steps": ["isolate", "stop"]}},
}
"""Without the backup, whose stages take four seconds even where Azure takes none.

A card for each start, and no signal of what a caller has started lately: tests that run one after the other
would share cards, and raise each other's risk.
"""

DOOMED, SHAKY = "doomed", "shaky"
"""Azure accepts every stop of a VM called so, and fails it: always, or once."""
_FAILS = {"operation": "deallocate", "message": "Deallocation failed."}
FAILURES = [_FAILS | {"target": f"/{DOOMED}-"}]

_running: list[System] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Scenario tests share one event loop with their systems; what looks back at all of them comes last."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    items.sort(key=lambda item: LAST.index(item.path.name) if item in ours and item.path.name in LAST else -1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows what the bot and the workers said last."""
    report = yield
    if report.failed and HERE in item.path.parents:
        for system in _running:
            for name in ("bot", "workers"):
                process = system.processes.get(name)
                if process is not None and process.log_path.exists():
                    lines = process.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
                    report.sections.append((f"end of the log of {name}", "\n".join(lines[-LOG_LINES:])))
    return report


def write_policy(directory: Path, **defaults: object) -> Path:
    """The policy with other defaults, as a file. JSON is YAML, too."""
    path = directory / "policy.yaml"
    policy = POLICY | {"defaults": POLICY["defaults"] | defaults}
    path.write_text(json.dumps(policy), encoding="utf-8")
    return path


class Systems:
    """Systems, started one by one; all are ended together, and none may have told a secret to its log.

    Slack's rate limits are off in them: a hundred tests post into the same two channels within minutes, where
    a team of people does in a week, and each would wait for the others. ``test_pace`` turns them on.

    Args:
        over_http: whether Slack reaches their bots by HTTP; a system that says so itself has its own way.
    """

    def __init__(self, *, over_http: bool) -> None:
        self._over_http = over_http
        self._systems: list[System] = []

    async def __call__(self, system: System) -> Scene:
        _running.append(system)
        self._systems.append(system)
        system.slack_limits = False
        system.over_http = system.over_http or self._over_http
        await system.__aenter__()
        return Scene(system)

    async def aclose(self) -> None:
        told = [
            (name, secret)
            for system in self._systems
            for name in ("bot", "workers")
            if name in system.processes
            for secret in leaks(system.processes[name].log_path.read_text(encoding="utf-8"))
        ]
        await asyncio.gather(*(system.aclose() for system in self._systems))
        for system in self._systems:
            _running.remove(system)
        assert not told, f"secrets in a log: {told}"


Start = Callable[[System], Awaitable[Scene]]


@pytest.fixture(scope="session")
def doorway(pytestconfig: pytest.Config) -> str:
    """How Slack reaches the bots in this session: ``socket`` or ``http``."""
    return str(pytestconfig.getoption("--slack"))


@pytest.fixture
def over_sockets(doorway: str) -> None:
    """For what only Socket Mode has."""
    if doorway == "http":
        pytest.skip("is about Socket Mode's connections")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own(doorway: str) -> AsyncIterator[Start]:
    """Starts systems for a module's own use."""
    systems = Systems(over_http=doorway == "http")
    yield systems
    await systems.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(doorway: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    systems = Systems(over_http=doorway == "http")
    policy = write_policy(tmp_path_factory.mktemp("shared"))
    scene = await systems(System(policy=policy, speed=0, extra=QUICK))
    await scene.ask()  # the first event of a process opens connections
    await scene.azure.put("/_failures", [*FAILURES, _FAILS | {"target": f"/{SHAKY}-", "times": 1}])
    yield scene
    await systems.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(shared: Scene) -> AsyncIterator[Scene]:
    """The shared system; whatever trouble a test made is over after it."""
    yield shared
    await shared.slack.put("/_faults", [])
    await shared.slack.put("/_limits", {"usergroups_plan": True, "tiers": False})
    await shared.azure.put("/_faults", [])
    await shared.azure.put("/_failures", FAILURES)
    await shared.bus.put("/_faults", {})
    dead = [process for process in shared.system.processes.values() if not process.alive]
    for process in dead:
        await process.start()
    assert not dead, f"ended: {[process.name for process in dead]}"


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def started(shared: Scene) -> dict[str, Asked]:
    """Rejected while other tests run, by name: Azure fails their stops, and the pauses grow."""
    asked = {prefix: await shared.ask(prefix=prefix) for prefix in (DOOMED, SHAKY)}
    for each in asked.values():
        await shared.reject("olivia", each.dm, "not mine")
        # The first stop fails before any test sets other failures.
        await shared.wait_for_change(each.start.vm_id, "/deallocate", each.azure_seq)
    return asked
