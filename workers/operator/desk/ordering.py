"""``startgate lockdown`` and ``startgate restore``: the orders of on-call, where Slack is away."""

from typing import Annotated

import typer

from workers.domain.containment.foresight.lookups import LookupKind, OfRestore
from workers.domain.errors import Outdated
from workers.operator.azure.desk import ProfileOption, VmName, wanted_profile, wanted_vm
from workers.operator.desk.deciding import Yes
from workers.operator.desk.desk import VIA, desk, owner_of
from workers.operator.desk.looking import plan_lines, return_lines, until_answered
from workers.operator.session import BROKEN, FINE, fail, run
from workers.runtime.terminal import safe_line

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit and for everybody who sees the card.")]


def lockdown(
    vm: VmName,
    *,
    profile: ProfileOption = "",
    dry_run: DryRun = False,
    reason: Reason = "",
    yes: Yes = False,
) -> None:
    """Contain a VM now, without asking its owner. On-call only.

    Exits 0 when it is ordered, 1 if it can't be, 3 if you may not.

    Example: startgate lockdown web-02 --reason "odd traffic"
    """
    run(_lockdown(vm, profile, reason, dry_run=dry_run, yes=yes))


def restore(
    vm: VmName,
    *,
    start: Annotated[bool, typer.Option("--start", help="Also start the VM, if it was running.")] = False,
    dry_run: DryRun = False,
    reason: Reason = "",
    yes: Yes = False,
) -> None:
    """Undo a containment: the network, the lock and the rest as they were. On-call only.

    Where the policy wants two persons, the first order asks for it, and somebody else's confirms it. Exits 0
    when it is ordered or asked for, 1 if it can't be, 3 if you may not.

    Example: startgate restore web-02 --reason "false alarm"
    """
    run(_restore(vm, reason, start=start, dry_run=dry_run, yes=yes))


async def _lockdown(name: str, profile_name: str, reason: str, *, dry_run: bool, yes: bool) -> int:
    typed = f"lockdown {name}"
    async with desk(typed) as at:
        await at.lock_down.may(at.actor, wanted=f"startgate {typed}")
        profile = wanted_profile(profile_name, at.policy)
        vm = await wanted_vm(name, at.session)
        if dry_run:
            lookup = await at.look_up(LookupKind.PLAN, vm, profile, at.actor, wanted=f"startgate {typed}")
            found = await until_answered(lookup, at)
            typer.echo(safe_line(f"{vm.name}: a lockdown by the profile {profile.name} would do this:"))
            for line in plan_lines(found.foresight) if found.foresight else ():
                typer.echo(line)
            return FINE
        if not yes:
            steps = ", ".join(step.spec.verb for step in profile.steps)
            typer.echo(safe_line(f"{vm.resource_id}: profile {profile.name}: {steps}"))
            typer.confirm(safe_line(f"Lock down {vm.name}?"), abort=True)
        owner = await owner_of(vm, at)
        locked = await at.lock_down(vm, at.actor, profile, reason=reason, via=VIA, owner=owner)
    said = "is already contained. No new action was started" if locked.joined else "is being contained"
    typer.echo(safe_line(f"{vm.name} {said}; startgate status {vm.name} shows how it goes."))
    return FINE


async def _restore(name: str, reason: str, *, start: bool, dry_run: bool, yes: bool) -> int:
    typed = f"restore {name}"
    async with desk(typed) as at:
        await at.restore.may(at.actor, wanted=f"startgate {typed}")
        vm = await wanted_vm(name, at.session)
        held = await at.restore.of(vm)
        if dry_run:
            asked = OfRestore(containment_id=held.id, demand=held.demand, start=start, dry_run=True)
            lookup = await at.look_up(
                LookupKind.RESTORE, vm, held.profile, at.actor, wanted=f"startgate {typed}", restore=asked
            )
            typer.echo(safe_line(f"{vm.name}: a restore would bring this back:"))
            for line in return_lines(held, await until_answered(lookup, at)):
                typer.echo(line)
            return FINE
        if not yes:
            typer.echo(safe_line(f"{vm.resource_id}, contained since {held.opened_at:%Y-%m-%d %H:%M} UTC"))
            for line in return_lines(held, None):
                typer.echo(line)
            typer.confirm(safe_line(f"Restore {vm.name}? It is reconnected immediately."), abort=True)
        try:
            ordered = await at.restore(
                held.id, at.actor, shown=held.demand, start=start, reason=reason, via=VIA
            )
        except Outdated as outdated:
            fail(BROKEN, safe_line(f"{outdated.diagnostics()} Look again: startgate status {vm.name}"))
    if ordered.waits:
        said = "Nothing is restored yet: somebody else of on-call has to confirm it, here or in Slack."
    else:
        how = "is already being restored" if ordered.joined else "is being restored"
        said = f"{vm.name} {how}; startgate status {vm.name} shows how it goes."
    typer.echo(safe_line(said))
    return FINE
