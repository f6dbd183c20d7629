"""``startgate canary``: a start that never was, sent the real way, to see that the way is open."""

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import Annotated

import typer

from workers.bus.connection import connected
from workers.bus.starts_sender import BusStartsSender
from workers.domain.durations import duration
from workers.domain.errors import StartgateError
from workers.domain.starts.canary import STAGES, Canary
from workers.operator.session import BROKEN, FINE, run, session
from workers.runtime.log import configure_logging
from workers.runtime.terminal import safe_line
from workers.use_cases.sweeps.starts.canary import WITHIN_S, CanarySilent, FlyCanary


def _span(text: str | timedelta) -> timedelta:
    try:
        span = duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not isinstance(span, timedelta) or span <= timedelta(0):
        raise typer.BadParameter("a time such as 60s or 1h")
    return span


def canary(
    every: Annotated[
        timedelta | None,
        typer.Option(parser=_span, metavar="TIME", help="Send one again and again, until this is ended."),
    ] = None,
    within: Annotated[
        timedelta, typer.Option(parser=_span, metavar="TIME", help="How long one may take.")
    ] = timedelta(seconds=WITHIN_S),
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Send a synthetic start and wait until the bot has seen it. Exits 1 if it was not seen in time.

    It goes the way of every start: queue, intake, policy, record, bot. Nobody is asked, and nothing is
    read or changed in Azure. Event Grid is not part of it: `startgate doctor` looks at that.

    Example: startgate canary --within 30s
    """
    run(_canary(every, within, as_json=as_json))


async def _canary(every: timedelta | None, within: timedelta, *, as_json: bool) -> int:
    async with session() as s, contextlib.AsyncExitStack() as stack:
        configure_logging(s.settings.log, process="canary")  # on standard error
        client = await stack.enter_async_context(
            connected(
                connection=s.settings.servicebus_connection,
                namespace=s.settings.servicebus_namespace,
                credential=s.settings.identity,
            )
        )
        fly = FlyCanary(
            store=s.store, send=BusStartsSender(client), clock=s.clock, within_s=within.total_seconds()
        )
        if every is None:
            return await _one(fly, as_json=as_json)
        while True:
            with contextlib.suppress(StartgateError):  # it was said; the next one may do better
                await _one(fly, as_json=as_json)
            await asyncio.sleep(every.total_seconds())


async def _one(fly: FlyCanary, *, as_json: bool) -> int:
    try:
        canary = await fly()
    except CanarySilent as silent:
        _tell(silent.canary, as_json=as_json, silent=silent.diagnostics())
        return BROKEN
    except StartgateError as error:
        typer.echo(safe_line(error.diagnostics()), err=True)
        raise
    _tell(canary, as_json=as_json)
    return FINE


def _tell(canary: Canary, *, as_json: bool, silent: str = "") -> None:
    took = {stage: round(span.total_seconds() * 1000) for stage, span in canary.took.items()}
    if as_json:
        found = {"id": canary.id, "seen": not silent, "took_ms": took, "waits_for": canary.waits_for or None}
        typer.echo(json.dumps(found | {"verdict": canary.verdict or None}))
        return
    typer.echo(silent or f"The canary was seen after {sum(took.values())} ms.", err=bool(silent))
    for stage in STAGES:
        typer.echo(f"  {stage:<9} {f'{took[stage]} ms' if stage in took else 'not yet'}")
