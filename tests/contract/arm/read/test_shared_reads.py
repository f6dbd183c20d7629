"""Reads in a burst: singly while few ask, as lists while many do, against the Azure stand-in."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.faults import Fault
from deploy.sandbox.world import NicSeed, VmSeed, World
from workers.arm.read import shared_reads, sources
from workers.arm.read.facts import ArmFacts
from workers.arm.read.shared_reads import AT_ONCE, LIST_FROM, SharedReads
from workers.arm.session import pages
from workers.arm.session.clients import Azure
from workers.arm.session.pages import COMPUTE_VERSION, NETWORK_VERSION
from workers.domain.errors import DependencyAway, NotFound
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import PowerState, VmRef
from workers.runtime.json_text import parsed

GROUP, COUNT = "rg-farm", 120
"""More than the stand-in puts on one page."""
BUDGET_S = PATIENCE_S


def whole(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    return machine


MACHINES = dataclasses.replace(sources.MACHINES, parse=whole)


@pytest.fixture
async def arm() -> AsyncIterator[AzureServer]:
    """In the place of the usual one, so that the usual clients speak with it."""
    world = World.load()
    seeds = [
        VmSeed(
            name=f"farm-{n:03}",
            group=GROUP,
            power="running",
            tags={"owner": f"owner{n}@contoso.example"},
            nics=[NicSeed(open=["22"])],
        )
        for n in range(COUNT)
    ]
    server = AzureServer(world=world.model_copy(update={"vms": [*world.vms, *seeds]}), speed=0)
    await server.start()
    yield server
    await server.stop()


def ids(arm: AzureServer, count: int, first: int = 0) -> list[str]:
    found = sorted(vm.id for vm in arm.estate.vms() if vm.name.startswith("farm-"))
    return found[first : first + count]


def refs(arm: AzureServer, count: int) -> list[VmRef]:
    return [VmRef.parse(one) for one in ids(arm, count)]


def paths(arm: AzureServer) -> list[str]:
    return [str(entry.data["path"]).lower() for entry in arm.record.since(0, "request")]


def singles(arm: AzureServer) -> list[str]:
    return [path for path in paths(arm) if "/virtualmachines/farm-" in path]


def lists(arm: AzureServer, kind: str = "virtualmachines") -> list[str]:
    return [path for path in paths(arm) if path.rstrip("/").endswith(f"/{GROUP}/providers/{_of(kind)}")]


def _of(kind: str) -> str:
    provider = "network" if kind == "networkinterfaces" else "compute"
    return f"microsoft.{provider}/{kind}"


async def test_a_burst_in_one_group_is_read_with_a_handful_of_calls(arm: AzureServer, azure: Azure) -> None:
    reader = ArmFacts(azure)

    facts = await asyncio.gather(*(reader.gather(vm, budget_s=BUDGET_S) for vm in refs(arm, 40)))

    assert all(not one.missing for one in facts)
    assert len(singles(arm)) <= AT_ONCE
    assert 1 <= len(lists(arm)) <= 4
    assert 1 <= len(lists(arm, "networkinterfaces")) <= 6
    backups = [path for path in paths(arm) if path.endswith("/backupstatus")]
    assert len(backups) == 40
    assert len(paths(arm)) - len(backups) <= 30, "with NSGs, subnets and public IPs"


async def test_what_a_list_gives_is_what_single_reads_give(arm: AzureServer, azure: Azure) -> None:
    burst = ArmFacts(azure)

    reads = await asyncio.gather(*(burst.gather(vm, budget_s=BUDGET_S) for vm in refs(arm, 20)))
    alone = [await ArmFacts(azure).gather(vm, budget_s=BUDGET_S) for vm in refs(arm, 20)]

    assert len(lists(arm)) >= 1
    assert [comparable(facts) for facts in reads] == [comparable(facts) for facts in alone]


def comparable(facts: Facts) -> Facts:
    """Without what only a single read tells, and without times."""
    assert facts.machine is not None
    machine = facts.machine.changed(power=PowerState.UNKNOWN)
    assert facts.defender is not None
    defender = facts.defender.changed(read_at=None)
    return facts.changed(machine=machine, defender=defender, took_ms={}, read_at={}, gathered_at=None)


async def test_few_at_once_are_read_singly_and_side_by_side(arm: AzureServer, azure: Azure) -> None:
    # One after the other would take six seconds at the least; a busy machine has the time between.
    arm.faults.put(Fault(path="/virtualMachines/", delay_ms=3000))
    reads, began = SharedReads(azure), asyncio.get_running_loop().time()

    await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, AT_ONCE)))

    assert asyncio.get_running_loop().time() - began < 5.9
    assert len(singles(arm)) == AT_ONCE
    assert not lists(arm)


async def test_the_same_names_in_two_groups_are_not_mixed_up(arm: AzureServer, azure: Azure) -> None:
    others = [vm.id for vm in arm.estate.vms() if "/rg-shop/" in vm.id and "/Microsoft.Compute/" in vm.id]
    wanted = [*ids(arm, 10), *others]
    reads = SharedReads(azure)

    found = await asyncio.gather(*(reads.get(MACHINES, one) for one in wanted))

    assert [one["id"] for one in found] == wanted


async def _listing(reads: SharedReads) -> None:
    """The first list is under way."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(group.listing for group in reads._groups.values()):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)


async def test_a_list_is_begun_after_those_who_get_something_from_it_have_asked(
    arm: AzureServer, azure: Azure
) -> None:
    arm.faults.put(Fault(path=r"/virtualMachines\?", delay_ms=150))
    reads = SharedReads(azure)
    early = [asyncio.create_task(reads.get(MACHINES, one)) for one in ids(arm, 10)]
    await _listing(reads)
    changed = next(vm for vm in arm.estate.vms() if vm.id == ids(arm, 1)[0])
    changed.tags["owner"] = "mallory@contoso.example"

    late = await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, 4)))

    assert late[0]["tags"]["owner"] == "mallory@contoso.example"
    await asyncio.gather(*early)


@pytest.mark.parametrize(("started_s", "more"), [(-60.0, 0), (60.0, 1), (None, 1)])
async def test_a_list_of_a_moment_ago_serves_starts_that_were_before_it(
    arm: AzureServer, azure: Azure, started_s: float | None, more: int
) -> None:
    reads, now = SharedReads(azure), datetime.now(UTC)
    await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, 10)))
    before, (wanted,) = len(paths(arm)), ids(arm, 1, first=12)

    since = None if started_s is None else now + timedelta(seconds=started_s)
    found = await reads.get(MACHINES, wanted, since=since)

    assert found["id"] == wanted
    assert len(paths(arm)) - before == more


@pytest.mark.parametrize(("started_s", "more"), [(-60.0, 0), (60.0, 1), (None, 1)])
async def test_a_list_under_way_serves_starts_that_were_before_it(
    arm: AzureServer, azure: Azure, started_s: float | None, more: int
) -> None:
    arm.faults.put(Fault(path=r"/virtualMachines\?", delay_ms=300))
    reads, now = SharedReads(azure), datetime.now(UTC)
    early = [asyncio.create_task(reads.get(MACHINES, one)) for one in ids(arm, 10)]
    await _listing(reads)

    since = None if started_s is None else now + timedelta(seconds=started_s)
    wanted = ids(arm, AT_ONCE + LIST_FROM, first=12)
    late = await asyncio.gather(*(reads.get(MACHINES, one, since=since) for one in wanted))

    assert [one["id"] for one in late] == wanted
    assert len(lists(arm)) == 1 + more
    await asyncio.gather(*early)
    assert not reads._groups


async def test_facts_of_a_start_are_taken_from_a_list_of_a_moment_ago(
    arm: AzureServer, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_reads, "KEPT_S", 60.0)  # however slow the machine is at the moment
    reader, started = ArmFacts(azure), datetime.now(UTC) - timedelta(seconds=60)
    vms = refs(arm, 12)
    await asyncio.gather(*(reader.gather(vm, budget_s=BUDGET_S, since=started) for vm in vms[:10]))
    before = len(paths(arm))

    facts = await reader.gather(vms[11], budget_s=BUDGET_S, since=started)

    assert not facts.missing
    assert facts.machine is not None
    assert facts.network is not None
    read = paths(arm)[before:]
    assert not [path for path in read if "virtualmachines" in path or "networkinterfaces" in path]
    assert [path for path in read if path.endswith("/backupstatus")]


@pytest.mark.parametrize("count", [1, 12])
async def test_a_nic_that_nobody_understands_costs_its_start_that_fact(
    arm: AzureServer, azure: Azure, count: int
) -> None:
    vms, reader = refs(arm, count), ArmFacts(azure)
    (nic_id,) = next(vm for vm in arm.estate.vms() if vm.id == vms[0].resource_id).nic_ids()
    arm.estate.get(nic_id).properties["ipConfigurations"] = "nonsense"

    odd, *others = await asyncio.gather(*(reader.gather(vm, budget_s=BUDGET_S) for vm in vms))

    missing = {fact.name: fact.reason for fact in odd.missing}
    assert missing[f"NIC {nic_id.rpartition('/')[2]}"] == "Azure's answer was not understood"
    assert odd.machine is not None
    assert odd.network is None
    assert all(not one.missing for one in others)


async def test_a_vm_that_is_gone_is_gone_in_a_burst_too(arm: AzureServer, azure: Azure) -> None:
    vms = refs(arm, 20)
    arm.estate.remove(vms[17].resource_id)
    reader = ArmFacts(azure)

    facts = await asyncio.gather(*(reader.gather(vm, budget_s=BUDGET_S) for vm in vms))

    assert [n for n, one in enumerate(facts) if one.gone] == [17]


async def test_other_pages_are_read_while_they_hold_what_is_wanted(arm: AzureServer, azure: Azure) -> None:
    reads = SharedReads(azure)

    found = await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, COUNT)))

    assert [one["id"] for one in found] == ids(arm, COUNT)
    assert len(singles(arm)) <= AT_ONCE


async def test_pages_that_hold_too_little_are_not_turned(arm: AzureServer, azure: Azure) -> None:
    reads = SharedReads(azure)
    last = ids(arm, AT_ONCE + LIST_FROM, first=COUNT - AT_ONCE - LIST_FROM)

    found = await asyncio.gather(*(reads.get(MACHINES, one) for one in last))

    assert [one["id"] for one in found] == last
    assert len(lists(arm)) == 1
    assert len(singles(arm)) == AT_ONCE + LIST_FROM


@pytest.mark.parametrize("error", [ValueError("no JSON"), RecursionError("too deep")])
async def test_a_list_that_can_not_be_read_gives_way_to_single_reads(
    arm: AzureServer, azure: Azure, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(_: bytes) -> object:
        raise error

    monkeypatch.setattr(pages, "parsed", fails)
    reads = SharedReads(azure)

    found = await asyncio.wait_for(
        asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, 12))), PATIENCE_S
    )

    assert [one["id"] for one in found] == ids(arm, 12)
    assert len(singles(arm)) == 12
    assert lists(arm)


async def test_an_entry_of_a_list_without_an_id_harms_no_other(
    arm: AzureServer, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_an_odd_one(text: bytes) -> Any:
        page = parsed(text)
        assert isinstance(page, dict)
        return page | {"value": [{"name": "nameless"}, *page["value"]]}

    monkeypatch.setattr(pages, "parsed", with_an_odd_one)
    reads = SharedReads(azure)

    found = await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, 12)))

    assert [one["id"] for one in found] == ids(arm, 12)
    assert len(singles(arm)) == AT_ONCE, "the others are told by the list"


async def test_lists_speak_the_api_versions_of_the_sdk(arm: AzureServer, azure: Azure) -> None:
    """They are written by hand; the single reads are the SDK's own calls."""
    reader = ArmFacts(azure)
    await asyncio.gather(*(reader.gather(vm, budget_s=BUDGET_S) for vm in refs(arm, 20)))

    spoken: dict[str, set[str]] = {}
    for entry in arm.record.since(0, "request"):
        provider = str(entry.data["path"]).partition("/providers/")[2].lower().partition("/")[0]
        if provider in ("microsoft.compute", "microsoft.network"):
            spoken.setdefault(provider, set()).add(str(entry.data["query"]["api-version"]))
    assert lists(arm)
    assert lists(arm, "networkinterfaces")
    assert singles(arm)
    assert spoken == {"microsoft.compute": {COMPUTE_VERSION}, "microsoft.network": {NETWORK_VERSION}}


async def test_a_machine_in_a_list_that_is_not_understood_harms_no_other(
    arm: AzureServer, azure: Azure
) -> None:
    *wanted, odd = ids(arm, 12)

    def parse(machine: Mapping[str, Any]) -> Mapping[str, Any]:
        if machine["id"] == odd:
            raise KeyError("properties")
        return machine

    reads, kind = SharedReads(azure), dataclasses.replace(MACHINES, parse=parse)
    found = await asyncio.gather(*(reads.get(kind, one) for one in ids(arm, 12)), return_exceptions=True)

    assert [one["id"] for one in found[:-1] if isinstance(one, dict)] == wanted
    assert isinstance(found[-1], KeyError), "of its own single read"
    assert lists(arm)
    assert len(singles(arm)) <= AT_ONCE + 1, "the others are told by the list"
    assert sum(path.endswith(odd.lower()) for path in singles(arm)) == 1


async def test_a_list_that_is_forbidden_gives_way_to_single_reads(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path=r"/virtualMachines\?", status=403))
    reads = SharedReads(azure)

    found = await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, 12)))

    assert [one["id"] for one in found] == ids(arm, 12)


async def test_a_throttled_list_tells_each_who_waits_how_long(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path=r"/virtualMachines\?", status=429, retry_after_s=27))
    reads = SharedReads(azure)

    found = await asyncio.gather(*(reads.get(MACHINES, one) for one in ids(arm, 12)), return_exceptions=True)

    away = [one for one in found if isinstance(one, DependencyAway)]
    assert len(away) >= 12 - 2 * AT_ONCE
    assert {one.retry_after_s for one in away} == {27}


async def test_who_gives_up_waiting_keeps_nobody_else(arm: AzureServer, azure: Azure) -> None:
    arm.faults.put(Fault(path=r"/virtualMachines\?", delay_ms=200))
    reads = SharedReads(azure)
    tasks = [asyncio.create_task(reads.get(MACHINES, one)) for one in ids(arm, 12)]
    await asyncio.sleep(0.05)

    for task in tasks[::2]:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)

    assert [one["id"] for one in found[1::2] if isinstance(one, dict)] == ids(arm, 12)[1::2]
    assert not reads._groups


async def test_one_vm_that_does_not_exist_is_not_found_and_nothing_is_left_behind(
    arm: AzureServer, azure: Azure
) -> None:
    reads = SharedReads(azure)

    with pytest.raises(NotFound):
        await reads.get(MACHINES, f"{ids(arm, 1)[0]}-not")

    assert not reads._groups


async def test_closing_the_client_ends_those_who_wait(arm: AzureServer) -> None:
    arm.faults.put(Fault(path="/virtualMachines", delay_ms=5000))
    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        reads = SharedReads(azure)
        tasks = [asyncio.create_task(reads.get(MACHINES, one)) for one in ids(arm, 12)]
        await asyncio.sleep(0.1)

    done, _ = await asyncio.wait(tasks[AT_ONCE:], timeout=4.5)

    assert len(done) == len(tasks) - AT_ONCE
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
