"""``startgate audit``: what it prints and how it exits, on a real Valkey."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from tests import acting
from tests import builders as a
from tests.rig import Rig
from tests.valkey_server import Valkey
from workers.cli import app
from workers.domain.asking.decisions import Answer
from workers.domain.audit import AuditRecord
from workers.domain.ids import partition_of_vm, reference
from workers.domain.ports.store import Commit
from workers.domain.starts.vm import VmRecord
from workers.store import keys
from workers.store.connection import connect
from workers.store.redis_store import RedisStore

WEB, DB = a.vm_ref(name="vm-web-01"), a.vm_ref(name="vm-db-01")
APPROVAL = a.approval().id


@pytest.fixture
def environment(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Valkey:
    monkeypatch.setenv("STARTGATE_REDIS_URL", valkey.url)
    monkeypatch.setenv("STARTGATE_SERVICEBUS_NAMESPACE", "unused")
    monkeypatch.setenv("STARTGATE_POLICY", "unused.yaml")
    return valkey


@pytest.fixture
def written(environment: Valkey) -> Valkey:
    asyncio.run(_write(environment))
    return environment


async def _write(valkey: Valkey) -> None:
    async with connect(SecretStr(valkey.url)) as client:
        store = RedisStore(client)
        for vm, kind, about in (
            (WEB, "approval.opened", APPROVAL),
            (DB, "approval.opened", ""),
            (WEB, "decision.refused", APPROVAL),
        ):
            record = AuditRecord(
                kind=kind, at=datetime.now(UTC), about=about, vm=vm.key, by="\x1b]0;evil\x07 \u202eeve (U1)"
            )
            await store.commit(Commit(partition=partition_of_vm(vm.key), audit=(record,)))


def startgate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def shown(*arguments: str) -> list[str]:
    result = startgate("show", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line)["kind"] for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("written")
def test_show_prints_everything_in_the_order_of_writing() -> None:
    assert shown() == ["approval.opened", "approval.opened", "decision.refused"]


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--vm", WEB.resource_id.upper().replace("/SUBSCRIPTIONS", "/subscriptions")), 2),
        (("--vm", "VM-DB-01"), 1),
        (("--vm", "vm-db"), 0),
        (("VM-web-01",), 2),
        ((WEB.resource_id,), 2),
        (("vm-web",), 0),
        (("--kind", "decision."), 1),
        (("--about", APPROVAL), 2),
        (("--about", APPROVAL, "--kind", "approval."), 1),
        (("--since", "1h"), 3),
        (("--since", "2999-01-01"), 0),
    ],
)
def test_show_can_be_narrowed(arguments: tuple[str, ...], count: int) -> None:
    assert len(shown(*arguments)) == count


@pytest.mark.usefixtures("written")
def test_show_prints_a_table() -> None:
    header, first, *others = startgate("show", "vm-web-01").stdout.splitlines()
    assert header.split() == ["WHEN", "(UTC)", "WHAT", "VM", "REF", "BY", "DETAILS"]
    assert first[21:].split()[:3] == ["approval.opened", "vm-web-01", reference(APPROVAL)]
    assert first[header.index("REF") :].startswith(reference(APPROVAL))
    assert len(others) == 1


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("arguments", [["nobody"], ["--vm", "nobody", "--json"], ["a0123456f"]])
def test_show_says_that_nothing_was_found(arguments: list[str]) -> None:
    result = startgate("show", *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    named = next(one for one in arguments if not one.startswith("--"))
    assert f"nothing found about {named}; older records went by retention" in result.stderr


async def test_one_reference_tells_the_whole_story(environment: Valkey) -> None:
    """Of a question, of the containment that it led to, and of the question that was withdrawn for it."""
    async with connect(SecretStr(environment.url)) as client:
        store = RedisStore(client)
        decide = acting.decide(store=store, nudger=(rig := Rig()).nudger, clock=rig.clock)
        first, second = (a.approval(version=0, event=a.start_event(correlation_id=each)) for each in "12")
        partition = partition_of_vm(first.event.vm.key)
        record = VmRecord(vm=first.event.vm, open_approvals=(first.id, second.id))
        await store.commit(Commit(partition=partition, documents=(first, second, record)))
        other = AuditRecord(kind="start.passed", at=a.NOW, vm=first.event.vm.key)
        await store.commit(Commit(partition=partition, audit=(other,)))
        decided = await decide(Answer.REJECT, first.id, a.actor())
        assert decided.containment is not None
        done = AuditRecord(
            kind="containment.contained", at=a.NOW, about=decided.containment.id, vm=first.event.vm.key
        )
        await store.commit(Commit(partition=partition, audit=(done,)))
    told = ["approval.rejected", "approval.withdrawn", "containment.contained"]
    for document_id in (first.id, decided.containment.id, second.id):
        short = reference(document_id).upper()
        kinds = await asyncio.to_thread(shown, short)
        assert kinds == told
        assert await asyncio.to_thread(shown, document_id, "--kind", "containment.") == told[-1:]


@pytest.mark.usefixtures("written")
def test_show_lets_no_record_move_the_terminal() -> None:
    out = startgate("show", "--json").stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(out + startgate("show").stdout)
    assert json.loads(out.splitlines()[0])["by"] == "\x1b]0;evil\x07 \u202eeve (U1)"


def test_show_and_verify_read_records_of_a_newer_version(written: Valkey) -> None:
    newer = {
        "schema_number": 99,
        "kind": "signal.seen",
        "at": "2026-11-24T03:50:00Z",
        "weight": {"of": [1, 2]},
    }
    asyncio.run(_append(written, AuditRecord.model_validate(newer)))
    assert json.loads(startgate("show", "--json", "--kind", "signal.").stdout).items() >= newer.items()
    assert "4 records: fine" in startgate("verify").stdout


async def _append(valkey: Valkey, record: AuditRecord) -> None:
    async with connect(SecretStr(valkey.url)) as client:
        await RedisStore(client).commit(Commit(partition=3, audit=(record,)))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("arguments", [("--about", "nonsense"), ("--vm", "/nonsense"), ("--since", "soon")])
def test_show_refuses_what_it_does_not_understand(arguments: tuple[str, ...]) -> None:
    result = startgate("show", *arguments)
    assert result.exit_code == 2
    assert result.stderr


@pytest.mark.usefixtures("written")
def test_verify_exits_0_and_counts_when_all_is_well() -> None:
    result = startgate("verify")
    assert result.exit_code == 0
    assert "3 records: fine" in result.stdout


def test_verify_exits_1_and_names_the_broken_record(written: Valkey) -> None:
    partition = partition_of_vm(WEB.key)
    asyncio.run(_set(written, keys.audit_head(partition), "0" * 40))
    result = startgate("verify")
    assert result.exit_code == 1
    assert f"✗ partition {partition}: record " in result.stdout
    assert "wrong head" in result.stdout


@pytest.mark.parametrize("command", ["verify", "show", "export"])
def test_commands_exit_2_when_redis_does_not_answer(environment: Valkey, command: str) -> None:
    environment.stop()
    try:
        result = startgate(command)
    finally:
        environment.start()
    assert result.exit_code == 2
    assert "redis" in result.stderr


@pytest.mark.usefixtures("written")
def test_an_export_verifies_offline_and_against_redis(tmp_path: Path) -> None:
    path = _export(tmp_path)
    offline = startgate("verify", "--file", str(path))
    assert (offline.exit_code, "3 records: fine" in offline.stdout) == (0, True)
    against = startgate("verify", "--against", str(path))
    assert (against.exit_code, "holds the same records" in against.stdout) == (0, True)


@pytest.mark.usefixtures("written")
def test_a_changed_export_exits_1(tmp_path: Path) -> None:
    path = _export(tmp_path)
    path.write_text(path.read_text().replace("decision.refused", "decision.allowed"))
    result = startgate("verify", "--file", str(path))
    assert result.exit_code == 1
    assert "changed record" in result.stdout


def test_redis_that_differs_from_an_export_exits_1(written: Valkey, tmp_path: Path) -> None:
    path = _export(tmp_path)
    written.flush()
    assert startgate("verify").exit_code == 0, "an empty Redis is consistent by itself"
    result = startgate("verify", "--against", str(path))
    assert result.exit_code == 1
    assert "3 records differ" in result.stdout


@pytest.mark.usefixtures("written")
def test_an_export_can_be_bounded(tmp_path: Path) -> None:
    assert len(startgate("export", "--since", "2999-01-01").stdout.splitlines()) == 16
    path = tmp_path / "bounded.jsonl"
    path.write_text(startgate("export", "--until", "2999-01-01").stdout)
    assert startgate("verify", "--file", str(path)).exit_code == 0


def test_a_file_that_is_no_export_exits_1(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text("\x1b[2J\n")
    result = startgate("verify", "--file", str(path))
    assert result.exit_code == 1
    assert "line 1 is not a line of an export" in result.stderr


def _export(directory: Path) -> Path:
    result = startgate("export")
    assert result.exit_code == 0
    path = directory / "export.jsonl"
    path.write_text(result.stdout)
    return path


async def _set(valkey: Valkey, key: str, value: str) -> None:
    async with connect(SecretStr(valkey.url)) as client:
        await client.set(key, value)


def test_verify_says_the_same_as_json(written: Valkey, tmp_path: Path) -> None:
    path = _export(tmp_path)
    fine = json.loads(startgate("verify", "--json").stdout)
    assert (fine["fine"], fine["records"], len(fine["partitions"])) == (True, 3, 16)
    written.flush()
    result = startgate("verify", "--against", str(path), "--json")
    assert (result.exit_code, len(json.loads(result.stdout)["differ"])) == (1, 3)
