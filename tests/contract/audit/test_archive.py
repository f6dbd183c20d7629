"""The audit copied into blobs that cannot be changed: once each, wherever a worker is lost, and provably."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import ContainerClient
from pydantic import SecretStr

from deploy.sandbox.blob.server import ACCOUNT, KEY, Blob, BlobServer
from deploy.sandbox.faults import Fault
from tests.contract.audit.hands import Audit, P
from tests.valkey_server import Valkey
from workers.domain.errors import DependencyAway
from workers.domain.ids import PARTITIONS
from workers.operator.archive.checking import Directory, Found, check
from workers.outside.archive.blobs import BlobArchive
from workers.outside.archive.checks import archive_check
from workers.outside.archive.opening import archive_at
from workers.runtime.checks import CannotTell, Failed
from workers.runtime.credential import Credential
from workers.store import keys
from workers.store.audit.cursor import RedisAuditCursor
from workers.store.connection import connect
from workers.store.leases import RedisLeases
from workers.use_cases.sweeps.audit import archive as sweep
from workers.use_cases.sweeps.audit.archive import ArchiveAudit


class World:
    """An audit in a real Valkey, and a container for it."""

    def __init__(self, audit: Audit, blobs: BlobServer, archive: BlobArchive) -> None:
        self.audit, self.server, self.archive = audit, blobs, archive

    @property
    def blobs(self) -> dict[str, Blob]:
        return self.server.containers["audit"].blobs

    def worker(self) -> ArchiveAudit:
        cursor = RedisAuditCursor(self.audit.redis)
        return ArchiveAudit(
            archive=self.archive,
            audit=cursor,
            cursor=cursor,
            leases=RedisLeases(self.audit.redis, "worker"),
            clock=self.audit.clock,
            period_s=3600,
        )

    async def exported(self, count: int = 0) -> int:
        await self.audit.write(count)
        return await self.worker().export()

    async def check(self, known: str = "") -> Found:
        return await check(self.archive, known)

    def records(self) -> list[str]:
        """Ids of all that is archived, in order."""
        lines = [
            json.loads(line)
            for name in sorted(self.blobs)
            if name.startswith("audit/")
            for line in self.blobs[name].content.splitlines()
        ]
        return [line["id"] for line in lines if "id" in line]

    async def ids(self) -> list[str]:
        return [
            entry.id for partition in range(PARTITIONS) async for entry in self.audit.log.entries(partition)
        ]


@pytest_asyncio.fixture
async def world(valkey: Valkey) -> AsyncIterator[World]:
    server = BlobServer()
    await server.start()
    archive = archive_at(server.container_url, SecretStr(KEY), Credential.CLI)
    async with connect(SecretStr(valkey.patient_url)) as client, archive:
        yield World(Audit(client), server, archive)
    await server.stop()


class TestExporting:
    async def test_every_record_is_there_once_and_it_verifies(self, world: World) -> None:
        await world.audit.write(3, partition=2)
        assert await world.exported(4) == 7
        assert await world.exported(2) == 2
        assert sorted(world.records()) == sorted(await world.ids())
        found = await world.check()
        assert (found.wrong, found.anew, found.records) == ((), (), 9)
        assert found.heads

    async def test_nothing_new_makes_no_blob(self, world: World) -> None:
        await world.exported(2)
        before = set(world.blobs)
        assert await world.exported() == 0
        assert set(world.blobs) == before

    async def test_one_worker_at_a_time_copies(self, world: World) -> None:
        await world.audit.write(2)
        assert [await world.worker()(), await world.worker()()] == [2, 0]

    async def test_much_goes_into_several_segments(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep, "MOST_RECORDS", 3)
        assert await world.exported(8) == 8
        assert len([name for name in world.blobs if name.startswith("audit/")]) == 3
        assert (await world.check()).wrong == ()

    async def test_a_lost_worker_loses_nothing_and_doubles_nothing(self, world: World) -> None:
        """It had written the segment, and not that it had."""
        await world.exported(3)
        await world.audit.redis.hdel(keys.cursor("archive"), f"{P:x}")
        assert await world.exported(2) == 2
        await world.audit.redis.hset(keys.cursor("archive"), f"{P:x}", min(world.blobs))
        await world.exported(1)
        assert sorted(world.records()) == sorted(await world.ids())
        assert (await world.check()).wrong == ()

    async def test_two_workers_at_once_write_each_record_once(self, world: World) -> None:
        await world.audit.write(3)
        first, second = world.worker(), world.worker()
        put = world.archive.put

        async def slow(name: str, content: bytes, facts: dict[str, str]) -> object:
            world.archive.put = put  # type: ignore[method-assign]
            await world.audit.write(2)
            await second.export()  # in between, with more records
            return await put(name, content, facts)

        world.archive.put = slow  # type: ignore[method-assign,assignment]
        await first.export()
        assert sorted(world.records()) == sorted(await world.ids())
        assert (await world.check()).wrong == ()

    async def test_a_service_that_is_away_is_waited_for(self, world: World) -> None:
        world.server.faults.put(Fault(status=403))
        with pytest.raises(DependencyAway):
            await world.exported(2)
        world.server.faults.put()
        assert await world.exported() == 2

    async def test_a_lost_redis_begins_a_new_chain_behind_the_old_one(self, world: World) -> None:
        await world.exported(3)
        await world.audit.redis.flushall()
        assert await world.exported(2) == 2
        found = await world.check()
        assert (found.wrong, len(found.anew), found.records) == ((), 1, 5)

    async def test_a_container_without_a_policy_is_told_apart(self, world: World) -> None:
        assert await world.archive.immutable()
        world.server.containers["audit"].immutable = False
        assert not await world.archive.immutable()

    async def test_names_on_many_pages_are_all_read(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep, "MOST_RECORDS", 1)
        world.server.most_listed = 2
        await world.exported(5)
        assert (await world.check()).records == 5
        last = await world.archive.last("audit/")
        assert last is not None
        assert last.name == max(name for name in world.blobs if name.startswith("audit/"))


async def test_the_stand_in_refuses_what_the_service_refuses(world: World) -> None:
    await world.exported(1)
    name = min(world.blobs)
    credential = AzureNamedKeyCredential(ACCOUNT, KEY)
    async with ContainerClient.from_container_url(world.server.container_url, credential) as client:
        with pytest.raises(ResourceExistsError) as overwritten:
            await client.upload_blob(name, b"forged", overwrite=True)
        assert overwritten.value.error_code == "BlobImmutableDueToPolicy"
        with pytest.raises(ResourceExistsError) as deleted:
            await client.delete_blob(name)
        assert deleted.value.error_code == "BlobImmutableDueToPolicy"


Tamper = Callable[[dict[str, Blob], list[str]], object]


def _changed(old: bytes, new: bytes) -> Tamper:
    def tamper(blobs: dict[str, Blob], names: list[str]) -> None:
        blob = blobs[names[0]]
        blob.content = blob.content.replace(old, new, 1)

    return tamper


def _cut(blobs: dict[str, Blob], names: list[str]) -> None:
    blobs[names[0]].content = blobs[names[0]].content.rsplit(b"\n", 2)[0]


TAMPERED: dict[str, Tamper] = {
    "a record": _changed(b"test.done", b"test.gone"),
    "a segment's end": _changed(b'"records": 3', b'"records": 4'),
    "a segment gone": lambda blobs, names: blobs.pop(names[0]),
    "the last segment gone": lambda blobs, names: blobs.pop(names[-1]),
    "a segment cut off": _cut,
    "heads gone": lambda blobs, _: blobs.pop("heads/00000001.json"),
    "heads changed": lambda blobs, _: blobs["heads/00000002.json"].__setattr__(
        "content", blobs["heads/00000002.json"].content.replace(b'"digest": "', b'"digest": "0', 1)
    ),
    "a name": lambda blobs, names: blobs.__setitem__(
        names[0].replace("0.jsonl", "1.jsonl"), blobs.pop(names[0])
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_whatever_is_tampered_with_is_found(world: World, what: str) -> None:
    await world.exported(3)
    await world.exported(2)
    assert (await world.check()).wrong == ()
    names = sorted(name for name in world.blobs if name.startswith("audit/"))
    TAMPERED[what](world.blobs, names)
    assert (await world.check()).wrong


async def test_an_archive_that_was_made_anew_is_told_by_a_digest_kept_elsewhere(world: World) -> None:
    await world.exported(3)
    known = (await world.check()).heads
    assert (await world.check(known)).wrong == ()
    world.blobs.clear()
    await world.audit.redis.delete(keys.cursor("archive"), keys.cursor("archive-heads"))
    await world.audit.write(1)
    await world.exported()
    assert (await world.check()).wrong == ()
    assert (await world.check(known)).wrong


async def test_downloaded_blobs_verify_without_azure(world: World, tmp_path: Path) -> None:
    await world.exported(3)
    for name, blob in world.blobs.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.content)
    found = await check(Directory(tmp_path))
    assert (found.wrong, found.records) == ((), 3)


class TestDoctor:
    async def test_an_archive_that_keeps_what_is_written_is_fine(self, world: World) -> None:
        check = archive_check(world.server.container_url, SecretStr(KEY), Credential.CLI)
        assert await check.look() == "the container keeps what is written"

    async def test_one_without_a_policy_and_none_at_all_are_warned_of(self, world: World) -> None:
        world.server.containers["audit"].immutable = False
        for url in (world.server.container_url, None):
            with pytest.raises(CannotTell):
                await archive_check(url, SecretStr(KEY), Credential.CLI).look()

    async def test_one_that_is_not_there_is_wrong(self, world: World) -> None:
        url = world.server.container_url.replace("/audit", "/none")
        with pytest.raises(Failed, match="ContainerNotFound"):
            await archive_check(url, SecretStr(KEY), Credential.CLI).look()
