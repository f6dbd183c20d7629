"""``startgate vm``: what a VM lacks, and VMs that are born with all of it."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.arm.hardening.requirements import Checked, State, check
from workers.arm.hardening.seen import look
from workers.arm.read.inventory import list_vms
from workers.arm.session.clients import Azure
from workers.domain.errors import InvalidPolicy, NotFound, NotYet
from workers.domain.policy.model import Policy
from workers.domain.starts.vm import VmRef
from workers.operator.azure_session import connected_azure
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, run
from workers.runtime.environment import read_environment
from workers.runtime.terminal import safe_json, safe_line
from workers.settings import WorkersSettings
from workers.use_cases.read_policy import read_policy

app = typer.Typer(no_args_is_help=True, help="VMs: what one lacks.")

_MARKS = {State.OK: "✓", State.LACKS: "✗", State.UNKNOWN: "?"}
_WIDEST = 19
_MOST_NAMED = 5


@app.command("check")
def check_vm(
    vm: Annotated[str, typer.Argument(metavar="VM", help="Its name, GROUP/NAME, or its resource id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Hold a VM against the list of what a VM needs, and say what supplies the rest.

    Exits 0 if it has all, 1 if it lacks something, 2 if something could not be read.
    """
    run(_check(vm, as_json=as_json))


async def _check(wanted: str, *, as_json: bool) -> int:
    policy = policy_of_settings()
    async with connected_azure() as azure:
        vm = await find_vm(azure, wanted)
        if vm.classic:
            raise NotYet(f"{vm.name} is a classic VM: Azure has none of this for it; migrate it first")
        checked = check(await look(azure, vm, policy.owner.tags))
    if as_json:
        typer.echo(safe_json({"vm": vm.resource_id, "requirements": _as_json(checked)}, indent=2))
    else:
        typer.echo(safe_line(headline(vm, checked)))
        for line in table(checked):
            typer.echo(line)
    states = {one.verdict.state for one in checked}
    if State.LACKS in states:
        return BROKEN
    return UNREACHABLE if State.UNKNOWN in states else FINE


def headline(vm: VmRef, checked: list[Checked]) -> str:
    """The answer in one line."""
    lacks = sum(one.verdict.state is State.LACKS for one in checked)
    unknown = sum(one.verdict.state is State.UNKNOWN for one in checked)
    said = f"lacks {lacks} of {len(checked)}" if lacks else f"has {len(checked) - unknown} of {len(checked)}"
    return f"{vm.name} {said}" + (f", {unknown} unknown" if unknown else "")


def table(checked: list[Checked]) -> list[str]:
    """A line for each requirement, and one below for what supplies it."""
    lines = []
    for one in checked:
        mark, title = _MARKS[one.verdict.state], one.requirement.title
        lines.append(safe_line(f"  {mark} {title:<{_WIDEST}} {one.verdict.said}"))
        if one.supply:
            lines.append(safe_line(f"    → {one.supply}"))
    return lines


def _as_json(checked: list[Checked]) -> list[dict[str, str]]:
    return [
        {
            "name": one.requirement.name,
            "state": str(one.verdict.state),
            "found": one.verdict.said,
            "supply": one.supply,
        }
        for one in checked
    ]


def policy_of_settings() -> Policy:
    """The policy that the processes use; a wrong one ends the command."""
    try:
        return read_policy(read_environment(WorkersSettings).policy)
    except InvalidPolicy as invalid:
        fail(UNREACHABLE, invalid.diagnostics())


async def find_vm(azure: Azure, wanted: str) -> VmRef:
    """The VM of this id, or of this name among all that this identity sees.

    Raises:
        NotFound: there is none, or several have the name; names some.
    """
    if wanted.startswith("/"):
        try:
            return VmRef.parse(wanted)
        except ValueError as error:
            raise NotFound(str(error)) from None
    name = wanted.lower()
    found, unread = list[VmRef](), list[str]()
    async for listing in list_vms(azure, datetime.now(UTC)):
        unread += filter(None, (listing.unread, listing.classics_unread))
        found += [
            ref
            for ref in (known.ref for known in listing.vms)
            if name in (ref.name.lower(), f"{ref.resource_group}/{ref.name}".lower())
        ]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(one.resource_id for one in found[:_MOST_NAMED])
        raise NotFound(f"{len(found)} VMs are called {wanted!r}: {some}; give GROUP/NAME or the id")
    why = f" ({'; '.join(unread)})" if unread else ""
    raise NotFound(
        f"no VM that this identity sees is called {wanted!r}{why}; check the name, or give it the role Reader"
    )
