"""``startgate drill VM | --all``: a containment up to its first write, for one VM or the fleet."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer

from workers.arm.read.subscriptions.inventory import list_vms
from workers.arm.steps.obstacles import ArmObstacles
from workers.domain.containment.foresight.drills import Drill
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import DependencyAway, NotFound, StartgateError
from workers.domain.starts.vm import VmRef
from workers.operator.azure.desk import Desk, ProfileOption, desk, wanted_profile, wanted_vm
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, run
from workers.runtime.terminal import safe_json, safe_line
from workers.use_cases.orders.looking.rehearse import Rehearse

AT_ONCE = 8
"""VMs side by side. Azure allows 25 reads a second, and each VM takes about eight."""
MOST_TRIES = 5
LONGEST_WAIT_S = 60.0
TOLD_EVERY_S = 2.0
_NAME, _GROUP = 24, 20


class Drilled(NamedTuple):
    """One VM, and what was found; ``unknown`` says why nothing was."""

    vm: VmRef
    drill: Drill | None
    unknown: str = ""

    @property
    def line(self) -> str:
        """What was found, in one line."""
        return self.drill.line if self.drill else f"not known: {self.unknown}"

    @property
    def code(self) -> int:
        """As an exit code."""
        if self.drill is None:
            return UNREACHABLE
        if self.drill.obstacles:
            return BROKEN
        return UNREACHABLE if self.drill.unsure else FINE


def drill(
    vm: Annotated[
        str,
        typer.Argument(
            metavar="[VM]", help="The VM's name, GROUP/NAME, or its resource id.", show_default=False
        ),
    ] = "",
    profile: ProfileOption = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Every VM that this identity sees.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object; with --all one a line, as they come.")
    ] = False,
) -> None:
    """Check whether a VM could be contained now: every read and every right. Changes nothing.

    Azure Policy and deny assignments are not seen. Exits 0 if everything could be done, 1 if something could
    not, 2 if that could not be found out for some VM.

    Example: startgate drill --all
    """
    if bool(vm) == every:
        raise typer.BadParameter("say which: a VM, or --all")
    run(_all(profile, as_json=as_json) if every else _one(vm, profile, as_json=as_json))


async def _one(name: str, profile_name: str, *, as_json: bool) -> int:
    async with desk() as opened:
        profile = wanted_profile(profile_name, opened.policy)
        vm = await wanted_vm(name, opened.session)
        rehearse = Rehearse(
            foresee=opened.foresee, obstacles=ArmObstacles(opened.azure, opened.runners, opened.sources)
        )
        try:
            found = Drilled(vm, await rehearse(vm, profile))
        except NotFound as gone:
            fail(BROKEN, gone.diagnostics())
    if as_json:
        typer.echo(safe_json(_as_json(found), indent=2))
    else:
        _print(found)
    return found.code


def _print(found: Drilled) -> None:
    typer.echo(safe_line(f"{found.vm.name}: {found.line}"))
    if found.drill is None:
        return
    for obstacle in found.drill.obstacles:
        remedy = f" \u2192 {obstacle.remedy}" if obstacle.remedy else ""
        typer.echo(safe_line(f"\u2717 {obstacle.step.spec.title}: {obstacle.why}{remedy}"))
    for missing in found.drill.missing:
        typer.echo(safe_line(f"not known: {missing.name}: {missing.reason}"))


# The fleet


async def _all(profile_name: str, *, as_json: bool) -> int:
    async with desk() as opened:
        profile = wanted_profile(profile_name, opened.policy)
        vms, unlisted = await _listed(opened)
        if not as_json:
            typer.echo(f"{'VM':{_NAME}}  {'GROUP':{_GROUP}}  ABOUT  WHAT")
        progress, codes = _Progress(len(vms)), list[int]()
        async for found in _drilled(opened, vms, profile):
            codes.append(found.code)
            typer.echo(safe_json(_as_json(found)) if as_json else _row(found))
            progress.one_more()
    for why in unlisted:
        typer.echo(safe_line(why), err=True)
    typer.echo(_summary(codes, len(vms)), err=True)
    return max([*codes, UNREACHABLE if unlisted else FINE])


async def _listed(opened: Desk) -> tuple[list[VmRef], list[str]]:
    """Every VM there is, and which subscriptions could not be listed."""
    vms: list[VmRef] = []
    unlisted: list[str] = []
    async for listing in list_vms(opened.azure, datetime.now(UTC)):
        vms += [vm.ref for vm in listing.vms]
        unlisted += [why for why in (listing.unread, listing.classics_unread) if why]
    return vms, unlisted


async def _drilled(opened: Desk, vms: Sequence[VmRef], profile: LockdownProfile) -> AsyncIterator[Drilled]:
    """Each as soon as it is known, so many at once."""
    rehearse = Rehearse(
        foresee=opened.foresee,
        obstacles=ArmObstacles(opened.azure, opened.runners, opened.sources, listed=True),
    )
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(vm: VmRef) -> Drilled:
        async with slots:
            return await _patiently(rehearse, vm, profile)

    for done in asyncio.as_completed([asyncio.ensure_future(one(vm)) for vm in vms]):
        yield await done


async def _patiently(rehearse: Rehearse, vm: VmRef, profile: LockdownProfile) -> Drilled:
    """Once more after a wait, where Azure throttles."""
    tries = 0
    while True:
        tries += 1
        try:
            return Drilled(vm, await rehearse(vm, profile, closer=False))
        except StartgateError as error:
            wait_s = error.retry_after_s if isinstance(error, DependencyAway) else None
            if wait_s is None or tries == MOST_TRIES:
                return Drilled(vm, None, error.diagnostics())
        await asyncio.sleep(min(wait_s, LONGEST_WAIT_S))


class _Progress:
    """Says on standard error how far it is, every few seconds."""

    def __init__(self, count: int) -> None:
        self._count, self._done = count, 0
        self._told = asyncio.get_running_loop().time()

    def one_more(self) -> None:
        self._done += 1
        now = asyncio.get_running_loop().time()
        if now - self._told >= TOLD_EVERY_S:
            self._told = now
            typer.echo(f"{self._done} of {self._count} VMs", err=True)


def _row(found: Drilled) -> str:
    about = f"{found.drill.about_s:.0f} s" if found.drill else ""
    cannot = found.drill.cannot if found.drill else ""
    unknown = found.drill.unsure if found.drill else found.unknown
    would = found.drill.would if found.drill else ""
    what = cannot or (f"not known: {unknown}" if unknown else would)
    vm = found.vm
    return safe_line(f"{vm.name:{_NAME}}  {vm.resource_group:{_GROUP}}  {about:>5}  {what}")


def _summary(codes: Sequence[int], count: int) -> str:
    bad, unknown = codes.count(BROKEN), codes.count(UNREACHABLE)
    parts = [f"{count} VMs: {count - bad - unknown} could be contained"]
    parts += [f"{bad} not fully"] if bad else []
    parts += [f"{unknown} not known"] if unknown else []
    return ", ".join(parts)


def _as_json(found: Drilled) -> dict[str, Any]:
    drill = found.drill
    if drill is None:
        return {"vm": found.vm.resource_id, "unknown": found.unknown}
    return {
        "vm": found.vm.resource_id,
        "profile": drill.plan.profile,
        "summary": drill.line,
        "about_s": drill.about_s,
        "obstacles": [
            {"step": str(one.step), "why": one.why, "remedy": one.remedy} for one in drill.obstacles
        ],
        "not_known": [{"name": one.name, "reason": one.reason} for one in drill.missing],
    }
