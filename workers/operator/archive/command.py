"""``startgate archive export | verify | show``."""

import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.domain.ids import PARTITIONS, is_reference
from workers.operator.archive.checking import Directory, Source, check, parsed
from workers.operator.archive.standing import standing
from workers.operator.audit_table import HEADER, row
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, run, session
from workers.outside.archive.opening import archive_at
from workers.runtime.environment import read_environment
from workers.runtime.terminal import safe_json, safe_line
from workers.settings import WorkersSettings
from workers.store.audit.cursor import RedisAuditCursor
from workers.store.connection import connect
from workers.store.leases import RedisLeases
from workers.use_cases.sweeps.audit.archive import ArchiveAudit, segment_prefix

if TYPE_CHECKING:
    from workers.outside.archive.blobs import BlobArchive

app = typer.Typer(no_args_is_help=True, help="The audit as it is kept in immutable blobs.")

From = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        exists=True,
        file_okay=False,
        help="Blobs that were downloaded, instead of the container that STARTGATE_ARCHIVE_URL names.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@app.command()
def export() -> None:
    """Copy what is new into the archive now, without waiting for the schedule.

    Example: startgate archive export
    """
    run(_export())


@app.command()
def verify(
    directory: From = None,
    sha256: Annotated[
        str, typer.Option(metavar="DIGEST", help="Heads of this digest, kept elsewhere, have to be in it.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Check that the archive holds every record that was written to it. Exits 0 fine, 1 broken, 2 away.

    Example: startgate archive verify --directory ./audit-archive
    """
    run(_verify(directory, sha256, as_json=as_json))


@app.command()
def show(
    what: Annotated[
        str, typer.Argument(metavar="[REFERENCE|VM]", help="The reference on a card, or a VM's name or id.")
    ] = "",
    directory: From = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print archived records, oldest first: what is known when Redis is gone.

    Example: startgate archive show web-02
    """
    run(_show(what.lower(), directory, as_json=as_json))


@app.command()
def contained(directory: From = None, *, as_json: AsJson = False) -> None:
    """List the VMs that stand contained by the archive, and what to bring back by hand.

    For when Redis is gone: Azure still holds them, and nothing else knows why, or what was before.

    Example: startgate archive contained
    """
    run(_contained(directory, as_json=as_json))


@contextlib.asynccontextmanager
async def _archive() -> AsyncIterator["BlobArchive"]:
    settings = read_environment(WorkersSettings)
    if settings.archive_url is None:
        fail(UNREACHABLE, "STARTGATE_ARCHIVE_URL is not set, so there is no archive.")
    async with archive_at(settings.archive_url, settings.archive_key, settings.identity) as archive:
        yield archive


@contextlib.asynccontextmanager
async def _source(directory: Path | None) -> AsyncIterator[Source]:
    if directory is not None:
        yield Directory(directory)
        return
    async with _archive() as archive:
        yield archive


async def _export() -> int:
    async with _archive() as archive, session() as opened:
        async with connect(opened.settings.redis_url, opened.settings.redis_sign_in) as redis:
            cursor = RedisAuditCursor(redis)
            count = await ArchiveAudit(
                archive=archive,
                audit=cursor,
                cursor=cursor,
                leases=RedisLeases(redis, socket.gethostname()),
                clock=opened.clock,
                period_s=0,
            ).export()
        immutable = await archive.immutable()
    typer.echo(f"{count} records copied")
    if not immutable:
        typer.echo("The container has no immutability policy: what is in it can be changed.", err=True)
    return FINE


async def _verify(directory: Path | None, sha256: str, *, as_json: bool) -> int:
    async with _source(directory) as source:
        found = await check(source, sha256)
    if as_json:
        typer.echo(safe_json(found._asdict(), indent=2))
        return BROKEN if found.wrong else FINE
    for wrong in found.wrong:
        typer.echo(safe_line(f"✗ {wrong}"))
    for anew in found.anew:
        typer.echo(safe_line(f"! {anew}: Redis was lost before that, or somebody emptied it"))
    said = f"{len(found.wrong)} things are wrong" if found.wrong else "fine"
    typer.echo(f"{found.records} records: {said}. Newest heads: {found.heads or 'none'}")
    return BROKEN if found.wrong else FINE


async def _show(what: str, directory: Path | None, *, as_json: bool) -> int:
    async with _source(directory) as source:
        records = [record for record in await _records(source) if _fits(what, record)]
    if records and not as_json:
        typer.echo(HEADER)
    for record in records:
        typer.echo(safe_json(record) if as_json else row(record))
    if not records:
        typer.echo(safe_line(f"nothing found{f' about {what}' if what else ''}"), err=True)
    return FINE


async def _contained(directory: Path | None, *, as_json: bool) -> int:
    async with _source(directory) as source:
        found = standing(await _records(source))
    if as_json:
        typer.echo(safe_json([one.as_json() for one in found], indent=2))
        return FINE
    for one in found:
        typer.echo(safe_line(f"{one.vm.rpartition('/')[2]}: {one.state} since {one.since}, {one.reference}"))
        typer.echo(safe_line(f"  {one.vm}"))
        for line in one.lines():
            typer.echo(safe_line(f"  to bring back: {line}"))
    if not found:
        typer.echo("None.")
    return FINE


async def _records(source: Source) -> list[dict[str, Any]]:
    """All records, oldest first; what is no segment is said on standard error."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for partition in range(PARTITIONS):
        async for name in source.names(segment_prefix(partition)):
            try:
                entries = parsed(name, await source.read(name)).entries
            except ValueError as error:
                typer.echo(safe_line(str(error)), err=True)
                continue
            for entry in entries:
                record = json.loads(entry.record)
                found.append((str(record.get("at", "")), entry.id, record))
    return [record for *_, record in sorted(found, key=lambda one: one[:2])]


def _fits(what: str, record: dict[str, Any]) -> bool:
    """Whether a record is of this VM, or of the document with this reference or id."""
    vm, about = str(record.get("vm", "")).lower(), str(record.get("about", "")).lower()
    return (
        not what
        or what in (vm, vm.rpartition("/")[2])
        or (is_reference(what) and about.startswith(what))
        or (is_reference(what) and what in json.dumps(record.get("details", {})))
    )
