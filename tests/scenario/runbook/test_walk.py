"""A platform engineer types what the pages show, one after the other, with the sandbox as the cloud."""

import asyncio
import os
import shlex
import sys

import pytest
import pytest_asyncio

from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.scene import ROOT, Scene
from tests.unit.deploy.commands import Typed, commands

WALKED = tuple(one for one in commands() if one.ours)
MODULES = {"startgate": "workers", "startgate-bot": "bot"}
CALLER = "a0000000-0000-4000-8000-000000000001"
"""Olivia's object id, who starts the VM."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walk(own: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[str, str]]:
    """As after the deployment: somebody was asked, and one message was put aside.

    Beside it, what the pages leave open.
    """
    policy = write_policy(tmp_path_factory.mktemp("walk"))
    scene = await own(System(policy=policy, speed=0, extra=QUICK))
    asked = await scene.ask("olivia")
    await scene.dead_letter(await scene.send("not JSON"))
    return scene, {"NAME": asked.vm, "FILE": str(policy), "OBJECT-ID": CALLER}


@pytest.mark.parametrize("typed", WALKED, ids=lambda typed: typed.text)
async def test_a_command_of_the_pages_does_what_they_say(
    walk: tuple[Scene, dict[str, str]], typed: Typed
) -> None:
    """In the order of the pages: some build on those before."""
    scene, places = walk
    program, *arguments = [places.get(word, word) for word in shlex.split(typed.text)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULES[program], *arguments),
        env=scene.system.environment() | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        cwd=typed.page.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    if " replay " in typed.text:
        await scene.quiet()
