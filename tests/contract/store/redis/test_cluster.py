"""The store, the inventory and the audit on a real cluster of three nodes, also while one of them is dead."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio
from pydantic import SecretStr

from deploy.sandbox.processes import free_port
from tests import builders as a
from tests.contract.store.redis.valkey_cluster import WITHIN_S, Cluster
from tests.doctoring import make
from tests.doubles import FakeClock
from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.ids import PARTITIONS, partition_of_id, partition_of_vm
from workers.domain.nudges import Scheduled
from workers.domain.ports.store import Commit
from workers.domain.starts.events import StartEvent
from workers.domain.starts.vm import VmRef
from workers.store.audit.log import AuditLog
from workers.store.checks import redis_checks
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore


@pytest_asyncio.fixture
async def client(cluster: Cluster) -> AsyncIterator[redis.asyncio.Redis]:
    async with connect(cluster.url) as connected:
        yield connected


@pytest.fixture
def store(client: redis.asyncio.Redis) -> RedisStore:
    return RedisStore(client, clock=FakeClock())


def vm_in(partition: int) -> VmRef:
    """Some VM whose documents live in this partition."""
    candidates = (a.vm_ref(name=f"vm-{n}") for n in range(10_000))
    return next(vm for vm in candidates if partition_of_vm(vm.key) == partition)


def start_in(partition: int, **changes: Any) -> StartEvent:
    """A start of that VM."""
    return a.start_event(vm=vm_in(partition), **changes)


async def written(store: RedisStore, partition: int) -> Approval:
    """An approval, with its audit record, in this partition."""
    vm = vm_in(partition)
    approval = a.approval(event=a.start_event(vm=vm), version=0)
    assert partition_of_id(approval.id) == partition
    record = AuditRecord(kind="approval.opened", at=a.NOW, about=approval.id, vm=vm.key)
    await store.commit(Commit(partition=partition, documents=(approval,), audit=(record,)))
    return await store.approval(approval.id)


def test_the_partitions_are_spread_over_all_nodes(cluster: Cluster) -> None:
    spread = [sum(node.owns(partition) for partition in range(PARTITIONS)) for node in cluster.nodes]
    assert sum(spread) == PARTITIONS
    assert min(spread) >= 1


async def test_every_partition_takes_writes_and_reads(store: RedisStore) -> None:
    for partition in range(PARTITIONS):
        approval = await written(store, partition)
        assert approval.version == 1


async def test_a_stale_write_is_a_conflict_on_every_node(store: RedisStore) -> None:
    for partition in range(PARTITIONS):
        approval = await written(store, partition)
        with pytest.raises(Conflict):
            await store.commit(Commit(partition=partition, documents=(approval.changed(version=0),)))


async def test_a_thing_happens_once_on_every_node(store: RedisStore) -> None:
    for partition in range(PARTITIONS):
        commit = Commit(partition=partition, once="event")
        assert [await store.commit(commit), await store.commit(commit)] == [True, False]


async def test_overdue_and_unshown_are_found_on_all_nodes(store: RedisStore) -> None:
    approvals = {(await written(store, partition)).id for partition in range(PARTITIONS)}
    far = a.NOW + timedelta(days=30)
    assert set(await store.past_due(far)) == approvals
    assert set(await store.unshown(far)) == approvals
    assert set(await store.open_approvals()) == approvals


async def test_one_decision_wins_under_concurrency(store: RedisStore) -> None:
    approval = await written(store, 5)

    async def write() -> bool:
        try:
            return await store.commit(Commit(partition=5, documents=(approval,)))
        except Conflict:
            return False

    assert sum(await asyncio.gather(*(write() for _ in range(50)))) == 1


async def test_what_is_asked_at_once_is_answered_from_all_nodes(
    store: RedisStore, client: redis.asyncio.Redis
) -> None:
    inventory = RedisInventory(client)
    await store.commit(Commit(partition=0))  # connected, as by the note of a process that begins
    *approvals, _ = await asyncio.gather(
        *(written(store, partition) for partition in range(PARTITIONS)), inventory.put([a.known_vm()])
    )
    answers = await asyncio.gather(
        *(store.approval(approval.id) for approval in approvals),
        *(store.commit(Commit(partition=partition, once="event")) for partition in range(PARTITIONS)),
        *(store.commit(Commit(partition=p, documents=(a.card(id=d.id),))) for p, d in enumerate(approvals)),
        *(
            store.note_scheduled(d.id, Scheduled(sequence_number=p, due=a.NOW))
            for p, d in enumerate(approvals)
        ),
    )
    assert answers == [*approvals, *[True] * PARTITIONS * 2, *[None] * PARTITIONS]
    scheduled = await asyncio.gather(*(store.take_scheduled(d.id) for d in approvals))
    assert [s.sequence_number if s else None for s in scheduled] == list(range(PARTITIONS))
    assert await inventory.count() == 1


async def test_what_is_slow_on_one_node_holds_up_nobody_else(
    store: RedisStore, client: redis.asyncio.Redis
) -> None:
    for partition in range(PARTITIONS):  # all nodes are connected
        await written(store, partition)
    # The client itself gives up after five seconds.
    slow = asyncio.create_task(client.blpop(["sg:{p0}:none"], 4))
    await asyncio.sleep(0.05)  # under way
    await asyncio.gather(*(store.vm_record(vm_in(partition)) for partition in range(PARTITIONS)))
    assert not slow.done()
    assert await slow is None


async def test_what_is_known_of_a_start_is_read_on_every_node(store: RedisStore) -> None:
    for partition in range(PARTITIONS):
        approval = await written(store, partition)
        known, record, background = await store.known_start(approval.id, start_in(partition))
        assert (known, record.version) == (approval, 0)
        assert background is not None
        assert len(background.past.of_caller) == partition + 1


async def test_commits_that_meet_nodes_without_the_script_are_each_made_once(
    cluster: Cluster, store: RedisStore
) -> None:
    await store.commit(Commit(partition=0))
    for node in cluster.nodes:
        with node.client() as near:
            near.script_flush()
    commits = (store.commit(Commit(partition=p % PARTITIONS, once=f"{p}")) for p in range(PARTITIONS * 3))
    assert await asyncio.gather(*commits) == [True] * PARTITIONS * 3


async def test_the_inventory_works(client: redis.asyncio.Redis) -> None:
    inventory = RedisInventory(client)
    vms = [a.known_vm(ref=vm_in(partition)) for partition in range(PARTITIONS)]
    await inventory.put(vms)
    assert await inventory.count() == len(await inventory.of(a.SUBSCRIPTION)) == PARTITIONS
    assert list(await inventory.named(vms[3].ref.name)) == [vms[3]]
    assert len(await inventory.containing("vm-", limit=PARTITIONS)) == PARTITIONS
    assert list(await inventory.lines([vms[5].ref])) == [vms[5].ref.key]
    await inventory.put(vms[:3], whole_subscription=a.SUBSCRIPTION)
    assert await inventory.count() == 3


async def test_the_audit_verifies_and_trims_on_all_nodes(
    store: RedisStore, client: redis.asyncio.Redis
) -> None:
    log = AuditLog(client)
    for partition in range(PARTITIONS):
        await written(store, partition)
        for number in range(3):
            record = AuditRecord(kind="test.done", at=a.NOW, details={"number": number})
            await store.commit(Commit(partition=partition, audit=(record,)))
    assert len([e async for e in log.merged()]) == PARTITIONS * 4
    later = FakeClock(datetime.now(UTC) + timedelta(days=200))
    assert await log.trim(store, later, retention=timedelta(days=90)) == PARTITIONS * 3
    checks = [await log.verify(partition) for partition in range(PARTITIONS)]
    assert [(check.broken, check.count) for check in checks] == [(None, 2)] * PARTITIONS


async def test_the_doctor_looks_at_every_node(store: RedisStore, client: redis.asyncio.Redis) -> None:
    told: list[str] = []
    assert await make(redis_checks(client, store), told.append), told
    assert "3 nodes" in told[0]


@pytest.mark.parametrize("fully", [True, False], ids=["all refuse", "others go on"])
async def test_while_a_node_is_dead_nothing_is_answered_by_half(
    cluster: Cluster, store: RedisStore, client: redis.asyncio.Redis, *, fully: bool
) -> None:
    cluster.cover(fully=fully)
    for partition in range(PARTITIONS):
        await written(store, partition)
    dead = cluster.nodes[1]
    lost = next(p for p in range(PARTITIONS) if dead.owns(p))
    dead.kill()
    try:
        for _ in range(3):
            for ask in (
                store.past_due(a.NOW + timedelta(days=30)),
                store.unshown(a.NOW + timedelta(days=30)),
                store.open_approvals(),
                store.commit(Commit(partition=lost, once="event")),
                store.vm_record(vm_in(lost)),
                store.known_start(a.approval(event=start_in(lost)).id, start_in(lost)),
                AuditLog(client).verify(lost),
            ):
                with pytest.raises(DependencyAway):
                    await ask
        if not fully:
            await _others_go_on(cluster, store)
    finally:
        dead.start()
        cluster.settle()
    found = await _again(store)
    assert len(found) == PARTITIONS, "the same client finds everything once the node is back"


async def _others_go_on(cluster: Cluster, store: RedisStore) -> None:
    alive = next(p for p in range(PARTITIONS) if cluster.nodes[2].owns(p))
    lost = next(p for p in range(PARTITIONS) if cluster.nodes[1].owns(p))
    assert await store.commit(Commit(partition=alive, once="event"))
    assert (await store.vm_record(vm_in(alive))).version == 0
    asked, pasts = a.approval(event=start_in(alive)).id, set()
    for n in range(20):  # callers' pasts are spread over all nodes
        start = start_in(alive, caller=a.caller(object_id=f"caller-{n}"))
        approval, _, background = await store.known_start(asked, start)
        assert approval is not None, "a question is not held back by what is only of use beside it"
        pasts.add(background is None)
    assert True in pasts
    answers = await asyncio.gather(
        *(store.commit(Commit(partition=p, once="at once")) for p in (alive, lost)), return_exceptions=True
    )
    assert answers[0] is True
    assert isinstance(answers[1], DependencyAway)
    with cluster.nodes[2].client() as near:
        near.script_flush()  # as a replica that has become primary: scripts are not replicated
    assert await store.commit(Commit(partition=alive, once="without the script"))


async def _again(store: RedisStore) -> list[str]:
    """The first call after the outage may still find out that there was one."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return list(await store.past_due(a.NOW + timedelta(days=30)))
        except DependencyAway:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


async def test_a_cluster_that_is_not_there_is_a_dependency_away() -> None:
    async with connect(SecretStr(f"redis+cluster://127.0.0.1:{free_port()}")) as client:
        with pytest.raises(DependencyAway):
            await RedisStore(client).past_due(a.NOW)
        store = RedisStore(client)
        reads = [store.vm_record(vm_in(partition)) for partition in range(3)]
        answers = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(answer) for answer in answers] == [DependencyAway] * 3


async def test_a_single_server_is_no_cluster_and_says_so(valkey: object) -> None:
    url = str(getattr(valkey, "url", "")).replace("redis://", "redis+cluster://")
    async with connect(SecretStr(url)) as client:
        with pytest.raises(DependencyAway, match="Cluster mode is not enabled"):
            await RedisStore(client).past_due(a.NOW)


@pytest.mark.parametrize("url", ["redis+cluster://127.0.0.1:1/3", "http://127.0.0.1:1"])
def test_a_url_that_can_not_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="STARTGATE_REDIS_URL"):
        connect(SecretStr(url))


async def test_on_azure_nodes_are_reached_by_the_name_that_the_certificate_holds() -> None:
    name = "cache.westeurope.redis.azure.net"
    client = connect(SecretStr(f"rediss+cluster://:secret@{name}:10000"))
    try:
        remap = client.nodes_manager.address_remap  # type: ignore[attr-defined]  # it is a RedisCluster
        assert remap(("10.0.0.7", 8501)) == (name, 8501)
        assert remap(("other.example", 8502)) == ("other.example", 8502)
    finally:
        await client.aclose()
