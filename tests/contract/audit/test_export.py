"""An export of the audit: it verifies offline, and every kind of tampering with the file is named."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from tests.contract.audit.hands import Audit, P
from tests.valkey_server import Valkey
from workers.operator.audit_file import End, line_of, read_export, verify_export
from workers.store.audit.chain import Flaw
from workers.store.connection import connect


@pytest_asyncio.fixture
async def audit(valkey: Valkey) -> AsyncIterator[Audit]:
    async with connect(SecretStr(valkey.patient_url)) as client:
        yield Audit(client)


async def test_an_export_verifies_offline(audit: Audit, tmp_path: Path) -> None:
    path = await _exported(audit, tmp_path)
    assert all(check.broken is None for check in verify_export(read_export(path)))
    assert sum(check.count for check in verify_export(read_export(path))) == 12


def _drop(number: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: lines[:number] + lines[number + 1 :]


@pytest.mark.parametrize(
    ("tamper", "flaw"),
    [
        (lambda lines: [line.replace("test.done", "test.gone", 1) for line in lines], Flaw.CHANGED),
        (_drop(2), Flaw.MISSING),
        (_drop(4), Flaw.HEAD),
        (lambda lines: lines[:-1], Flaw.END),
        (lambda lines: lines[:3], Flaw.END),
        (_drop(0), Flaw.END),
    ],
    ids=["changed", "missing", "last missing", "no closing line", "cut off", "first missing"],
)
async def test_a_tampered_export_is_named(
    audit: Audit, tmp_path: Path, tamper: Callable[[list[str]], list[str]], flaw: Flaw
) -> None:
    path = await _exported(audit, tmp_path)
    path.write_text("".join(tamper(path.read_text().splitlines(keepends=True))))
    flaws = {check.broken.flaw for check in verify_export(read_export(path)) if check.broken}
    assert flaw in flaws


def test_a_file_that_is_no_export_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text('{"partition": 1, "end": "", "records": 0}\n{"partition": 99}\n')
    with pytest.raises(ValueError, match="line 2 is not a line of an export"):
        list(read_export(path))


async def _exported(audit: Audit, directory: Path) -> Path:
    await audit.write(5, partition=0)
    await audit.write(7, partition=P)
    lines: list[str] = []
    for partition in range(16):
        entries = [e async for e in audit.log.entries(partition)]
        digest = entries[-1].digest if entries else ""
        lines += [*map(line_of, entries), line_of(End(partition, digest, len(entries)))]
    path = directory / "export.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path
