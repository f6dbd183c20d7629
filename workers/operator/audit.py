"""``startgate audit show | verify | export``."""

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from workers.domain.ids import PARTITIONS, partition_of_id, partition_of_vm
from workers.domain.starts.vm import VmRef
from workers.operator.audit_file import End, line_of, read_export, verify_export
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, run, session
from workers.operator.times import when
from workers.runtime.terminal import safe_json, safe_line
from workers.store.audit_chain import ChainCheck, Entry
from workers.store.audit_log import AuditLog

app = typer.Typer(no_args_is_help=True, help="What was done, by whom, and with which right.")

Since = Annotated[
    datetime | None, typer.Option(parser=when, metavar="WHEN", help="From then on: 12h, 7d or an ISO time.")
]


@app.command()
def show(
    vm: Annotated[str, typer.Option(help="Only about this VM: a resource id, or a name.")] = "",
    kind: Annotated[str, typer.Option(help="Only records whose kind starts with this.")] = "",
    since: Since = None,
    about: Annotated[str, typer.Option(help="Only about this approval or containment: its id.")] = "",
) -> None:
    """Print audit records as JSON lines, in the order in which they were written."""
    run(_show(vm, kind, since, about))


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Verify this export instead, offline.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Also compare Redis with this earlier export."),
    ] = None,
) -> None:
    """Check that no audit record was changed, left out or cut off. Exits 0 fine, 1 broken, 2 can't reach.

    The chain of digests shows a change in Redis unless everything after it was computed anew too. Compare
    with an export that is kept elsewhere (--against) to see that as well.
    """
    if file is not None:
        raise typer.Exit(_verify_file(file))
    run(_verify(against))


@app.command()
def export(
    since: Since = None,
    until: Annotated[
        datetime | None, typer.Option(parser=when, metavar="WHEN", help="Up to then: 12h, 7d or an ISO time.")
    ] = None,
) -> None:
    """Print the audit as JSON lines that `audit verify --file` can check.

    Keep it where those who can write to Redis can't.
    """
    run(_export(since, until))


async def _show(vm: str, kind: str, since: datetime | None, about: str) -> int:
    try:
        ref = VmRef.parse(vm) if vm.startswith("/") else None
        partitions = _partitions(ref, about)
    except ValueError as error:
        fail(UNREACHABLE, str(error))
    name = "" if ref else vm.lower()
    async with session() as s:
        async for entry in s.audit.merged(partitions, since=since):
            record = _parsed(entry)
            of = str(record.get("vm", "")).lower()
            if (
                str(record.get("kind", "")).startswith(kind)
                and (not about or record.get("about") == about)
                and (ref is None or of == ref.key)
                and (not name or of.rpartition("/")[2] == name)
            ):
                typer.echo(safe_json(record))
    return FINE


def _partitions(ref: VmRef | None, about: str) -> Iterable[int]:
    if about:
        return (partition_of_id(about),)
    return (partition_of_vm(ref.key),) if ref else range(PARTITIONS)


def _parsed(entry: Entry) -> dict[str, object]:
    """As it is, even if it is no record of ours: `verify` judges, `show` shows."""
    try:
        record = json.loads(entry.record)
    except ValueError:
        record = None
    if isinstance(record, dict):
        return record
    return {"kind": "unreadable", "partition": entry.partition, "id": entry.id, "text": entry.record}


def _verify_file(path: Path) -> int:
    try:
        checks = verify_export(read_export(path))
    except (OSError, ValueError) as error:
        typer.echo(safe_line(str(error)), err=True)
        return BROKEN if isinstance(error, ValueError) else UNREACHABLE
    return _report(checks, beyond="what was before is not in this file")


async def _verify(against: Path | None) -> int:
    async with session() as s:
        checks = [await s.audit.verify(partition) for partition in range(PARTITIONS)]
        code = _report(checks, beyond="older ones were trimmed by retention")
        return max(code, await _compare(s.audit, against)) if against else code


async def _compare(log: AuditLog, path: Path) -> int:
    count = 0
    try:
        async for broken in log.compare(item for item in read_export(path) if isinstance(item, Entry)):
            count += 1
            typer.echo(f"✗ {safe_line(str(broken))}")
    except (OSError, ValueError) as error:
        fail(UNREACHABLE, safe_line(str(error)))
    typer.echo(f"{path}: {count} records differ" if count else f"{path}: Redis holds the same records")
    return BROKEN if count else FINE


def _report(checks: list[ChainCheck], *, beyond: str) -> int:
    for check in checks:
        if check.broken is not None:
            typer.echo(f"✗ {safe_line(str(check.broken))}")
        elif check.first is not None:
            note = f" ({beyond})" if check.trimmed else ""
            typer.echo(f"✓ partition {check.partition}: {check.count} records from {check.first.id} on{note}")
    broken, records = sum(check.broken is not None for check in checks), sum(check.count for check in checks)
    typer.echo(
        f"{records} records: " + (f"{broken} of {len(checks)} partitions broken" if broken else "fine")
    )
    return BROKEN if broken else FINE


async def _export(since: datetime | None, until: datetime | None) -> int:
    async with session() as s:
        for partition in range(PARTITIONS):
            count, digest = 0, ""
            async for entry in s.audit.entries(partition, since=since, until=until):
                count, digest = count + 1, entry.digest
                sys.stdout.write(line_of(entry) + "\n")
            sys.stdout.write(line_of(End(partition, digest, count)) + "\n")
    sys.stdout.flush()
    return FINE
