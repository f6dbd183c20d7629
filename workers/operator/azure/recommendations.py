"""``startgate recommendations VM``: what Defender for Cloud has open for a VM, and what helps."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from workers.arm.read.defender.findings import read_findings
from workers.arm.read.defender.plans import ServersPlan, vm_plan
from workers.arm.session.clients import Azure
from workers.domain.errors import NotFound
from workers.domain.starts.defender import DefenderFacts
from workers.domain.starts.vm import VmRef
from workers.operator.azure.desk import VmName, wanted_vm
from workers.operator.azure.session import connected_azure
from workers.operator.session import BROKEN, FINE, fail, run, session
from workers.runtime.terminal import safe_json, safe_line

_MOST = 200
_LONGEST_REMEDY = 2000


def recommendations(
    vm: VmName, *, as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False
) -> None:
    """Show Defender for Cloud's open alerts and recommendations for a VM, the worst first, with remedies.

    Exits 0 if nothing is open, 1 if something is or there is no such VM, 2 if it could not be found out.

    Example: startgate recommendations web-02
    """
    run(_recommendations(vm, as_json=as_json))


async def _recommendations(name: str, *, as_json: bool) -> int:
    async with session() as opened, connected_azure() as azure:
        vm = await wanted_vm(name, opened)
        if vm.classic:
            fail(BROKEN, safe_line(f"{vm.name} is a classic VM; Defender for Cloud has no plan for it."))
        try:
            plan, found = await _read(azure, vm)
        except NotFound as gone:
            fail(BROKEN, gone.diagnostics())
    if as_json:
        typer.echo(safe_json(_as_json(vm, plan, found), indent=2))
    else:
        for line in _lines(vm, plan, found):
            typer.echo(safe_line(line))
    return BROKEN if found.alert_count or found.recommendation_count else FINE


async def _read(azure: Azure, vm: VmRef) -> tuple[ServersPlan, DefenderFacts]:
    plan, found = await asyncio.gather(
        vm_plan(azure, vm), read_findings(azure, [vm], most=_MOST, longest_remedy=_LONGEST_REMEDY)
    )
    return plan, found[vm.key]


def _lines(vm: VmRef, plan: ServersPlan, found: DefenderFacts) -> Iterator[str]:
    open_now = (
        f"{_counted(found.alert_count, 'alert')} and {_counted(found.recommendation_count, 'recommendation')}"
    )
    yield f"{vm.name}: {open_now} open; Defender for Servers: {plan.words}"
    if found.subscription_plan is None:
        yield "nothing known of the subscription: Defender for Cloud is not in use, or we may not read it"
    for alert in found.alerts:
        at = f" ({alert.at:%Y-%m-%d %H:%M} UTC)" if alert.at else ""
        yield f"! alert, {alert.severity}: {alert.name}{at}"
    for one in found.recommendations:
        yield f"- {one.severity}: {one.name}"
        if one.remedy:
            yield f"    {one.remedy}"
    left = found.recommendation_count - len(found.recommendations)
    if left:
        yield f"and {_counted(left, 'more recommendation')}"


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _as_json(vm: VmRef, plan: ServersPlan, found: DefenderFacts) -> dict[str, Any]:
    return {
        "vm": vm.resource_id,
        "plan": plan.sub_plan or None,
        "plan_is_its_own": plan.own,
        **found.model_dump(mode="json", exclude={"vm_plan", "vm_plan_own"}),
    }
