"""``startgate audit show | verify | export``."""

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from workers.domain.ids import PARTITIONS, is_reference, partition_of_id, partition_of_vm
from workers.domain.starts.vm import VmRef
from workers.operator.audit_file import End, line_of, read_export, verify_export
from workers.operator.audit_table import HEADER, row
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, run, session
from workers.operator.times import when
from workers.runtime.terminal import safe_json, safe_line
from workers.store.audit.chain import ChainCheck, Entry
from workers.store.audit.log import AuditLog
from workers.store.evidence.story import Story

app = typer.Typer(no_args_is_help=True, help="What was done, by whom, and with which right.")

Since = Annotated[
    datetime | None, typer.Option(parser=when, metavar="WHEN", help="From then on: 12h, 7d or an ISO time.")
]


class Wanted(NamedTuple):
    """Which records to show. ``ids`` are those of the story that ``what`` refers to, once they are known."""

    what: str = ""
    vm: str = ""
    kind: str = ""
    about: str = ""
    ids: frozenset[str] = frozenset()

    @property
    def reference(self) -> str:
        """``what``, if it may be a reference; a VM may be called so, too."""
        return self.what.lower() if is_reference(self.what.lower()) else ""

    def partitions(self) -> Iterable[int]:
        """Where these records can be.

        Raises:
            ValueError: an id that is none.
        """
        refs = [VmRef.parse(one) for one in (self.what, self.vm) if one.startswith("/")]
        if self.about:
            return (partition_of_id(self.about),)
        return (partition_of_vm(refs[0].key),) if refs else range(PARTITIONS)

    def fits(self, record: dict[str, Any]) -> bool:
        """Whether a record is wanted."""
        of, about = str(record.get("vm", "")).lower(), str(record.get("about", ""))
        return (
            str(record.get("kind", "")).startswith(self.kind)
            and (not self.about or about == self.about)
            and (not self.vm or _is_vm(self.vm, of))
            and (not self.what or about in self.ids or _is_vm(self.what, of))
        )

    def named(self) -> str:
        """What was asked for, for the sentence that nothing was found."""
        asked = [one for one in (self.what, self.vm, self.about) if one]
        kind = f" of the kind {self.kind}" if self.kind else ""
        return (f" about {', '.join(asked)}" if asked else "") + kind


def _is_vm(wanted: str, key: str) -> bool:
    if wanted.startswith("/"):
        return VmRef.parse(wanted).key == key
    return key.rpartition("/")[2] == wanted.lower()


@app.command()
def show(
    *,
    what: Annotated[
        str,
        typer.Argument(
            metavar="[REFERENCE|VM]",
            help="The reference on a card, for the whole story of its start and containment; or a VM's name "
            "or resource id.",
        ),
    ] = "",
    vm: Annotated[str, typer.Option(help="Only about this VM: a resource id, or a name.")] = "",
    kind: Annotated[str, typer.Option(help="Only records whose kind starts with this.")] = "",
    since: Since = None,
    about: Annotated[str, typer.Option(help="Only about this approval or containment: its id.")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print whole records, a JSON line each, instead of a table.")
    ] = False,
) -> None:
    """Print audit records in the order in which they were written, as a table.

    Example: startgate audit show web-02 --since 7d
    """
    run(_show(Wanted(what=what, vm=vm, kind=kind, about=about), since, as_json=as_json))


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Verify this export instead, offline.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Also compare Redis with this earlier export."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Check that no audit record was changed, left out or cut off. Exits 0 fine, 1 broken, 2 can't reach.

    The chain of digests shows a change in Redis unless everything after it was computed anew too. Compare
    with an export that is kept elsewhere (--against) to see that as well.

    Example: startgate audit verify --against export.jsonl
    """
    if file is not None:
        raise typer.Exit(_verify_file(file, as_json=as_json))
    run(_verify(against, as_json=as_json))


@app.command()
def export(
    since: Since = None,
    until: Annotated[
        datetime | None, typer.Option(parser=when, metavar="WHEN", help="Up to then: 12h, 7d or an ISO time.")
    ] = None,
) -> None:
    """Print the audit as JSON lines that `audit verify --file` can check.

    Keep it where those who can write to Redis can't.

    Example: startgate audit export --since 7d
    """
    run(_export(since, until))


async def _show(wanted: Wanted, since: datetime | None, *, as_json: bool) -> int:
    try:
        partitions = wanted.partitions()
    except ValueError as error:
        fail(UNREACHABLE, safe_line(str(error)))
    count = 0
    async with session() as s:
        if wanted.reference:
            story = Story(wanted.reference)
            async for entry in s.audit.merged(partitions):  # all of it: what joins two ids may be older
                story.hear(_parsed(entry))
            wanted = wanted._replace(ids=story.ids())
        async for entry in s.audit.merged(partitions, since=since):
            record = _parsed(entry)
            if wanted.fits(record):
                if not count and not as_json:
                    typer.echo(HEADER)
                typer.echo(safe_json(record) if as_json else row(record))
                count += 1
    if not count:
        typer.echo(safe_line(f"nothing found{wanted.named()}; older records went by retention"), err=True)
    return FINE


def _parsed(entry: Entry) -> dict[str, Any]:
    """As it is, even if it is no record of ours: `verify` judges, `show` shows."""
    try:
        record = json.loads(entry.record)
    except ValueError:
        record = None
    if isinstance(record, dict):
        return record
    return {"kind": "unreadable", "partition": entry.partition, "id": entry.id, "text": entry.record}


def _verify_file(path: Path, *, as_json: bool) -> int:
    try:
        checks = verify_export(read_export(path))
    except (OSError, ValueError) as error:
        typer.echo(safe_line(str(error)), err=True)
        return BROKEN if isinstance(error, ValueError) else UNREACHABLE
    return _report(checks, [], beyond="what was before is not in this file", as_json=as_json)


async def _verify(against: Path | None, *, as_json: bool) -> int:
    async with session() as s:
        checks = [await s.audit.verify(partition) for partition in range(PARTITIONS)]
        differ = await _compare(s.audit, against) if against else []
    code = _report(checks, differ, beyond="older ones were trimmed by retention", as_json=as_json)
    if against and not as_json:
        found = f"{len(differ)} records differ" if differ else "Redis holds the same records"
        typer.echo(f"{against}: {found}")
    return code


async def _compare(log: AuditLog, path: Path) -> list[str]:
    """Where Redis differs from an export."""
    try:
        exported = (item for item in read_export(path) if isinstance(item, Entry))
        return [str(broken) async for broken in log.compare(exported)]
    except (OSError, ValueError) as error:
        fail(UNREACHABLE, safe_line(str(error)))


def _report(checks: list[ChainCheck], differ: list[str], *, beyond: str, as_json: bool) -> int:
    broken = sum(check.broken is not None for check in checks)
    records = sum(check.count for check in checks)
    code = BROKEN if broken or differ else FINE
    if as_json:
        partitions = [
            {
                "partition": check.partition,
                "records": check.count,
                "from": check.first.id if check.first else None,
                "trimmed": check.trimmed,
                "broken": str(check.broken) if check.broken else None,
            }
            for check in checks
        ]
        found = {"fine": code == FINE, "records": records, "partitions": partitions, "differ": differ}
        typer.echo(safe_json(found, indent=2))
        return code
    for check in checks:
        if check.broken is not None:
            typer.echo(f"✗ {safe_line(str(check.broken))}")
        elif check.first is not None:
            note = f" ({beyond})" if check.trimmed else ""
            typer.echo(f"✓ partition {check.partition}: {check.count} records from {check.first.id} on{note}")
    said = f"{broken} of {len(checks)} partitions broken" if broken else "fine"
    typer.echo(f"{records} records: {said}")
    for one in differ:
        typer.echo(f"✗ {safe_line(one)}")
    return code


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
