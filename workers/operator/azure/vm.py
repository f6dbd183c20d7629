"""``startgate vm``: what a VM lacks, and VMs that are born with all of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from workers.arm.hardening.born import Birth, Mark, Told
from workers.arm.hardening.requirements import Checked, State, check
from workers.arm.hardening.seen import look
from workers.arm.hardening.spec import OWNER_TAG, VmSpec, read_spec
from workers.arm.read.subscriptions.inventory import list_vms
from workers.arm.session.clients import Azure
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import InvalidPolicy, InvalidSpec, NotFound, NotYet
from workers.domain.policy.model import Policy
from workers.domain.starts.vm import VmRef
from workers.operator.azure.session import connected_azure, note
from workers.operator.session import BROKEN, FINE, UNREACHABLE, fail, run
from workers.runtime.environment import read_environment
from workers.runtime.terminal import safe_json, safe_line
from workers.settings import WorkersSettings
from workers.use_cases.read_policy import read_policy

app = typer.Typer(no_args_is_help=True, help="VMs: what one lacks, and new ones that lack nothing.")

_EXAMPLE = resources.files(__package__).joinpath("example_vm.yaml")
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

    Example: startgate vm check web-02
    """
    run(_check(vm, as_json=as_json))


@app.command("example")
def example() -> None:
    """Print a specification to begin with.

    Example: startgate vm example
    """
    typer.echo(_EXAMPLE.read_text(encoding="utf-8"), nl=False)


@app.command("create")
def create_vm(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="What is to be made.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Delete what an earlier run left unfinished.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --abort: don't ask before a VM is deleted.")
    ] = False,
) -> None:
    """Make a VM that lacks nothing, and hold it against the list of `startgate vm check`.

    A run that broke off is run again with the same file, and goes on where it was. What exists and was not
    made by such a run is never written. Exits 0 if the VM has all, 1 if it lacks something.

    Needs, on the resource group, the roles Virtual Machine Contributor, Network Contributor, Backup
    Contributor and Security Admin.

    Example: startgate vm create vm.yaml --dry-run
    """
    if dry_run and abort:
        raise typer.BadParameter("give one of --dry-run and --abort")
    try:
        wanted = read_spec(spec)
    except InvalidSpec as invalid:
        fail(BROKEN, invalid.diagnostics())
    run(_create(wanted, dry_run=dry_run, abort=abort, yes=yes))


async def _create(spec: VmSpec, *, dry_run: bool, abort: bool, yes: bool) -> int:
    policy = policy_of_settings()
    profile = _profile(policy, spec.network.nsg.profile)
    async with connected_azure() as azure:
        birth = Birth(azure, spec, profile)
        if dry_run:
            await _tell(birth.plan())
            typer.echo(safe_line(f"{spec.name}: would have {', '.join(birth.gives())}"))
            return FINE
        if abort:
            return await _abort(birth, spec, yes=yes)
        await _noted("vm.created", spec, birth, birth.make())
        return _told(birth.vm, check(await look(azure, birth.vm, (OWNER_TAG,))), spec)


async def _abort(birth: Birth, spec: VmSpec, *, yes: bool) -> int:
    left = await birth.left()
    if not yes and any(part.id == birth.vm.resource_id for part in left):
        asked = f"Delete the VM {spec.name} with its disks?"
        if not await asyncio.to_thread(typer.confirm, asked):
            typer.echo("nothing was deleted")
            return BROKEN
    await _noted("vm.aborted", spec, birth, birth.abort(left))
    typer.echo(f"{spec.name}: what was made is gone" if left else "nothing was left of it")
    return FINE


async def _noted(kind: str, spec: VmSpec, birth: Birth, telling: AsyncIterator[Told]) -> None:
    """Tell each line as it comes; the audit says what was changed, also where it ends by an error."""
    done: list[Told] = []
    try:
        await _tell(telling, done)
    finally:
        if changed := [told.said for told in done if told.mark is not Mark.THERE]:
            await note(kind, birth.vm.key, changed=changed, spec=spec.digest)


async def _tell(telling: AsyncIterator[Told], done: list[Told] | None = None) -> None:
    async for told in telling:
        typer.echo(safe_line(f"  {told.mark} {told.said}"))
        if done is not None:
            done.append(told)


def _profile(policy: Policy, name: str | None) -> LockdownProfile | None:
    if name is None:
        return None
    if not policy.has_profile(name):
        known = ", ".join(policy.lockdowns) or "standard"
        fail(BROKEN, f"network.nsg.profile: the policy has no lockdown profile {name!r}; there are: {known}")
    return policy.profile(name)


def _told(vm: VmRef, checked: list[Checked], spec: VmSpec) -> int:
    """The list held against the VM that was made; an address that was asked for is no fault."""
    meant = {"public-ip"} if spec.network.public_ip else set()
    odd = [one for one in checked if one.verdict.state is not State.OK and one.requirement.name not in meant]
    typer.echo(safe_line(headline(vm, checked)))
    for line in table([one for one in checked if one.verdict.state is not State.OK]):
        typer.echo(line)
    return BROKEN if odd else FINE


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
