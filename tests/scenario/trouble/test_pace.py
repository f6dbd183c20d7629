"""Many starts at once, at Slack's pace: owners are asked at once, the channel follows as fast as it may."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scenario.scene import APPROVALS, Entry, Scene

STARTS = 9
BURST = 3
"""What the stand-in takes in a channel at once."""


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def a_bot_without_a_past(scene: Scene) -> AsyncIterator[None]:
    """Slack's limits are off again after each of these tests, but a bot that met them goes on at their pace.

    For as long as somebody wants to post, which is all the time here: other tests would wait for their cards.
    """
    yield
    await scene.slack.put("/_limits", {"tiers": False})
    bot = scene.system.processes["bot"]
    await bot.stop()
    await bot.start()


async def _owned_by_somebody_new(scene: Scene) -> Entry:
    owner = await scene.newcomer("own")
    return await scene.new_vm(prefix="paced", tags=owner.tags)


async def _burst(scene: Scene) -> tuple[list[str], int]:
    """That many starts at once, each of another owner's VM: the VMs' names, and what Slack knew before."""
    vms = [await _owned_by_somebody_new(scene) for _ in range(STARTS)]
    await scene.slack.put("/_limits", {"tiers": True})
    seq = await scene.slack.last_seq()
    await asyncio.gather(*(scene.press_start(vm) for vm in vms))
    return [vm["name"] for vm in vms], seq


async def _cards(scene: Scene, names: list[str], seq: int, *, count: int, within_s: float) -> list[Entry]:
    """The cards about these VMs, once there are so many, or what there is when the time is over."""
    found: list[Entry] = []
    ends = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < ends:
        posted = await scene.slack.record(seq, "posted")
        found = [e for e in posted if not e["thread_ts"] and any(name in e["text"] for name in names)]
        if len(found) >= count:
            break
        await asyncio.sleep(0.1)
    return found


def _once_each(cards: list[Entry], names: list[str]) -> None:
    """Two copies of each, one in the channel and one elsewhere."""
    where = Counter(
        (name, card["channel"] == APPROVALS) for card in cards for name in names if name in card["text"]
    )
    assert where == Counter(itertools.product(names, (True, False)))


@pytest.mark.quiet
async def test_a_burst_reaches_every_owner_at_once_and_the_channel_at_slacks_pace(scene: Scene) -> None:
    names, seq = await _burst(scene)
    cards = await _cards(scene, names, seq, count=2 * STARTS, within_s=30)
    await scene.quiet()
    cards = await _cards(scene, names, seq, count=2 * STARTS, within_s=0.2)
    _once_each(cards, names)
    began = min(card["at_ms"] for card in cards)
    direct = [card["at_ms"] for card in cards if card["channel"] != APPROVALS]
    slowly = sorted(card["at_ms"] for card in cards if card["channel"] == APPROVALS)[BURST:]
    assert max(direct) < slowly[2], "no owner waits for the channel"
    took_s = (max(card["at_ms"] for card in cards) - began) / 1000
    assert took_s < (STARTS - BURST) * 1.0 + 4, "about one a second"
    calls = Counter((e["method"], e.get("error", "")) for e in await scene.slack.record(seq, "api"))
    assert calls["chat.postMessage", "ratelimited"] <= 4, calls
    assert not calls["conversations.history", ""], "what was refused was not sent, and is not looked for"
    assert not calls["conversations.history", "ratelimited"]
    asked = [r for r in await scene.audit("approval.asked") if any(n in str(r.get("vm")) for n in names)]
    assert len(asked) == STARTS


async def test_a_bot_killed_while_the_channel_waits_loses_nothing_and_posts_nothing_twice(
    scene: Scene,
) -> None:
    names, seq = await _burst(scene)
    first = await _cards(scene, names, seq, count=STARTS + BURST + 1, within_s=15)
    bot = scene.system.processes["bot"]
    await bot.kill()
    assert len(first) < 2 * STARTS, "it was killed in the middle"
    await bot.start()
    await _cards(scene, names, seq, count=2 * STARTS, within_s=60)
    await scene.quiet()
    _once_each(await _cards(scene, names, seq, count=2 * STARTS + 1, within_s=3), names)
