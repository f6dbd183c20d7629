"""The command: make the evidence of a story, or verify one that was made before."""

from pathlib import Path
from typing import Annotated

import typer

from workers.domain.errors import DependencyAway
from workers.domain.ids import is_reference
from workers.domain.ports.store import Commit
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, operator, run, session
from workers.runtime.terminal import safe_line
from workers.store.evidence.bundle import Unreadable, check
from workers.store.evidence.gather import gather
from workers.store.evidence.making import make


def evidence(
    reference: Annotated[
        str,
        typer.Argument(metavar="[REFERENCE]", help="The reference on a card, or the id of a containment."),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The zip; by default evidence-REFERENCE.zip here.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check this zip instead, offline.")
    ] = None,
    sha256: Annotated[
        str,
        typer.Option(metavar="DIGEST", help="With --verify: the digest that was printed when it was made."),
    ] = "",
) -> None:
    """Write one zip that shows what was done to a VM and why, for an auditor who verifies it alone.

    It holds the start, facts and plan, every request that changed something in Azure with its answer, the
    audit with the proof of its chain, and what Slack shows. Exits 1 if a zip that is verified was
    tampered with.

    Example: startgate evidence c0a1b2c3d --output web-02.zip
    """
    if verify is not None:
        raise typer.Exit(_verify(verify, sha256))
    if not is_reference(reference.lower()):
        fail(
            UNREACHABLE, safe_line(f"{reference[:80]!r} is no reference; cards show it: Reference c0a1b2c3d")
        )
    run(_make(reference.lower(), output or Path(f"evidence-{reference.lower()}.zip")))


async def _make(reference: str, path: Path) -> int:
    async with session() as s:
        gathered = await gather(s.store, s.audit, reference)
        try:
            _, made, record = await make(gathered, path, name=path.name, by=operator(), clock=s.clock)
        except OSError as error:
            fail(UNREACHABLE, safe_line(f"{path} can't be written: {error}"))
        try:
            await s.store.commit(Commit(partition=int(reference[1], 16), audit=(record,)))
        except DependencyAway as away:
            typer.echo(safe_line(f"the audit does not know of it: {away}"), err=True)
    typer.echo(safe_line(f"{path}: {made.files} files. Manifest SHA-256 {made.digest}"))
    if made.not_kept:
        typer.echo(f"{made.not_kept} exchanges with Azure are named by the audit and no longer kept.")
    if gathered.gone:
        typer.echo(f"went by retention: {', '.join(gathered.gone)}")
    return FINE


def _verify(path: Path, expected: str) -> int:
    try:
        wrong = list(check(path, expected))
    except Unreadable as error:
        fail(BROKEN, safe_line(str(error)))
    for one in wrong:
        typer.echo(f"✗ {safe_line(one)}")
    if wrong:
        typer.echo(f"{path}: was tampered with, or is damaged")
        return BROKEN
    beyond = "" if expected else "; give --sha256 to see that it is the one that was made then"
    typer.echo(f"{path}: fine{beyond}")
    return FINE
