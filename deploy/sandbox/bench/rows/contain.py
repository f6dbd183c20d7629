"""Time to contain: from the submitted Reject to the first write in Azure, and to every NIC read back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from deploy.sandbox.bench.records import Entry, Tail
from deploy.sandbox.bench.report import Row, percentile
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.rows.ask import ARM_MS, BUS_MS, REDIS_MS, Cards, Hop, slow, told, total_ms
from deploy.sandbox.bench.sizes import Sizes
from deploy.sandbox.stage import WRITES, CardCopy, Stage

MUST = 1.3
_FROM = 400
"""Machines of one resource group, so that they share the lockdown NSG."""
_STAGGER_S = 1.0
_WITHIN_S = 60.0

FIRST_WRITE = (
    Hop("Redis: the approval, what goes on with this VM", REDIS_MS),
    Hop("Redis: the rejection and its containment are written", REDIS_MS),
    Hop("the bus delivers the nudge", BUS_MS),
    Hop("Redis: the containment", REDIS_MS),
    Hop("Redis: the rejection it rests on", REDIS_MS),
    Hop("Redis: the intent is written", REDIS_MS),
    Hop("ARM: the VM as it was", ARM_MS),
)
ISOLATED = (
    *FIRST_WRITE,
    Hop("ARM: its NICs as they were, and the lockdown NSG", ARM_MS),
    Hop("Redis: what was is written", REDIS_MS),
    Hop("ARM: the NICs get the lockdown NSG", ARM_MS),
    Hop("ARM: the NICs are read back", ARM_MS),
)
"""With the lockdown NSG there already, as from the second containment in a resource group on."""


class Timed(NamedTuple):
    """Milliseconds since the submit was delivered to the bot."""

    first_write: float
    isolated: float


async def contain(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Both times, as medians."""
    print(told("  floor of the first ARM write", FIRST_WRITE).replace("\n", "\n  "), flush=True)
    print(told("  floor of the isolation", ISOLATED).replace("\n", "\n  "), flush=True)
    names = rig.crowd.names[_FROM : _FROM + sizes.contained + 1]
    await rig.shared(via_proxy=True)
    await rig.forget_questions()
    cards = Cards(rig)
    await cards.look()
    cards.by_vm.clear()
    await rig.send(rig.crowd.told(rig.crowd.starts(names)))
    await cards.wait_for(names)
    rejecter = _Rejecter(rig)
    await rejecter.forget()
    await rejecter.reject(names[0], cards.by_vm[names[0]])  # makes the NSG
    await slow(rig)
    await asyncio.gather(
        *(rejecter.reject(vm, cards.by_vm[vm], after_s=n * _STAGGER_S) for n, vm in enumerate(names[1:]))
    )
    timed = [rejecter.timed(vm) for vm in names[1:]]
    for name, values, floor in (
        ("time to contain, first write", [t.first_write for t in timed], total_ms(FIRST_WRITE)),
        ("time to contain, isolated", [t.isolated for t in timed], total_ms(ISOLATED)),
    ):
        note = f"median of {len(values)} rejections, the longest {max(values):,.0f} ms"
        yield Row(name=name, measured=percentile(values, 0.5), against=floor, unit="ms", must=MUST,
                  timed=True, note=note)  # fmt: skip


class _Rejecter:
    """Rejects as owners do, and reads from the records what came of it."""

    def __init__(self, rig: Rig) -> None:
        self._stage = Stage(rig.system)
        self._requests, self._delivered = Tail(rig.azure, "request"), Tail(rig.slack, "delivered")
        self._azure: list[Entry] = []
        self._slack: list[Entry] = []
        self._views: dict[str, str] = {}
        self._looking = asyncio.Lock()

    async def forget(self) -> None:
        await self._look()
        self._azure.clear()
        self._slack.clear()

    async def reject(self, vm: str, card: Entry, *, after_s: float = 0.0) -> None:
        """Reject, and return when every NIC reads back as isolated."""
        await asyncio.sleep(after_s)
        copy = CardCopy(channel=card["channel"], ts=card["ts"], at_ms=card["at_ms"])
        answer = await self._stage.reject(owner_of(vm), copy, "bench")
        if "view_id" not in answer:
            raise RuntimeError(f"no dialog opened for {vm}: {answer}")
        self._views[vm] = answer["view_id"]
        deadline = asyncio.get_running_loop().time() + _WITHIN_S
        while self._isolated_ms(vm) is None:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{vm} was not isolated within {_WITHIN_S:.0f} s")
            await asyncio.sleep(0.1)
            await self._look()

    def timed(self, vm: str) -> Timed:
        """What the records say of it."""
        submitted = next(e["at_ms"] for e in self._slack if _submits(e, self._views[vm]))
        first = min(_began_ms(e) for e in self._azure if _writes(e, vm))
        isolated = self._isolated_ms(vm)
        if isolated is None:
            raise RuntimeError(f"{vm} is not isolated")
        return Timed(first - submitted, isolated - submitted)

    async def _look(self) -> None:
        async with self._looking:
            self._azure += await self._requests.new()
            self._slack += await self._delivered.new()

    def _isolated_ms(self, vm: str) -> float | None:
        """When the first read after the last write of its one NIC was answered with the written NSG."""
        of_nic = [e for e in self._azure if e["path"].lower().endswith(f"/{vm}-nic")]
        puts = [e for e in of_nic if e["method"] == "PUT"]
        if not puts:
            return None
        wanted = _nsg(puts[-1]["request"])
        reads = (e for e in of_nic if e["method"] == "GET" and _began_ms(e) >= puts[-1]["at_ms"])
        return next((float(e["at_ms"]) for e in reads if _nsg(e["response"]) == wanted), None)


def owner_of(vm: str) -> str:
    """The key of the person who owns a machine of the crowd."""
    return f"owner{int(vm.rpartition('-')[2]) % 200:03}"


def _began_ms(entry: Entry) -> float:
    return float(entry["at_ms"]) - float(entry["duration_ms"])


def _writes(entry: Entry, vm: str) -> bool:
    path = entry["path"].lower()
    return entry["method"] in WRITES and vm in path and not path.endswith("backupstatus")


def _submits(entry: Entry, view_id: str) -> bool:
    payload = entry["envelope"]["payload"]
    return bool(payload.get("type") == "view_submission" and payload["view"]["id"] == view_id)


def _nsg(nic: Any) -> str:
    group = ((nic or {}).get("properties") or {}).get("networkSecurityGroup") or {}
    return str(group.get("id", "")).lower()
