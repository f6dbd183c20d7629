"""What only the inventory on Redis promises: broken lines, and notes that Redis does not take."""

import asyncio

import pytest
import redis.asyncio as redis
from structlog.testing import capture_logs

from tests import builders as a
from tests.contract.store.rig import VM, approval, commit
from tests.doubles import FakeClock
from workers.store import inventory as inventory_module
from workers.store import keys
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore

OTHER = a.vm_ref(name="vm-web-02")


@pytest.mark.parametrize("line", ["", "no json", "{}", '{"schema_number": 9, "ref": 1}', "[]"])
async def test_a_line_that_can_not_be_read_hides_no_other(client: redis.Redis, line: str) -> None:
    inventory = RedisInventory(client)
    await inventory.put([a.known_vm(), a.known_vm(ref=OTHER)])
    await client.hset(keys.inventory(a.SUBSCRIPTION), VM.key, line)
    with capture_logs() as logs:
        assert [vm.ref.name for vm in await inventory.of(a.SUBSCRIPTION)] == [OTHER.name]
        assert [vm.ref.name for vm in await inventory.containing("vm-", limit=9)] == [OTHER.name]
        assert await inventory.named(VM.name) == []
        assert list(await inventory.lines([VM, OTHER])) == [OTHER.key]
    assert not line or [log["event"] for log in logs].count("a line of the inventory can't be read") == 4


async def test_a_name_without_its_line_is_passed_over(client: redis.Redis) -> None:
    inventory = RedisInventory(client)
    await inventory.put([a.known_vm(), a.known_vm(ref=OTHER)])
    await client.hdel(keys.inventory(a.SUBSCRIPTION), VM.key)
    await client.zadd(keys.VM_NAMES, {"vm-none": 0, "vm-odd\0/else": 0})
    assert [vm.ref.name for vm in await inventory.containing("vm-", limit=9)] == [OTHER.name]
    assert await inventory.named("vm-odd") == []


async def test_without_its_line_in_the_inventory_the_question_stands(
    client: redis.Redis, clock: FakeClock
) -> None:
    await client.set(keys.VM_NAMES, "not a sorted set")
    inventory, store, asked = RedisInventory(client), RedisStore(client, clock=clock), approval()
    with capture_logs() as logs:
        inventory.note(a.known_vm())
        assert await store.commit(commit(asked))
        await inventory.aclose()
    assert (await store.approval(asked.id)).version == 1
    assert [line["event"] for line in logs] == ["the inventory was not renewed"]


async def test_a_vm_that_can_not_be_written_hides_no_other(client: redis.Redis) -> None:
    inventory = RedisInventory(client)
    with capture_logs() as logs:
        await inventory.put([a.known_vm(tags={"owner": "\ud800"}), a.known_vm(ref=OTHER)])
    assert [vm.ref.name for vm in await inventory.of(a.SUBSCRIPTION)] == [OTHER.name]
    assert [line["vm"] for line in logs] == [VM.name]


async def test_notes_do_not_pile_up_without_end(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_module, "_MOST_NOTED", 3)
    inventory = RedisInventory(client)
    with capture_logs() as logs:
        for n in range(5):
            inventory.note(a.known_vm(ref=a.vm_ref(name=f"vm-{n}")))
    await inventory.aclose()
    assert await inventory.count() == 3
    assert len(logs) == 2


async def test_what_is_noted_while_others_are_written_is_written_too(client: redis.Redis) -> None:
    inventory = RedisInventory(client)
    for n in range(50):
        inventory.note(a.known_vm(ref=a.vm_ref(name=f"vm-{n}")))
        await asyncio.sleep(0)
    await inventory.aclose()
    assert await inventory.count() == 50
