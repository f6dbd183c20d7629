"""``startgate dlq``: what it prints, asks and audits, with the real clients."""

import asyncio
import json

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from deploy.sandbox.servicebus.sections import build, read
from deploy.sandbox.servicebus.server import BusServer
from tests.valkey_server import Valkey
from workers.cli import app
from workers.domain.audit import AuditRecord
from workers.store.audit.log import AuditLog
from workers.store.connection import connect

HOSTILE = '{"name": "\x1b[2J\u202e"}'.replace("\x1b", "\\u001b")


@pytest.fixture
def bus(bus_server: BusServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> BusServer:
    monkeypatch.setenv("STARTGATE_REDIS_URL", valkey.url)
    monkeypatch.setenv("STARTGATE_SERVICEBUS_CONNECTION", bus_server.connection)
    monkeypatch.setenv("STARTGATE_POLICY", "unused.yaml")
    queue = bus_server.namespace.queues["starts"]
    for number, reason in enumerate(("NotJson", "NotJson", "Unknown\x1b[2J")):
        (sequence,) = queue.send([read(build(HOSTILE.encode(), f"id-{number}", {}, None))])
        queue._bury(queue.messages[sequence], reason, "why\r\nnot")
    return bus_server


async def startgate(*arguments: str, typed: str = "") -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["dlq", *arguments], input=typed)


def dead(bus: BusServer) -> list[int]:
    letters = bus.namespace.queues["starts"].dead_letters
    assert letters is not None
    return sorted(letters.messages)


async def audited(valkey: Valkey) -> list[AuditRecord]:
    async with connect(SecretStr(valkey.url)) as client:
        return [AuditRecord.model_validate_json(e.record) async for e in AuditLog(client).merged()]


async def test_list_counts_each_queue_and_groups_the_reasons(bus: BusServer) -> None:
    result = await startgate("list")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("starts: 3, the oldest of 2")
    assert lines[1].split() == ["2", "NotJson"]
    assert lines[2].split() == ["1", "Unknown\\u001b[2J"]
    assert lines[3:] == ["work: 0", "notices: 0"]
    assert len(dead(bus)) == 3


async def test_show_is_safe_for_a_terminal(bus: BusServer) -> None:
    result = await startgate("show", "starts")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("message id") == 3
    assert '"name": "\\u001b[2J\\u202e"' in result.stdout
    assert not {"\x1b", "\r", "\u202e"} & set(result.stdout)
    assert len(dead(bus)) == 3


async def test_show_takes_a_limit_and_sequence_numbers(bus: BusServer) -> None:
    assert (await startgate("show", "starts", "--limit", "2")).stdout.count("message id") == 2
    second = await startgate("show", "starts", "--sequence", str(dead(bus)[1]))
    assert second.stdout.count("message id") == 1
    assert "id-1" in second.stdout
    assert (await startgate("show", "starts", "--sequence", "4711")).exit_code == 1


async def test_replay_of_all_is_audited_with_old_and_new_id(bus: BusServer, valkey: Valkey) -> None:
    result = await startgate("replay", "starts", "--all")
    assert (result.exit_code, "starts: 3 replayed" in result.stdout) == (0, True), result.output
    assert dead(bus) == []
    records = await audited(valkey)
    assert [r.kind for r in records] == ["dlq.replayed"] * 3
    assert {r.details["message_id"] for r in records} == {"id-0", "id-1", "id-2"}
    live = {m.payload.message_id for m in bus.namespace.queues["starts"].messages.values()}
    assert {r.details["new_message_id"] for r in records} == live
    assert all(r.by.startswith("operator ") for r in records)


async def test_replay_wants_to_be_told_which(bus: BusServer) -> None:
    for arguments in ((), ("--all", "--sequence", "1")):
        assert (await startgate("replay", "starts", *arguments)).exit_code == 2
    assert len(dead(bus)) == 3


async def test_discard_asks_first(bus: BusServer, valkey: Valkey) -> None:
    result = await startgate("discard", "starts", "--all", "--reason", "test noise", typed="n\n")
    assert (result.exit_code, len(dead(bus))) == (1, 3)
    assert "Throw 3 dead letter(s) of starts away for good?" in result.output
    assert await audited(valkey) == []


async def test_discard_is_audited_with_its_reason(bus: BusServer, valkey: Valkey) -> None:
    first = dead(bus)[0]
    result = await startgate("discard", "starts", "--sequence", str(first), "--reason", "test noise", "--yes")
    assert (result.exit_code, first in dead(bus), len(dead(bus))) == (0, False, 2), result.output
    (record,) = await audited(valkey)
    assert (record.kind, record.details["discarded_because"]) == ("dlq.discarded", "test noise")
    assert json.loads(record.model_dump_json())["details"]["reason"] == "NotJson"


async def test_nothing_is_replayed_when_it_can_not_be_audited(bus: BusServer, valkey: Valkey) -> None:
    valkey.stop()
    try:
        result = await startgate("replay", "starts", "--all")
    finally:
        valkey.start()
    assert result.exit_code == 2
    assert (len(dead(bus)), len(bus.namespace.queues["starts"].messages)) == (3, 0)


async def test_an_absent_bus_exits_2(bus: BusServer) -> None:
    await bus.stop()
    result = await startgate("list")
    assert result.exit_code == 2
    assert "servicebus" in result.stderr


async def test_both_tables_come_as_json(bus: BusServer) -> None:
    starts, *others = json.loads((await startgate("list", "--json")).stdout)
    assert (starts["queue"], starts["count"], starts["reasons"]["NotJson"]) == ("starts", len(dead(bus)), 2)
    assert [one["count"] for one in others] == [0, 0]
    shown = [json.loads(line) for line in (await startgate("show", "starts", "--json")).stdout.splitlines()]
    assert [one["sequence"] for one in shown] == dead(bus)
    assert shown[0]["body"] == HOSTILE
