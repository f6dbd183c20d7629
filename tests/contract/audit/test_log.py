"""The audit on a real Valkey: it is paged, trimmed and verified, and every kind of tampering is named."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr

from tests.contract.audit.hands import RETENTION, Audit, P
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.store import keys
from workers.store.audit import log as audit_log
from workers.store.audit.chain import Entry, Flaw, digest_of
from workers.store.audit.log import AuditLog
from workers.store.connection import connect


@pytest_asyncio.fixture
async def audit(valkey: Valkey) -> AsyncIterator[Audit]:
    async with connect(SecretStr(valkey.patient_url)) as client:
        yield Audit(client)


async def test_an_untouched_audit_verifies_from_its_first_record(audit: Audit) -> None:
    await audit.write(25)
    check = await audit.log.verify(P)
    assert (check.broken, check.count, check.trimmed) == (None, 25, False)


async def test_a_partition_without_records_verifies(audit: Audit) -> None:
    check = await audit.log.verify(P)
    assert (check.broken, check.count) == (None, 0)


async def test_verification_reads_page_after_page(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "PAGE", 4)
    await audit.write(12)
    assert (await audit.log.verify(P)).count == 12
    assert [e.id async for e in audit.log.entries(P)] == await audit.ids()


async def test_records_written_during_verification_do_not_break_it(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "PAGE", 3)
    await audit.write(30)
    writing = asyncio.create_task(audit.write(200))
    for _ in range(10):
        assert (await audit.log.verify(P)).broken is None
    await writing


async def test_a_changed_record_is_named(audit: Audit) -> None:
    await audit.write(5)
    entries = await audit.raw()
    entries[2][1][b"r"] = entries[2][1][b"r"].replace(b"test.done", b"test.gone")
    await audit.rebuild(entries)
    assert await audit.flaw() == (Flaw.CHANGED, entries[2][0].decode())


async def test_a_record_changed_together_with_its_digest_shows_at_the_next_one(audit: Audit) -> None:
    await audit.write(5)
    entries = await audit.raw()
    fields = entries[2][1]
    fields[b"r"] = fields[b"r"].replace(b"test.done", b"test.gone")
    fields[b"h"] = digest_of(fields[b"p"].decode(), fields[b"r"].decode()).encode()
    await audit.rebuild(entries)
    assert await audit.flaw() == (Flaw.MISSING, entries[3][0].decode())


async def test_a_changed_link_is_named(audit: Audit) -> None:
    await audit.write(5)
    entries = await audit.raw()
    entries[2][1][b"p"] = b"0" * 40
    await audit.rebuild(entries)
    assert await audit.flaw() == (Flaw.RELINKED, entries[2][0].decode())


async def test_a_record_missing_in_the_middle_is_named_by_the_one_after_it(audit: Audit) -> None:
    await audit.write(5)
    ids = await audit.ids()
    await audit.redis.xdel(keys.audit(P), ids[2])
    assert await audit.flaw() == (Flaw.MISSING, ids[3])


async def test_two_records_that_changed_places_are_named(audit: Audit) -> None:
    await audit.write(5)
    entries = await audit.raw()
    (first, a), (second, b) = entries[1:3]
    entries[1:3] = [(first, b), (second, a)]
    await audit.rebuild(entries)
    assert await audit.flaw() == (Flaw.MISSING, first.decode())


async def test_a_record_put_in_is_named(audit: Audit) -> None:
    await audit.write(3)
    await audit.redis.xadd(keys.audit(P), {"r": '{"kind":"approval.confirmed"}', "p": "", "h": "1" * 40})
    flaw, where = await audit.flaw()
    assert (flaw, where) == (Flaw.CHANGED, (await audit.ids())[-1])


async def test_an_entry_that_is_no_record_is_named(audit: Audit) -> None:
    await audit.write(3)
    await audit.redis.xadd(keys.audit(P), {"hello": "world"})
    assert (await audit.flaw())[0] is Flaw.UNREADABLE


async def test_a_wrong_head_is_named(audit: Audit) -> None:
    await audit.write(3)
    await audit.redis.set(keys.audit_head(P), "2" * 40)
    assert await audit.flaw() == (Flaw.HEAD, (await audit.ids())[-1])


async def test_a_head_that_is_gone_is_named(audit: Audit) -> None:
    await audit.write(3)
    await audit.redis.delete(keys.audit_head(P))
    assert (await audit.flaw())[0] is Flaw.HEAD


async def test_a_truncated_end_is_named_with_the_newest_id_that_was(audit: Audit) -> None:
    await audit.write(5)
    ids = await audit.ids()
    await audit.redis.xdel(keys.audit(P), *ids[3:])
    assert await audit.flaw() == (Flaw.END, ids[2])
    assert ids[4] in str((await audit.log.verify(P)).broken)


async def test_an_end_that_was_truncated_together_with_its_head_is_named_all_the_same(audit: Audit) -> None:
    await audit.write(5)
    entries = await audit.raw()
    await audit.redis.xdel(keys.audit(P), entries[4][0])
    await audit.redis.set(keys.audit_head(P), entries[3][1][b"h"])
    assert (await audit.flaw())[0] is Flaw.END


async def test_a_stream_made_anew_without_its_last_record_has_a_wrong_head(audit: Audit) -> None:
    await audit.write(5)
    await audit.rebuild((await audit.raw())[:-1])
    assert (await audit.flaw())[0] is Flaw.HEAD


async def test_records_written_after_a_truncation_show_the_gap(audit: Audit) -> None:
    await audit.write(5)
    await audit.redis.xdel(keys.audit(P), (await audit.ids())[-1])
    await audit.write(1)
    assert await audit.flaw() == (Flaw.MISSING, (await audit.ids())[-1])


async def test_an_audit_that_is_gone_altogether_is_named(audit: Audit) -> None:
    await audit.write(5)
    await audit.redis.delete(keys.audit(P))
    assert await audit.flaw() == (Flaw.END, "")


async def test_retention_trims_and_the_rest_verifies_and_says_so(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audit.write(10)
    await asyncio.sleep(0.005)
    border = datetime.now(UTC)
    await audit.write(4)
    ids = await audit.ids()
    later = FakeClock(border + RETENTION)
    assert await audit.log.trim(audit.store, later, retention=RETENTION) == 0, "the slack is not over"
    monkeypatch.setattr(audit_log, "TRIM_SLACK", timedelta(0))
    assert await audit.log.trim(audit.store, later, retention=RETENTION) == 10
    assert (await audit.ids())[:-1] == ids[10:], "and a note that it was trimmed"
    check = await audit.log.verify(P)
    assert (check.broken, check.trimmed, check.count) == (None, True, 5)


async def test_retention_keeps_the_newest_record_of_a_partition_at_rest(audit: Audit) -> None:
    await audit.write(5)
    ids = await audit.ids()
    later = FakeClock(datetime.now(UTC) + RETENTION * 2)
    assert await audit.log.trim(audit.store, later, retention=RETENTION) == 4
    assert (await audit.ids())[0] == ids[-1]
    assert (await audit.log.verify(P)).broken is None


async def test_a_beginning_that_retention_did_not_trim_is_named(audit: Audit) -> None:
    await audit.write(5)
    ids = await audit.ids()
    await audit.redis.xtrim(keys.audit(P), minid=ids[2], approximate=False)
    assert await audit.flaw() == (Flaw.BEGINNING, ids[2])


async def test_more_gone_than_retention_noted_is_named(audit: Audit) -> None:
    await audit.write(5)
    await audit.log.trim(audit.store, FakeClock(datetime.now(UTC) + RETENTION * 2), retention=RETENTION)
    await audit.write(3)
    assert (await audit.log.verify(P)).broken is None
    ids = await audit.ids()
    await audit.redis.xdel(keys.audit(P), ids[0])
    assert await audit.flaw() == (Flaw.BEGINNING, ids[1])


async def test_trimming_again_and_again_keeps_the_audit_verifiable(audit: Audit) -> None:
    for day in range(5):
        await audit.write(4)
        later = FakeClock(datetime.now(UTC) + timedelta(days=200 + day))
        await asyncio.gather(
            *(AuditLog(audit.redis).trim(audit.store, later, retention=RETENTION) for _ in range(3))
        )
        assert (await audit.log.verify(P)).broken is None


async def test_a_tail_computed_anew_verifies_and_only_an_export_shows_it(audit: Audit) -> None:
    await audit.write(6)
    exported = [e async for e in audit.log.entries(P)]
    assert [b async for b in audit.log.compare(exported)] == []
    entries = await audit.raw()
    previous = entries[2][1][b"h"].decode()
    for _, fields in entries[3:]:
        fields[b"r"] = fields[b"r"].replace(b"test.done", b"test.gone")
        fields[b"p"] = previous.encode()
        previous = digest_of(previous, fields[b"r"].decode())
        fields[b"h"] = previous.encode()
    await audit.rebuild(entries)
    await audit.redis.set(keys.audit_head(P), previous)
    assert (await audit.log.verify(P)).broken is None
    differing = [b async for b in audit.log.compare(exported)]
    assert [b.id for b in differing] == [e.id for e in exported[3:]]
    assert {b.flaw for b in differing} == {Flaw.DIFFERS}


async def test_comparing_passes_over_what_retention_took(audit: Audit) -> None:
    await audit.write(6)
    exported = [e async for e in audit.log.entries(P)]
    await audit.log.trim(audit.store, FakeClock(datetime.now(UTC) + RETENTION * 2), retention=RETENTION)
    assert [b async for b in audit.log.compare(exported)] == []
    await audit.redis.delete(keys.audit(P))
    assert [b.id async for b in audit.log.compare(exported)] == [e.id for e in exported]


async def test_several_partitions_come_in_the_order_of_writing(audit: Audit) -> None:
    for number in range(30):
        await audit.write(1, partition=number % 5, kind=f"test.number-{number}")
    kinds = [AuditRecord.model_validate_json(e.record).kind async for e in audit.log.merged()]
    order = [(int(e.id.partition("-")[0])) async for e in audit.log.merged()]
    assert sorted(kinds) == sorted(f"test.number-{n}" for n in range(30))
    assert order == sorted(order)


async def test_since_and_until_bound_what_is_read(audit: Audit) -> None:
    await audit.write(3)
    await asyncio.sleep(0.005)
    middle = datetime.now(UTC)
    await asyncio.sleep(0.005)
    await audit.write(2)
    assert len([e async for e in audit.log.entries(P, since=middle)]) == 2
    assert len([e async for e in audit.log.entries(P, until=middle)]) == 3
    assert len([e async for e in audit.log.merged(since=middle)]) == 2


async def test_an_absent_redis_is_a_dependency_away(audit: Audit, valkey: Valkey) -> None:
    await audit.write(1)
    valkey.stop()
    try:
        for ask in (audit.log.verify(P), audit.log.tail(P), _first(audit.log)):
            with pytest.raises(DependencyAway):
                await ask
    finally:
        valkey.start()


async def _first(log: AuditLog) -> Entry | None:
    async for entry in log.merged():
        return entry
    return None
