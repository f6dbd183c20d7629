"""``startgate alerts``: Activity Log alert rules that tell of starts, for a team without Event Grid."""

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from workers.arm.alerts import alerts
from workers.arm.alerts.alerts import Item, State
from workers.arm.alerts.receivers import Receiver, workflow
from workers.arm.alerts.rules import LIMITS, RULES
from workers.arm.ids import ArmId
from workers.arm.session.clients import Azure
from workers.operator.azure.session import Subscription, connected_azure, note, subscriptions
from workers.operator.session import BROKEN, FINE, run
from workers.runtime.terminal import safe_json, safe_line

app = typer.Typer(
    no_args_is_help=True, help="Azure's alert rules that tell of starts and of disturbed containments."
)

Named = Annotated[list[str], typer.Argument(metavar="SUBSCRIPTION...", help="Ids or names.")]
Group = Annotated[str, typer.Option(help="The resource group of the rules; it has to exist.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Json = Annotated[bool, typer.Option("--json", help="The same as JSON.")]

_MARKS = {
    State.MISSING: "+",
    State.DIFFERS: "~",
    State.SURPLUS: "-",
    State.FOREIGN: "✗",
    State.FINE: "=",
}
_TELLS = {rule.name: rule.tells for rule in RULES}
_FOREIGN = "has our name and not our tag managed-by: startgate; rename or delete it, it is left alone"


@app.command("apply")
def apply(
    subscription: Named,
    resource_group: Group = "startgate",
    logic_app: Annotated[
        str | None, typer.Option(help="The id of a Logic App that puts alerts onto the queue.")
    ] = None,
    webhook: Annotated[str | None, typer.Option(help="An https URL that is called with alerts.")] = None,
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make or mend the rules and their action group. A second run writes nothing.

    Without --logic-app and --webhook, alerts go where they went before. Needs the role Monitoring
    Contributor; with --logic-app also Logic App Contributor on that.

    Example: startgate alerts apply "Contoso Production" --dry-run
    """
    _check_receiver(logic_app, webhook)
    run(_apply(subscription, resource_group, (logic_app, webhook), dry_run=dry_run, as_json=as_json))


@app.command("list")
def list_rules(
    subscription: Annotated[
        list[str] | None, typer.Argument(metavar="[SUBSCRIPTION]...", help="Ids or names; by default all.")
    ] = None,
    resource_group: Group = "startgate",
    *,
    as_json: Json = False,
) -> None:
    """Say of each rule whether it is as wanted. Exits 1 if one is not.

    Example: startgate alerts list
    """
    run(_list(subscription or [], resource_group, as_json=as_json))


@app.command("remove")
def remove(subscription: Named, *, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete the rules and action groups that carry our tag, and nothing else.

    Example: startgate alerts remove "Contoso Production" --dry-run
    """
    run(_remove(subscription, dry_run=dry_run, as_json=as_json))


@app.command("workflow")
def print_workflow(
    namespace: Annotated[str, typer.Argument(help="Such as contoso.servicebus.windows.net.")],
    queue: Annotated[str, typer.Option(help="Where starts come in.")] = "starts",
) -> None:
    """Print the definition of the Logic App between an action group and Service Bus.

    Azure's action groups can't send to Service Bus themselves. Give the Logic App a managed identity with the
    role Azure Service Bus Data Sender on the queue.

    Example: startgate alerts workflow contoso-startgate
    """
    typer.echo(json.dumps(workflow(namespace, queue), indent=2))


def _check_receiver(logic_app: str | None, webhook: str | None) -> None:
    if logic_app and webhook:
        raise typer.BadParameter("give one of --logic-app and --webhook")
    if webhook:
        parts = urlsplit(webhook)
        if parts.scheme != "https" or not parts.hostname:
            raise typer.BadParameter("has to begin with https://", param_hint="--webhook")
    if logic_app:
        try:
            ArmId.parse(logic_app)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--logic-app") from None
        if "/providers/microsoft.logic/workflows/" not in logic_app.lower():
            raise typer.BadParameter(
                "is the id of something else; it ends in /providers/Microsoft.Logic/workflows/NAME",
                param_hint="--logic-app",
            )


async def _receiver(azure: Azure, given: tuple[str | None, str | None]) -> Receiver | None:
    logic_app, webhook = given
    if logic_app:
        return await alerts.logic_app(azure, logic_app)
    return Receiver(webhook) if webhook else None


async def _apply(
    names: Sequence[str],
    group: str,
    given: tuple[str | None, str | None],
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    foreign, told = False, []
    async with connected_azure() as azure:
        receiver = await _receiver(azure, given)
        for one in await subscriptions(azure, names):
            items = await alerts.look(azure, one.id, group, receiver)
            foreign = foreign or any(item.state is State.FOREIGN for item in items)
            done = [] if dry_run else await _written(azure, "alerts.applied", one, items)
            if as_json:
                told.append(_as_json(one, items, done))
                continue
            typer.echo(_headline(one, items, "would be written" if dry_run else "written"))
            _print(items)
    _end(told, as_json=as_json)
    return BROKEN if foreign else FINE


async def _list(names: Sequence[str], group: str, *, as_json: bool) -> int:
    well, told = True, []
    async with connected_azure() as azure:
        for one in await subscriptions(azure, names):
            items = await alerts.look(azure, one.id, group)
            well = well and all(item.state is State.FINE for item in items)
            if as_json:
                told.append(_as_json(one, items, []))
                continue
            good = sum(item.state is State.FINE for item in items)
            typer.echo(safe_line(f"{one}: {good} of {len(items)} as wanted"))
            _print(items)
    _end(told, as_json=as_json)
    return FINE if well else BROKEN


async def _remove(names: Sequence[str], *, dry_run: bool, as_json: bool) -> int:
    told = []
    async with connected_azure() as azure:
        for one in await subscriptions(azure, names):
            found = await alerts.removal(azure, one.id)
            done = [] if dry_run else await _written(azure, "alerts.removed", one, found.items)
            if as_json:
                told.append({**_as_json(one, found.items, done), "kept": found.kept})
                continue
            verb = "would be deleted" if dry_run else "deleted"
            typer.echo(safe_line(f"{one}: {len(found.items)} {verb}"))
            _print(found.items)
            for kept, users in found.kept.items():
                typer.echo(safe_line(f"  = {kept} stays: used by {users}"))
    _end(told, as_json=as_json)
    return FINE


async def _written(azure: Azure, kind: str, one: Subscription, items: Sequence[Item]) -> list[Item]:
    """Write what has to be; the audit says what was, also where Azure refused the rest."""
    done: list[Item] = []
    try:
        async for item in alerts.apply(azure, items):
            done.append(item)  # noqa: PERF401 - what was done counts also when it ends by an error
    finally:
        if done:
            await note(kind, f"/subscriptions/{one.id}", resources=[item.id for item in done])
    return done


def _headline(one: Subscription, items: Sequence[Item], verb: str) -> str:
    changes = [item for item in items if item.body or item.state is State.SURPLUS]
    fine = sum(item.state is State.FINE for item in items)
    return safe_line(f"{one}: {len(changes)} {verb}, {fine} as wanted")


def _print(items: Sequence[Item]) -> None:
    for item in items:
        said = _FOREIGN if item.state is State.FOREIGN else "; ".join(item.differences)
        said = said or _TELLS.get(item.name, "")
        line = f"  {_MARKS[item.state]} {item.kind} {item.name}" + (f": {said}" if said else "")
        typer.echo(safe_line(line))


def _as_json(one: Subscription, items: Sequence[Item], done: Sequence[Item]) -> dict[str, Any]:
    return {
        "subscription": one.id,
        "name": one.name,
        "items": [
            {
                "kind": str(item.kind),
                "id": item.id,
                "state": str(item.state),
                "differences": list(item.differences),
                "done": item in done,
            }
            for item in items
        ],
    }


def _end(told: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(safe_json({"subscriptions": told, "limits": LIMITS}, indent=2))
        return
    for limit in LIMITS:
        typer.echo(limit)
