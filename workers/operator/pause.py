"""``startgate pause`` and ``startgate resume``: the kill switch for all writes to Azure."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, LONGEST_PAUSE
from workers.domain.durations import duration, written
from workers.operator.desk.approving import say_asked
from workers.operator.desk.desk import VIA, alone, desk
from workers.operator.session import BROKEN, FINE, operator, run, session
from workers.runtime.terminal import safe_line
from workers.use_cases.orders.pause import PauseWrites


def _span(text: str | timedelta) -> timedelta:
    try:
        span = duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not isinstance(span, timedelta) or span > LONGEST_PAUSE:
        raise typer.BadParameter(f"a pause lasts at most {written(LONGEST_PAUSE)}; pause again when it ends")
    return span


def pause(
    reason: Annotated[str, typer.Option(help="Why, for everybody who waits for it.")],
    span: Annotated[
        timedelta,
        typer.Option(
            "--for",
            parser=_span,
            metavar="TIME",
            help=f"When it ends by itself: 30m or 2h, at most {written(LONGEST_PAUSE)}.",
        ),
    ] = DEFAULT_PAUSE,
) -> None:
    """Stop all changes in Azure: no isolation, stop or restore is begun until `startgate resume`.

    Questions are asked and answered as ever; what they lead to waits. What Azure was told already goes on.

    With two_person: access, it asks who you are, and nothing is paused before somebody else approves it.

    Example: startgate pause --reason "change freeze" --for 2h
    """
    run(_pause(reason, span))


def resume(
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
) -> None:
    """End a pause: what was held back goes on. Exits 1 if nothing was paused.

    Example: startgate resume --reason "freeze is over"
    """
    run(_resume(reason))


async def _pause(reason: str, span: timedelta) -> int:
    async with session() as s:
        pausing = PauseWrites(store=s.store, clock=s.clock, second=alone(s))
        if pausing.takes_two:
            return await _ask(reason, span)
        begun = await pausing.begin(operator(), reason, span=span)
    typer.echo(
        safe_line(f"Changes in Azure are paused until {_at(begun.until)}. `startgate resume` ends it sooner.")
    )
    return FINE


async def _ask(reason: str, span: timedelta) -> int:
    """The same where it takes two persons: the first one has to be somebody, and on call."""
    async with desk("startgate pause") as at:
        pausing = PauseWrites(store=at.session.store, clock=at.session.clock, second=at.second)
        await pausing.may(at.actor, wanted="startgate pause")
        asked = await pausing.ask(at.actor, reason, via=VIA, span=span)
    say_asked(asked, "Nothing is paused yet")
    return FINE


async def _resume(reason: str) -> int:
    async with session() as s:
        ended = await PauseWrites(store=s.store, clock=s.clock, second=alone(s)).end(operator(), reason)
    if ended is None:
        typer.echo("Changes in Azure are not paused.", err=True)
        return BROKEN
    typer.echo("Changes in Azure go on. What was held back is taken up within seconds.")
    return FINE


def _at(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""
