"""``startgate plan VM``: what a containment would do to a VM now, or the commands that do it by hand."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from workers.domain.containment.by_hand import Words, shell_line
from workers.domain.containment.plans import Change, PlannedStep
from workers.domain.errors import NotFound
from workers.domain.starts.vm import VmRef
from workers.operator.azure.desk import ProfileOption, VmName, desk, wanted_profile, wanted_vm
from workers.operator.session import BROKEN, FINE, fail, run
from workers.runtime.terminal import safe_json, safe_line
from workers.use_cases.orders.looking.foresee import Foreseen


class Form(StrEnum):
    """How the plan is printed."""

    TEXT = "text"
    AZ = "az"


def plan(
    vm: VmName,
    profile: ProfileOption = "",
    form: Annotated[
        Form, typer.Option("--as", help="`az`: commands of the Azure CLI that do the same by hand, in order.")
    ] = Form.TEXT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as one JSON object.")] = False,
) -> None:
    """Show what a containment would do to a VM now. Reads Azure, changes nothing.

    Exits 0 with a plan, 1 if there is no such VM or profile, 2 if it could not be found out.

    Example: startgate plan web-02 --as az
    """
    run(_plan(vm, profile, form, as_json=as_json))


async def _plan(name: str, profile_name: str, form: Form, *, as_json: bool) -> int:
    async with desk() as opened:
        profile = wanted_profile(profile_name, opened.policy)
        vm = await wanted_vm(name, opened.session)
        try:
            foreseen = await opened.foresee(vm, profile)
        except NotFound as gone:
            fail(BROKEN, gone.diagnostics())
    if as_json:
        typer.echo(safe_json(_as_json(vm, foreseen), indent=2))
        return FINE
    for line in _commands(vm, foreseen) if form is Form.AZ else _text(vm, foreseen):
        typer.echo(line)
    return FINE


# As text


def _text(vm: VmRef, foreseen: Foreseen) -> Iterator[str]:
    yield safe_line(f"{vm.name}: would {summary(foreseen)}")
    yield safe_line(f"{vm.resource_id}, profile {foreseen.plan.profile}, {_as_of(foreseen)}")
    for obstacle in foreseen.plan.obstacles:
        yield safe_line(f"! {obstacle}")
    for number, planned in enumerate(foreseen.plan.steps, 1):
        yield safe_line(f"{number}. {planned.step.spec.title}: {_says(planned.change)}")
        for detail in planned.change.details:
            yield safe_line(f"   {detail}")
    for impact in foreseen.plan.impact:
        yield safe_line(f"{'!' if impact.severe else '-'} {impact.text}")
    for grant in foreseen.plan.grants:
        yield safe_line(f"stays: {grant.text}{f'; to remove it: {grant.command}' if grant.command else ''}")
    for missing in foreseen.facts.missing:
        yield safe_line(f"not known: {missing.name}: {missing.reason}")


def summary(foreseen: Foreseen) -> str:
    """What would be done, in one line; steps with nothing to do are left out."""
    if foreseen.guarded:
        return f"change nothing: {foreseen.guarded}"
    changes = [planned.change for planned in foreseen.plan.steps]
    said = [one.summary for one in changes if not one.nothing_to_do and not one.skipped]
    return ", ".join(said) or "change nothing"


def _says(change: Change) -> str:
    if change.skipped:
        return f"skipped: {change.skipped}"
    return f"{change.summary}{': nothing to do' if change.nothing_to_do else ''}"


def _as_of(foreseen: Foreseen) -> str:
    at = foreseen.plan.as_of
    return f"as of {at:%Y-%m-%d %H:%M:%S} UTC" if at else "as far as it is known"


# As commands


def _commands(vm: VmRef, foreseen: Foreseen) -> Iterator[str]:
    """Comments and commands for a POSIX shell. No name from Azure can end a comment, or a word."""
    about = f"{vm.resource_id}, profile {foreseen.plan.profile}, {_as_of(foreseen)}"
    yield safe_line(f"# By hand, for a POSIX shell: {about}")
    for number, planned in enumerate(foreseen.plan.steps, 1):
        yield safe_line(f"# {number}. {planned.step.spec.title}: {_says(planned.change)}")
        yield from _of_step(planned, foreseen.by_hand[planned.step])


def _of_step(planned: PlannedStep, commands: tuple[Words, ...]) -> Iterator[str]:
    if not commands and not planned.change.nothing_to_do and not planned.change.skipped:
        yield safe_line(f"# No command is known: {planned.step.spec.by_hand}")
    for words in commands:
        line = shell_line(words)
        if safe_line(line) == line:
            yield line
        else:  # no name that Azure accepts is like that
            yield safe_line(f"# Not printed, a name in it has control characters: {line}")


# As JSON


def _as_json(vm: VmRef, foreseen: Foreseen) -> dict[str, Any]:
    return {
        "vm": vm.resource_id,
        "profile": foreseen.plan.profile,
        "as_of": foreseen.plan.as_of.isoformat() if foreseen.plan.as_of else None,
        "summary": summary(foreseen),
        "guarded": foreseen.guarded,
        "steps": [
            {
                "step": str(planned.step),
                "summary": planned.change.summary,
                "details": planned.change.details,
                "nothing_to_do": planned.change.nothing_to_do,
                "skipped": planned.change.skipped,
                "by_hand": foreseen.by_hand[planned.step],
            }
            for planned in foreseen.plan.steps
        ],
        "obstacles": foreseen.plan.obstacles,
        "grants": [{"text": one.text, "command": one.command} for one in foreseen.plan.grants],
        "impact": [{"text": one.text, "severe": one.severe} for one in foreseen.plan.impact],
        "not_known": [{"name": one.name, "reason": one.reason} for one in foreseen.facts.missing],
    }
