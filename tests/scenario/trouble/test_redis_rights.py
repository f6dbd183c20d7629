"""Bot and workers as two users of Redis, each with its own rights: all works, and nothing is refused."""

from pathlib import Path

import pytest_asyncio
import redis.asyncio as redis

from deploy.sandbox.system import System
from tests.scenario.conftest import QUICK, Start, write_policy
from tests.scenario.containment.test_restore import contained, dialog, restored
from tests.scenario.scene import CONFIRM, Scene
from workers.store.users.access import Who, rules

RIGHTS = {str(who): rules(who) for who in Who}


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(own: Start, tmp_path: Path) -> Scene:
    return await own(System(policy=write_policy(tmp_path), speed=0, extra=QUICK, redis_rights=RIGHTS))


async def refused(scene: Scene) -> list[str]:
    """Every command that Redis has refused to a user of its own, or a sign-in."""
    async with redis.Redis.from_url(scene.system.redis_url, decode_responses=True) as admin:
        return [f"{one['username']}: {one['object']}" for one in await admin.acl_log()]


async def test_starts_answers_containments_and_restores_need_no_other_right(guarded: Scene) -> None:
    asked = await guarded.ask()
    await guarded.click("olivia", asked.dm, CONFIRM)
    await guarded.until_shown(asked.dm, "her answer", "Confirmed by *olivia*")
    asked = await guarded.ask()
    await guarded.reject("olivia", asked.dm, "not mine")
    await guarded.until_contained(asked.channel)
    held = await contained(guarded)
    view = await dialog(guarded, held, "it was the other machine")
    assert (await guarded.submit("nadia", view["id"]))["closed"]
    await restored(guarded, held)
    assert await refused(guarded) == []
