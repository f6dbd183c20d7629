"""Doctor's checks of our rights on Azure, over the real client against the stand-in."""

from collections.abc import Sequence

from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from tests.contract.arm.driver import machine
from tests.contract.azure.models.driving import contain
from tests.doctoring import make
from workers.arm.session.clients import Azure
from workers.arm.session.errors import right_for
from workers.arm.steps.rights import RIGHTS
from workers.domain.containment.options.backup_options import BackupOptions
from workers.domain.containment.profile import AllowRule, IsolateOptions, LockdownProfile
from workers.domain.containment.spec import StepName
from workers.operator.azure.rights import rights_checks

EVERYTHING = (LockdownProfile(),)
STOP_ONLY = (LockdownProfile(name="stop", steps=(StepName.STOP,)),)
NOT_ISOLATE = (LockdownProfile(name="stop", steps=(StepName.STOP, StepName.BACKUP)),)


async def told(arm: AzureServer, profiles: Sequence[LockdownProfile] = EVERYTHING) -> list[str]:
    lines: list[str] = []
    subscriptions = [(one.id, one.name) for one in arm.world.subscriptions]

    async def seen() -> list[tuple[str, str]]:
        return subscriptions

    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        await make(rights_checks(azure, profiles, seen), lines.append)
    return lines


async def test_all_rights_are_there(arm: AzureServer) -> None:
    assert await told(arm) == [
        "✓ Azure rights to isolate: all there, in 5 resource groups",
        "✓ Azure rights to stop: all there, in 5 resource groups",
        "✓ Azure rights to back up: all there, in 4 resource groups",
    ]


async def test_a_missing_right_is_named_with_its_place_and_what_gives_it(arm: AzureServer) -> None:
    production = arm.world.subscriptions[0].id
    arm.permissions.taken[f"/subscriptions/{production}/resourcegroups/rg-shop"] = ("Network Contributor",)
    isolate, stop, backup = await told(arm)
    assert isolate == (
        "✗ Azure rights to isolate: Microsoft.Network/networkSecurityGroups/write is missing in rg-shop "
        "(Contoso Production) → give this identity there the role Network Contributor, or a role with this "
        "action"
    )
    assert stop.startswith("✓")
    assert backup.startswith("✓")


async def test_every_missing_right_of_a_step_is_named_at_once(arm: AzureServer) -> None:
    arm.permissions.taken[""] = ("Virtual Machine Contributor", "Classic Virtual Machine Contributor")
    _, stop, _ = await told(arm)
    for action in ("deallocate", "powerOff", "start"):
        assert f"Microsoft.Compute/virtualMachines/{action}/action is missing in rg-ops" in stop
    assert "shutdown/action is missing in rg-legacy (Contoso Production)" in stop
    assert "and 1 more resource group" in stop
    assert stop.endswith(
        "give this identity there the role Virtual Machine Contributor and Classic Virtual Machine "
        "Contributor, or a role with these actions"
    )


async def test_only_the_steps_that_a_lockdown_uses_are_asked_about(arm: AzureServer) -> None:
    arm.permissions.taken[""] = ("Network Contributor", "Backup Contributor")
    assert await told(arm, STOP_ONLY) == ["✓ Azure rights to stop: all there, in 5 resource groups"]
    assert [line.split(":")[0] for line in await told(arm, NOT_ISOLATE)] == [
        "✓ Azure rights to stop",
        "✗ Azure rights to back up",
    ]


async def test_wildcards_and_what_they_leave_out_are_honoured(arm: AzureServer) -> None:
    arm.permissions.taken[""] = ("Virtual Machine Contributor",)
    role = {"actions": ["microsoft.compute/VIRTUALMACHINES/*/action"], "notActions": ["*/powerOff/*"]}
    arm.permissions.added = [role]
    (stop,) = await told(arm, STOP_ONLY)
    assert "Microsoft.Compute/virtualMachines/powerOff/action is missing" in stop
    assert "deallocate" not in stop
    # What one role leaves out, another may give.
    arm.permissions.added.append({"actions": ["Microsoft.Compute/*"], "notActions": []})
    assert (await told(arm, STOP_ONLY))[0].startswith("✓")


async def test_the_group_of_the_lockdowns_own_resources_is_asked_about(arm: AzureServer) -> None:
    profile = LockdownProfile(name="own", steps=(StepName.ISOLATE,), resource_group="rg-nowhere")
    (isolate,) = await told(arm, [profile])
    assert isolate.startswith("✗")
    assert "rg-nowhere" in isolate


async def test_the_groups_of_disks_and_of_their_snapshots_are_asked_about(arm: AzureServer) -> None:
    profile = LockdownProfile(name="keep", steps=(StepName.SNAPSHOT,))
    assert await told(arm, [profile]) == ["✓ Azure rights to take snapshots: all there, in 4 resource groups"]
    arm.permissions.taken[""] = ("Disk Snapshot Contributor", "Disk Backup Reader")
    (snapshots,) = await told(arm, [profile])
    assert "Microsoft.Compute/snapshots/write is missing in rg-ops (Contoso Production)" in snapshots
    assert "Microsoft.Compute/disks/beginGetAccess/action is missing in rg-ops" in snapshots


async def test_what_is_prepared_is_asked_about_and_nothing_that_would_be_made(arm: AzureServer) -> None:
    production = arm.world.subscriptions[0].id
    group = f"/subscriptions/{production}/resourcegroups/rg-ops"
    nsg = f"{group}/providers/Microsoft.Network/networkSecurityGroups/prepared"
    vault = f"{group}/providers/Microsoft.RecoveryServices/vaults/prepared"
    profile = LockdownProfile(isolate=IsolateOptions(nsg=nsg), backup=BackupOptions(vault=vault))
    arm.permissions.taken[""] = ("Network Contributor",)
    assert [line[:1] for line in await told(arm, [profile])] == ["\u2713"] * 3
    arm.permissions.taken[group] = (
        "Virtual Machine Contributor",
        "Network Contributor",
        "Backup Contributor",
    )
    isolate, _, backup = await told(arm, [profile])
    assert "networkSecurityGroups/join/action is missing in rg-ops (Contoso Production)" in isolate
    assert "networkSecurityGroups/write" not in isolate
    assert "protectedItems/backup/action is missing in rg-ops (Contoso Production)" in backup
    assert "vaults/write" not in backup


async def test_the_role_that_defender_takes_is_named(arm: AzureServer) -> None:
    profile = LockdownProfile(steps=(StepName.DEFENDER, StepName.JIT))
    assert [line[:1] for line in await told(arm, [profile])] == ["\u2713"] * 2
    arm.permissions.taken[""] = ("Security Admin",)
    plan, access = await told(arm, [profile])
    assert "Microsoft.Security/pricings/write is missing" in plan
    assert "Microsoft.Security/locations/jitNetworkAccessPolicies/write is missing" in access
    assert "give this identity there the role Security Admin" in access


async def test_groups_in_exceptions_are_asked_about_where_they_are(arm: AzureServer) -> None:
    production = arm.world.subscriptions[0].id
    place = f"/subscriptions/{production}/resourcegroups/rg-ops"
    asg = f"{place}/providers/Microsoft.Network/applicationSecurityGroups/scanners"
    rule = AllowRule(name="scan", source_group=asg, ports=("443",))
    profile = LockdownProfile(steps=(StepName.ISOLATE,), isolate=IsolateOptions(allow=(rule,)))
    assert (await told(arm, [profile]))[0].startswith("\u2713")
    arm.permissions.taken[place] = ("Network Contributor",)
    (isolate,) = await told(arm, [profile])
    assert "joinNetworkSecurityRule/action is missing in rg-ops (Contoso Production)" in isolate


async def test_whatever_the_steps_write_is_among_the_rights(arm: AzureServer, azure: Azure) -> None:
    for name in ("web-01", "legacy-01"):
        machine(arm, name).power = "running"
    await contain(arm, azure)
    asked = [entry.data for entry in arm.record.since(0, "request")]
    written = {
        right_for(one["method"], one["path"]).lower()
        for one in asked
        if one["method"] not in ("GET", "HEAD")
        and not one["path"].startswith(("/_", "/providers/Microsoft.ResourceGraph/"))  # a query
    }
    listed = {right.action.lower() for rights in RIGHTS.values() for right in rights}
    assert written <= listed
    idle = [step for step, rights in RIGHTS.items() if not any(r.action.lower() in written for r in rights)]
    assert idle == [], "every step has written something, or nothing is shown here"
    assert set(RIGHTS) == set(StepName)
