"""``startgate evidence``: one zip of a whole story, on a real Valkey. Whatever is tampered with is found."""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from tests import acting
from tests import builders as a
from tests.doubles import FakeClock, FakeRunner
from tests.unit.use_cases.containment.test_exchanges import GOING, exchange, writing
from tests.valkey_server import Valkey
from workers.bus.memory import MemoryNudger
from workers.cli import app
from workers.domain.asking.cards import Card, Copy, CopyKind, Post
from workers.domain.asking.decisions import Answer
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.plans import Change
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_vm, reference
from workers.domain.ports.store import Commit, Said
from workers.domain.starts.vm import VmRecord
from workers.store.audit.log import AuditLog
from workers.store.connection import connect
from workers.store.evidence.making import EvidenceMaker
from workers.store.redis_store import RedisStore
from workers.store.users.access import Who, rules
from workers.use_cases.containment.contain import Contain

VM = a.vm_ref()
P = partition_of_vm(VM.key)
APPROVAL = a.approval(version=0)
SNAPSHOT = (
    f"/subscriptions/{a.SUBSCRIPTION}/resourceGroups/rg-web/providers/Microsoft.Compute/snapshots/web-01-os"
)
OTHERS = "somebody else's secret business"


def startgate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evidence", *map(str, arguments)])


@pytest_asyncio.fixture
async def story(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisStore]:
    """A rejected start whose containment wrote to Azure; records of another VM stand between its own."""
    monkeypatch.setenv("STARTGATE_REDIS_URL", valkey.url)
    monkeypatch.setenv("STARTGATE_SERVICEBUS_NAMESPACE", "unused")
    monkeypatch.setenv("STARTGATE_POLICY", "unused.yaml")
    async with connect(SecretStr(valkey.url)) as client:
        clock = FakeClock()
        store = RedisStore(client, clock=clock)
        await _other(store, clock)
        record = VmRecord(vm=VM, open_approvals=(APPROVAL.id,))
        opened = AuditRecord(kind="approval.opened", at=a.NOW, about=APPROVAL.id, vm=VM.key)
        await store.commit(Commit(partition=P, documents=(APPROVAL, record), audit=(opened,)))
        ports = {"store": store, "nudger": MemoryNudger(), "clock": clock}
        decided = await acting.decide(**ports)(Answer.REJECT, APPROVAL.id, a.actor(), reason="not me")
        assert decided.containment is not None
        await _other(store, clock)
        runners = [FakeRunner(name) for name in LockdownProfile().steps]
        kept = Change(summary="isolate", before={"nsg": None}, after={"made": [SNAPSHOT]})
        going = GOING.changed(change=kept)
        runners[0].to_begin.append(writing(exchange(1), exchange(2, request='{"b": 1}'), then=going))
        contain = Contain(
            runners=runners, policy=a.policy, brakes=acting.brakes(store=store, clock=clock), **ports
        )
        for _ in range(20):
            await contain(decided.containment.id)
            clock.advance(3)
        contained = await store.containment(decided.containment.id)
        assert contained.state is ContainmentState.CONTAINED
        await _card(store)
        yield store


async def _other(store: RedisStore, clock: FakeClock) -> None:
    """The partition holds other VMs, too."""
    other = AuditRecord(
        kind="lockdown.ordered", at=clock.now(), about="c" + "f" * 25, details={"why": OTHERS}
    )
    await store.commit(Commit(partition=P, audit=(other,)))


async def _card(store: RedisStore) -> None:
    post = Post(intent="i", intended_at=a.NOW, ts="17.1", shows="root-digest")
    reply = post.changed(ts="17.2", shows="reply-digest")
    copy = Copy(kind=CopyKind.OWNER, channel="D1", asked=a.ALICE, root=post, replies={"decision": reply})
    said = Said(APPROVAL.id, {"root-digest": "Rejected: vm-web-01", "reply-digest": "By Alice"})
    await store.commit(Commit(partition=P, documents=(Card(id=APPROVAL.id, copies=(copy,)),), said=said))


@pytest.fixture
def made(story: RedisStore, tmp_path: Path) -> tuple[Path, str]:
    del story
    path = tmp_path / "evidence.zip"
    result = startgate(reference(APPROVAL.id), "--output", path)
    assert result.exit_code == 0, result.output
    return path, result.stdout.splitlines()[0].rpartition(" ")[2]


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def rewritten(path: Path, files: dict[str, bytes], *, sums: bool = False) -> Path:
    """The zip with other contents; with ``sums``, whoever did it also made manifest and sums anew."""
    if sums:
        manifest = json.loads(files["manifest.json"])
        own = {"manifest.json", "SHA256SUMS"}
        manifest["files"] = {n: hashlib.sha256(c).hexdigest() for n, c in files.items() if n not in own}
        files["manifest.json"] = json.dumps(manifest, indent=2, sort_keys=True).encode()
        everything = {
            **manifest["files"],
            "manifest.json": hashlib.sha256(files["manifest.json"]).hexdigest(),
        }
        files["SHA256SUMS"] = "".join(f"{d}  {n}\n" for n, d in sorted(everything.items())).encode()
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return path


def test_it_holds_the_whole_story_and_nothing_of_anybody_elses(made: tuple[Path, str]) -> None:
    path, _ = made
    files = contents(path)
    folder = f"questions/{APPROVAL.id}"
    assert json.loads(files[f"{folder}/event.json"])["correlation_id"] == APPROVAL.event.correlation_id
    assert json.loads(files[f"{folder}/facts.json"])["machine"]["location"] == "westeurope"
    assert json.loads(files[f"{folder}/plan.json"])["steps"]
    assert json.loads(files[f"{folder}/question.json"])["decision"]["reason"] == "not me"
    (containment,) = [name for name in files if name.startswith("containments/")]
    assert json.loads(files[containment])["state"] == "CONTAINED"
    exchanges = [json.loads(files[name]) for name in sorted(files) if name.startswith("exchanges/")]
    assert [one["correlation_id"] for one in exchanges] == ["correlation-1", "correlation-2"]
    assert exchanges[1]["request"] == '{"b": 1}'
    (card,) = json.loads(files[f"cards/{APPROVAL.id}.json"])
    assert card["says"] == "Rejected: vm-web-01"
    assert card["thread"] == [{"about": "decision", "ts": "17.2", "says": "By Alice"}]
    assert json.loads(files["snapshots.json"]) == [SNAPSHOT]
    kinds = [json.loads(json.loads(line)["record"])["kind"] for line in _records(files)]
    assert kinds[:2] == ["approval.opened", "approval.rejected"]
    assert "containment.contained" in kinds
    assert not any(OTHERS.encode() in content for content in files.values())
    manifest = json.loads(files["manifest.json"])
    assert manifest["vm"] == VM.key
    assert manifest["made_by"].startswith("operator ")


def _records(files: dict[str, bytes]) -> list[str]:
    return [line for line in files["audit.jsonl"].decode().splitlines() if "record" in json.loads(line)]


async def test_it_is_verified_offline_and_the_audit_knows_its_digest(
    story: RedisStore, made: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = made
    record = (await story.audit(P))[-1]
    assert (record.kind, record.details["manifest_sha256"]) == ("evidence.made", digest)
    monkeypatch.setenv("STARTGATE_REDIS_URL", "redis://127.0.0.1:1/0")
    result = startgate("--verify", path, "--sha256", digest)
    assert (result.exit_code, result.stdout.strip()) == (0, f"{path}: fine")
    assert "give --sha256" in startgate("--verify", path).stdout
    assert startgate("--verify", path, "--sha256", "0" * 64).exit_code == 1


async def test_the_bot_makes_the_same_as_its_own_user_of_redis_and_it_is_verified_offline(
    story: RedisStore, valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    containment = (await story.approval(APPROVAL.id)).containment_id
    assert containment is not None
    async with connect(SecretStr(valkey.url)) as admin:
        await admin.execute_command("ACL", "SETUSER", "bot", "on", ">secret", *rules(Who.BOT))
        async with connect(SecretStr(valkey.url.replace("://", "://bot:secret@"))) as bot:
            store = RedisStore(bot, clock=FakeClock())
            file = await EvidenceMaker(store, AuditLog(bot), FakeClock())(containment, "Olga (U0OLGA0001)")
        await admin.execute_command("ACL", "DELUSER", "bot")
    path = tmp_path / file.name
    path.write_bytes(file.content)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    files = contents(path)
    assert {f"questions/{APPROVAL.id}/question.json", f"cards/{APPROVAL.id}.json"} < files.keys()
    assert not any(OTHERS.encode() in content for content in files.values())
    record = (await story.audit(P))[-1]
    assert (record.kind, record.by) == ("evidence.made", "Olga (U0OLGA0001)")
    assert record.details["manifest_sha256"] == file.manifest_sha256
    monkeypatch.setenv("STARTGATE_REDIS_URL", "redis://127.0.0.1:1/0")
    result = startgate("--verify", path, "--sha256", file.manifest_sha256)
    assert (result.exit_code, result.stdout.strip()) == (0, f"{path}: fine")


async def test_the_bot_makes_none_of_an_audit_that_is_too_long_to_be_read_beside_its_work(
    story: RedisStore, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(await story.audit(P))
    monkeypatch.setattr("workers.store.evidence.making.MOST_RECORDS", before - 1)
    async with connect(SecretStr(valkey.url)) as client:
        with pytest.raises(NotYet, match="too many for a file in Slack"):
            await EvidenceMaker(story, AuditLog(client), FakeClock())(APPROVAL.id, "Olga")
    assert len(await story.audit(P)) == before


def test_what_its_readme_says_checks_it_without_us(made: tuple[Path, str], tmp_path: Path) -> None:
    path, digest = made
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as bundle:
        bundle.extractall(folder)
    readme = (folder / "README.txt").read_text()
    assert _exit_code(folder, "sha256sum", "--check", "SHA256SUMS") == 0
    assert hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest() == digest
    lines = [line[7:] for line in readme.splitlines() if line.startswith("       ")]
    script = "\n".join(lines[lines.index("import hashlib, json") : -1])
    assert _exit_code(folder, sys.executable, "-c", script) == 0
    audit = folder / "audit.jsonl"
    audit.write_text(audit.read_text().replace("not me", "for me"))
    assert _exit_code(folder, sys.executable, "-c", script) != 0
    assert _exit_code(folder, "sha256sum", "--check", "SHA256SUMS") != 0


def _exit_code(folder: Path, *command: str) -> int:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


class TestTampering:
    def test_a_change_of_any_file_is_found(self, made: tuple[Path, str]) -> None:
        path, digest = made
        files = contents(path)
        for name, content in files.items():
            changed = dict(files)
            changed[name] = content.replace(b"e", b"E", 1) if b"e" in content else content + b" "
            rewritten(path, changed)
            assert startgate("--verify", path, "--sha256", digest).exit_code == 1, name

    def test_a_file_that_is_gone_or_was_added_is_found(self, made: tuple[Path, str]) -> None:
        path, digest = made
        files = contents(path)
        for name in files:
            rewritten(path, {n: c for n, c in files.items() if n != name})
            assert startgate("--verify", path, "--sha256", digest).exit_code == 1, name
        rewritten(path, {**files, "exchanges/more.json": b"{}"})
        result = startgate("--verify", path)
        assert "exchanges/more.json was added" in result.stdout

    @pytest.mark.parametrize(
        ("tamper", "found"),
        [
            (
                lambda lines: [one.replace("not me", "for me") for one in lines],
                "digest is not that of its text",
            ),
            (lambda lines: [lines[0], *lines[2:]], "does not follow the one before"),
            (lambda lines: lines[:-1], "does not end with the head"),
            (lambda lines: [lines[1], lines[0], *lines[2:]], "does not follow the one before"),
            (lambda _: [], "does not end with the head"),
        ],
    )
    def test_any_record_that_is_changed_left_out_or_moved_is_found_though_all_sums_were_made_anew(
        self, made: tuple[Path, str], tamper: Callable[[list[str]], list[str]], found: str
    ) -> None:
        path, digest = made
        files = contents(path)
        lines = tamper(files["audit.jsonl"].decode().splitlines())
        files["audit.jsonl"] = "".join(f"{line}\n" for line in lines).encode()
        rewritten(path, files, sums=True)
        result = startgate("--verify", path)
        assert result.exit_code == 1
        assert found in result.stdout
        assert "is not the one that was made then" in startgate("--verify", path, "--sha256", digest).stdout

    def test_an_exchange_that_is_changed_or_left_out_is_found_though_all_sums_were_made_anew(
        self, made: tuple[Path, str]
    ) -> None:
        path, _ = made
        files = contents(path)
        name = next(one for one in files if one.startswith("exchanges/"))
        changed = {**files, name: files[name].replace(b"correlation-1", b"correlation-9")}
        rewritten(path, changed, sums=True)
        result = startgate("--verify", path)
        assert f"{name} is not what the audit says was exchanged with Azure" in result.stdout
        assert "an exchange with Azure is missing" in result.stdout
        rewritten(path, {n: c for n, c in files.items() if n != name}, sums=True)
        assert "an exchange with Azure is missing" in startgate("--verify", path).stdout

    def test_documents_are_vouched_for_by_the_digest_that_was_printed(self, made: tuple[Path, str]) -> None:
        path, digest = made
        files = contents(path)
        name = f"questions/{APPROVAL.id}/facts.json"
        rewritten(path, {**files, name: files[name].replace(b"westeurope", b"eastus")}, sums=True)
        assert startgate("--verify", path, "--sha256", digest).exit_code == 1

    @pytest.mark.parametrize("content", [b"", b"PK", b"no zip", b"PK\x05\x06" + b"\0" * 18])
    def test_what_is_no_zip_of_ours_is_said_to_be_none(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "x.zip"
        path.write_bytes(content)
        result = startgate("--verify", path)
        assert result.exit_code == 1
        assert "Traceback" not in result.output

    def test_a_damaged_zip_is_an_error_and_no_crash(self, made: tuple[Path, str]) -> None:
        path, _ = made
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 40)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
            result = startgate("--verify", path)
            assert result.exit_code in (0, 1)
            assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("asked", ["", "web-01", "a0", "x" * 26])
def test_what_is_no_reference_is_said(asked: str) -> None:
    result = startgate(asked)
    assert result.exit_code == 2
    assert "is no reference" in result.output


@pytest.mark.usefixtures("story")
def test_a_story_that_the_audit_does_not_know_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    result = startgate("c0ffffff0", "--output", path)
    assert (result.exit_code, path.exists()) == (2, False)
    assert "the audit knows nothing of c0ffffff0" in result.output
