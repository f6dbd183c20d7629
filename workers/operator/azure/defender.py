"""``startgate defender status | enable``: Defender for Servers of a whole subscription, and what it costs."""

import asyncio
import json
from enum import StrEnum
from importlib import resources
from typing import Annotated, Any

import typer

from workers.arm.read.defender.plans import (
    Fleet,
    ServersPlan,
    fleet_of,
    plan_words,
    subscription_plan,
)
from workers.arm.session.clients import Azure
from workers.arm.steps.defender import write_plan
from workers.operator.azure.session import Subscription, connected_azure, subscriptions
from workers.operator.session import BROKEN, FINE, run
from workers.runtime.terminal import safe_json, safe_line

app = typer.Typer(no_args_is_help=True, help="Defender for Servers of a whole subscription.")

_PRICES: dict[str, Any] = json.loads(
    resources.files(__package__).joinpath("defender_prices.json").read_text(encoding="utf-8")
)
"""List prices, with their date. Azure's own bill is right: discounts, currencies and agreements differ."""
_HOURS = 730
"""Of a month, as Azure's price pages have it."""
_COVERED = {
    "FullyCovered": "all VMs are covered",
    "PartiallyCovered": "some VMs are covered and some are not",
    "NotCovered": "no VM is covered",
}

Named = Annotated[str, typer.Argument(metavar="SUBSCRIPTION", help="Its id or its name.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="The same as JSON.")]


class Plan(StrEnum):
    """What there is to enable."""

    P1 = "P1"
    P2 = "P2"


@app.command("status")
def status(subscription: Named, *, as_json: Json = False) -> None:
    """Say which plan the subscription has, how far it reaches, and about what it costs. Writes nothing.

    Exits 0 if a plan is on, 1 if none is, 2 if it could not be found out.

    Example: startgate defender status "Contoso Production"
    """
    run(_status(subscription, as_json=as_json))


@app.command("enable")
def enable(
    subscription: Named,
    plan: Annotated[Plan, typer.Option(help="P2 has just-in-time access and more; P1 costs less.")] = Plan.P2,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Turn Defender for Servers on for all VMs of a subscription, after saying about what it costs.

    The plan is read back. VMs that have a plan of their own keep it. Exits 0 if it is as wanted, 1 if not or
    if you say no, 2 if Azure could not be asked.

    Example: startgate defender enable "Contoso Production" --plan P2 --dry-run
    """
    run(_enable(subscription, plan, dry_run=dry_run, yes=yes))


async def _status(name: str, *, as_json: bool) -> int:
    async with connected_azure() as azure:
        (subscription,) = await subscriptions(azure, [name])
        plan, fleet = await _read(azure, subscription)
    if as_json:
        typer.echo(safe_json(_as_json(subscription, plan, fleet), indent=2))
        return FINE if plan.on else BROKEN
    enforced = "; no VM can have another plan" if plan.enforced else ""
    coverage = _COVERED.get(plan.coverage, "how many VMs are covered is not known")
    typer.echo(safe_line(f"{subscription}: Defender for Servers {plan.words}; {coverage}{enforced}"))
    for wanted in [plan.sub_plan] if plan.on else Plan:
        typer.echo(safe_line(f"{plan_words(wanted)}: {_cost(wanted, fleet)}"))
    if not plan.on:
        typer.echo(f"Turn it on with: startgate defender enable {subscription.id}")
    return FINE if plan.on else BROKEN


async def _enable(name: str, wanted: Plan, *, dry_run: bool, yes: bool) -> int:
    async with connected_azure() as azure:
        (subscription,) = await subscriptions(azure, [name])
        now, fleet = await _read(azure, subscription)
        if now.sub_plan == wanted:
            typer.echo(safe_line(f"{subscription}: nothing to do, Defender for Servers is at {now.words}"))
            return FINE
        change = f"Defender for Servers {now.words} → {plan_words(wanted)}"
        typer.echo(safe_line(f"{subscription}: {'would change ' if dry_run else ''}{change}"))
        typer.echo(safe_line(f"{plan_words(wanted)}: {_cost(wanted, fleet)}"))
        if now.on and wanted is Plan.P1:
            typer.echo("Just-in-time access, and whatever else only Plan 2 has, ends with it.")
        if dry_run:
            return FINE
        if not yes and not await asyncio.to_thread(typer.confirm, "Do it?"):
            typer.echo("Nothing was changed.")
            return BROKEN
        failed = (await _write(azure, subscription, wanted, enforced=now.enforced)).failed
        after = await subscription_plan(azure, subscription.id)
    for extension in failed:
        typer.echo(safe_line(f"Azure could not set up {extension}"), err=True)
    if after.sub_plan != wanted:
        said = f"{subscription}: written, but it reads back {after.words}; try again in some minutes"
        typer.echo(safe_line(said), err=True)
        return BROKEN
    typer.echo(safe_line(f"{subscription}: Defender for Servers {after.words}, read back"))
    return BROKEN if failed else FINE


async def _read(azure: Azure, subscription: Subscription) -> tuple[ServersPlan, Fleet]:
    plan, fleet = await asyncio.gather(
        subscription_plan(azure, subscription.id), fleet_of(azure, subscription.id)
    )
    return plan, fleet


async def _write(azure: Azure, subscription: Subscription, wanted: Plan, *, enforced: bool) -> ServersPlan:
    """Without a list of extensions, Azure sets up those that belong to the plan."""
    properties = {"pricingTier": "Standard", "subPlan": str(wanted), "enforce": "True" if enforced else ""}
    scope = f"subscriptions/{subscription.id}"
    return await write_plan(azure, subscription.id, scope, properties, of=str(subscription))


def _cost(plan: str, fleet: Fleet) -> str:
    """Such as ``about $14.60 a month …``, with what that rests on."""
    now, most = (_per_month(plan, count) for count in (fleet.billed, fleet.vms))
    return (
        f"about {now} a month for the {fleet.billed} VMs that are billed as they are now, at most {most} if "
        f"all {fleet.vms} run all the time (an estimate by list prices of {_PRICES['as_of']}; "
        f"{_PRICES['source']})"
    )


def _per_month(plan: str, vms: int) -> str:
    return f"${_PRICES['per_server_and_hour'][plan] * _HOURS * vms:,.2f}"


def _as_json(subscription: Subscription, plan: ServersPlan, fleet: Fleet) -> dict[str, Any]:
    prices = _PRICES["per_server_and_hour"]
    return {
        "subscription": subscription.id,
        "name": subscription.name,
        "plan": plan.sub_plan or None,
        "enforced": plan.enforced,
        "coverage": plan.coverage,
        "vms": fleet.vms,
        "billed_now": fleet.billed,
        "estimate": {
            "as_of": _PRICES["as_of"],
            "source": _PRICES["source"],
            "currency": _PRICES["currency"],
            "a_month_as_now": {one: round(price * _HOURS * fleet.billed, 2) for one, price in prices.items()},
            "a_month_at_most": {one: round(price * _HOURS * fleet.vms, 2) for one, price in prices.items()},
        },
    }
