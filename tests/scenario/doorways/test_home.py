"""App Home on the running system: it is published when opened, acts, and follows what happens."""

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import NADIA, OLIVIA, Scene, eventually

WAIT_MS = 30_000
"""For Home to be published; it goes on as soon as it is."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(own: Start, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A system of its own: Home shows the most urgent alone of what other tests left open."""
    return await own(System(policy=write_policy(tmp_path_factory.mktemp("home")), speed=0, extra=QUICK))


async def test_home_shows_what_waits_and_follows_the_answer_given_in_it(home: Scene) -> None:
    asked = await home.ask("colin")
    opened = await home.slack.post("/_act/home", user="olivia", wait_view_ms=WAIT_MS)
    view = opened["view"]
    assert asked.vm in str(view["blocks"])
    buttons = [one for block in view["blocks"] if block["type"] == "actions" for one in block["elements"]]
    confirm = next(one for one in buttons if one["accessibility_label"].endswith(f"start of {asked.vm}"))
    await home.slack.post(
        "/_act/view-action",
        user="olivia",
        view_id=view["id"],
        action_id=confirm["action_id"],
        value=confirm["value"],
        confirmed=True,
    )
    await home.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")

    async def gone() -> bool:
        shown = (await home.slack.get("/_state"))["homes"][OLIVIA]
        return f"start of {asked.vm}" not in str(shown["blocks"])

    await eventually("Home to show that it is answered", gone)


async def test_on_call_sees_the_rest(home: Scene) -> None:
    asked = await home.ask("colin")
    opened = await home.slack.post("/_act/home", user="nadia", wait_view_ms=WAIT_MS)
    text = str(opened["view"]["blocks"])
    for words in (asked.vm, "On call", "Open questions", "Startgate is well", "/vm-lockdown"):
        assert words in text
    sams = await home.slack.post("/_act/home", user="sam", wait_view_ms=WAIT_MS)
    assert asked.vm not in str(sams["view"]["blocks"])
    assert (await home.slack.get("/_state", user=NADIA))["app"]["has_home"]
