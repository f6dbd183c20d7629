"""``startgate approvals`` and ``startgate status``: what waits, what is contained, and how a VM stands."""

from enum import StrEnum
from typing import Annotated

import typer

from workers.operator.azure.desk import VmName, wanted_vm
from workers.operator.desk.desk import desk, overview
from workers.operator.desk.shown import (
    CONTAINED,
    QUESTIONS,
    containment_json,
    containment_row,
    question_json,
    question_row,
    status_json,
    status_lines,
)
from workers.operator.session import FINE, run, session
from workers.runtime.terminal import safe_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


class Which(StrEnum):
    """What is listed."""

    OPEN = "open"
    MINE = "mine"
    CONTAINED = "contained"


def approvals(
    which: Annotated[
        Which,
        typer.Argument(
            help="Open questions, those of VMs that you own (asks who you are), or contained VMs."
        ),
    ] = Which.OPEN,
    *,
    as_json: AsJson = False,
) -> None:
    """List what waits for an answer, or what is contained.

    Example: startgate approvals mine
    """
    run(_approvals(which, as_json=as_json))


def status(vm: VmName, *, as_json: AsJson = False) -> None:
    """Show how a VM stands: its open questions, its containment, step by step. Azure is not asked.

    Example: startgate status web-02
    """
    run(_status(vm, as_json=as_json))


async def _approvals(which: Which, *, as_json: bool) -> int:
    if which is Which.MINE:
        async with desk("approvals mine") as at:
            now = at.session.clock.now()
            found = list((await at.overview.waiting_for(at.actor, now)).questions)
    else:
        async with session() as opened:
            now = opened.clock.now()
            if which is Which.CONTAINED:
                contained = await overview(opened).contained()
                rows = [containment_json(one) for one in contained]
                _print(rows, [containment_row(one) for one in contained], CONTAINED, as_json=as_json)
                return FINE
            found = await overview(opened).questions()
    rows = [question_json(one, now) for one in found]
    _print(rows, [question_row(one, now) for one in found], QUESTIONS, as_json=as_json)
    return FINE


def _print(found: list[dict[str, object]], rows: list[str], header: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(safe_json(found, indent=2))
    elif not rows:
        typer.echo("None.")
    else:
        typer.echo("\n".join([header, *rows]))


async def _status(name: str, *, as_json: bool) -> int:
    async with session() as opened:
        vm = await wanted_vm(name, opened)
        found, now = await overview(opened).of_vm(vm), opened.clock.now()
    if as_json:
        typer.echo(safe_json(status_json(found, now), indent=2))
    else:
        typer.echo("\n".join(status_lines(found, now)))
    return FINE
