"""Time to ask: from the start's message on the queue to its card in the owner's Slack."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from deploy.sandbox.bench.records import Entry, Tail
from deploy.sandbox.bench.report import Row, percentile
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.sizes import Sizes

ARM_MS, SLACK_MS, BUS_MS, REDIS_MS = 120.0, 150.0, 10.0, 1.0
MUST_P50, MUST_P95 = 1.3, 2.0
PER_S = 5.0
_VM = re.compile(r"bench-\d{5}")


class Hop(NamedTuple):
    """A round trip that has to wait for the one before it."""

    what: str
    ms: float


FLOOR = (
    Hop("the bus delivers the start", BUS_MS),
    Hop("Redis: seen before? what goes on with this VM?", REDIS_MS),
    Hop("ARM: the VM, which names its NICs", ARM_MS),
    Hop("ARM: the NICs, which name their NSGs", ARM_MS),
    Hop("ARM: the NSGs", ARM_MS),
    Hop("Redis: the approval is written", REDIS_MS),
    Hop("the bus delivers the nudge", BUS_MS),
    Hop("Redis: the approval, its card", REDIS_MS),
    Hop("Redis: the intent to post is written", REDIS_MS),
    Hop("Slack posts the card", SLACK_MS),
)
"""Who the owner is in Slack is known from an earlier card."""


def total_ms(hops: Iterable[Hop]) -> float:
    """How long a chain takes at the least."""
    return sum(hop.ms for hop in hops)


def told(title: str, hops: Sequence[Hop]) -> str:
    """The chain as text."""
    lines = [f"  {hop.ms:6.0f} ms  {hop.what}" for hop in hops]
    return "\n".join((f"{title}: {total_ms(hops):.0f} ms", *lines))


async def slow(rig: Rig) -> None:
    """The latencies of the brief, injected by the stand-ins and the proxy."""
    await rig.delay(arm=ARM_MS, slack=SLACK_MS, bus=BUS_MS, redis_=REDIS_MS)


class Cards:
    """The cards that were posted to owners, by machine."""

    def __init__(self, rig: Rig) -> None:
        self._posted = Tail(rig.slack, "posted", thread_ts=None)
        self.by_vm: dict[str, Entry] = {}
        self.messages = 0

    async def look(self) -> list[tuple[str, Entry]]:
        """Machine and first message of each card in a direct message that is new."""
        entries = await self._posted.new()
        self.messages += len(entries)
        new: list[tuple[str, Entry]] = []
        for entry in entries:
            found = _VM.search(entry["text"]) or _VM.search(json.dumps(entry["blocks"]))
            if found and entry["channel"].startswith("D"):
                self.by_vm.setdefault(found[0], entry)
                new.append((found[0], entry))
        return new

    async def wait_for(self, vms: Sequence[str], *, within_s: float = 60.0) -> None:
        """Return when each machine has a card.

        Raises:
            TimeoutError: naming how many have.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        while missing := [vm for vm in vms if vm not in self.by_vm]:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{len(missing)} of {len(vms)} cards were not posted")
            await self.look()
            await asyncio.sleep(0.1)


async def ask(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Median and 95th percentile of the way to the card."""
    print(told("  floor of the time to ask", FLOOR).replace("\n", "\n  "), flush=True)
    owners = min(sizes.timed, 200)
    warm, timed = rig.crowd.names[:owners], rig.crowd.names[200 : 200 + sizes.timed]
    await rig.shared(via_proxy=True)
    await rig.forget_questions()
    cards, enqueued = Cards(rig), Tail(rig.bus, "enqueued", queue="starts")
    await cards.look()
    cards.by_vm.clear()
    await rig.send(rig.crowd.told(rig.crowd.starts(warm)))
    await cards.wait_for(warm)
    await asyncio.sleep(1)
    await enqueued.new()
    await slow(rig)
    vm_of: dict[str, str] = {}
    for start, message in zip(starts := rig.crowd.starts(timed), rig.crowd.told(starts), strict=True):
        vm_of[str(message.message_id)] = start.vm
        sending = asyncio.create_task(rig.send([message]))
        await asyncio.sleep(1 / PER_S)
        await sending
    await cards.wait_for(timed)
    began = {vm_of[e["message_id"]]: e["at_ms"] for e in await enqueued.new()}
    took = [cards.by_vm[vm]["at_ms"] - began[vm] for vm in timed]
    floor = total_ms(FLOOR)
    note = f"{len(took)} first starts, {PER_S:g} a second; owner's copy; floor: {len(FLOOR)} round trips"
    for name, share, must, said in (("p50", 0.5, MUST_P50, note), ("p95", 0.95, MUST_P95, "")):
        yield Row(name=f"time to ask, {name}", measured=percentile(took, share), against=floor, unit="ms",
                  must=must, timed=True, note=said)  # fmt: skip
