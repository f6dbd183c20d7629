"""One running system with its page for each module, and windows of a real browser onto it."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.page import Page as SandboxPage
from deploy.sandbox.system import POLICY, System
from tests.browser.person import Person

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
WAIT_MS = PATIENCE_S * 1000
QUICK = {
    "STARTGATE_RESYNC_EVERY_S": "2",
    "STARTGATE_INVENTORY_EVERY_S": "2",
    "STARTGATE_FACTS_BUDGET_S": "20",
}
"""What takes minutes in production and would only be waited for here; and time for the facts of many."""
LOG_LINES = 30
PACE = 0.02
"""Azure's operations are over before a person would look away, and can still be seen to run."""

COLOURS = 128
"""In a picture of the documentation: enough for a page, and a third of the size."""

Scheme = Literal["light", "dark"]
Screenshot = Callable[[Page, str], Awaitable[None]]

_running: list[System] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module's tests share one event loop with its system and its browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows what the bot and the workers said last."""
    report = yield
    if report.failed and HERE in item.path.parents:
        for system in _running:
            for name in ("bot", "workers"):
                lines = (
                    system.processes[name].log_path.read_text(encoding="utf-8", errors="replace").splitlines()
                )
                report.sections.append((f"end of the log of {name}", "\n".join(lines[-LOG_LINES:])))
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; without one there is nothing to test, which in CI is a failure."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("no Chromium: `apt-get install chromium`, or set CHROMIUM to its path")
    return str(found)


@dataclass(kw_only=True)
class Sandbox:
    """A running system and its page."""

    system: System
    page: SandboxPage


@pytest.fixture(scope="module")
def together() -> bool:
    """Whether starts share a card. Where tests run one after the other, each start has a card of its own."""
    return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(
    chromium: str,
    together: bool,  # noqa: FBT001 - a fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Sandbox]:
    del chromium  # asked for first, so that nothing is started in vain
    policy = tmp_path_factory.mktemp("browser") / "policy.yaml"
    bursts = f"bursts: {{together: {str(together).lower()}}}"
    policy.write_text(f"{POLICY.read_text(encoding='utf-8')}\n{bursts}\n", encoding="utf-8")
    async with System(policy=policy, speed=PACE, extra=QUICK) as system:
        page = SandboxPage(system)
        await page.start()
        _running.append(system)
        try:
            yield Sandbox(system=system, page=page)
        finally:
            _running.remove(system)
            await page.stop()


@dataclass(kw_only=True)
class Windows:
    """Opens windows, each with storage of its own, and remembers what went wrong in them."""

    opener: Callable[..., Awaitable[BrowserContext]]
    url: str
    problems: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def __call__(
        self,
        person: str = "olivia",
        *,
        width: int = 1280,
        height: int = 860,
        scheme: Scheme = "light",
        touch: bool = False,
    ) -> Person:
        context = await self.opener(
            viewport={"width": width, "height": height},
            has_touch=touch,
            is_mobile=touch,
            color_scheme=scheme,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"error in the page: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        await page.goto(f"{self.url}/?as={person}")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        return Person(page)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.problems.append(f"a request left the page's own server: {request.url}")

    async def aclose(self) -> None:
        for context in self.contexts:
            await context.close()
        self.contexts.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_context(chromium: str) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    async with AsyncExitStack() as stack:
        profile = tempfile.TemporaryDirectory(prefix="startgate-browser-", ignore_cleanup_errors=True)
        stack.callback(profile.cleanup)
        playwright = await stack.enter_async_context(async_playwright())
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": profile.name}
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS, env=environment)
        stack.push_async_callback(browser.close)
        yield browser.new_context


@pytest_asyncio.fixture(loop_scope="module")
async def windows(
    sandbox: Sandbox, open_context: Callable[..., Awaitable[BrowserContext]]
) -> AsyncIterator[Windows]:
    """Opens windows. At the end none may have complained, nor asked anything of another server."""
    expect.set_options(timeout=WAIT_MS)
    opened = Windows(opener=open_context, url=sandbox.page.url)
    yield opened
    await opened.aclose()
    assert opened.problems == []


@pytest.fixture
def screenshot() -> Screenshot:
    """Takes the pictures of the documentation, when asked to by SCREENSHOTS=1."""

    async def take(page: Page, name: str) -> None:
        if os.environ.get("SCREENSHOTS") == "1":
            path = HERE.parents[1] / "docs" / "screenshots" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=path, animations="disabled", caret="hide")
            with Image.open(path) as picture:
                picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)

    return take
