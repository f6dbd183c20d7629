"""Drives the product through all that it asks Azure, and the stand-in through all that it answers."""

import asyncio
import contextlib
import re
from datetime import UTC, datetime

from azure.mgmt.resourcegraph.models import QueryRequest

from deploy.sandbox.azure.backup.items import delete_softly
from deploy.sandbox.azure.compute.availability import add_availability_set
from deploy.sandbox.azure.model import Resource
from deploy.sandbox.azure.monitor.names import WORKFLOW
from deploy.sandbox.azure.network.route_seed import add_route_table
from deploy.sandbox.azure.server import AzureServer
from tests import builders as b
from tests.contract.arm.driver import (
    Driver,
    backing_up,
    closing_ports,
    defending,
    encrypting,
    isolating,
    locking,
    machine,
    ref,
    snapshotting,
    stopping,
)
from tests.contract.arm.hardening.specs import spec
from tests.contract.azure.models.rows import UNHELD
from tests.contract.azure.rig import CONTAINER, ITEM, PRODUCTION, SHOP, WEB_01, Cloud
from workers.arm.alerts import alerts
from workers.arm.alerts.receivers import Receiver
from workers.arm.hardening.born import Birth
from workers.arm.hardening.requirements import check
from workers.arm.hardening.seen import look
from workers.arm.hardening.spec import VmSpec
from workers.arm.read.around.surroundings import ArmSurroundings
from workers.arm.read.facts import ArmFacts
from workers.arm.read.subscriptions.inventory import list_vms
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.arm.steps.obstacles import ArmObstacles
from workers.domain.containment.options.backup_options import AfterRestore, BackupOptions, Redundancy
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StepFailed

NAMES = {"subscription": PRODUCTION, "group": "rg-shop", "vm": "web-01", "nic": "web-01-nic"}
INTRUDER = "a0000000-0000-4000-8000-000000000666"
VAULT = f"{SHOP}/Microsoft.RecoveryServices/vaults/others-vault"
PLACE = f"{VAULT}/backupFabrics/Azure/protectionContainers/{CONTAINER}/protectedItems/{ITEM}"


async def contain(arm: AzureServer, azure: Azure) -> None:
    """All that the product asks Azure about VMs: facts, inventory, each step and its undoing."""
    facts = ArmFacts(azure)
    everybody = [ref(arm, vm.name) for vm in arm.estate.vms()]
    for vm in everybody:
        await facts.gather(vm, budget_s=10, start=b.start_event(vm=vm, caller=b.caller(object_id=INTRUDER)))
    await asyncio.gather(*(ArmFacts(azure).gather(vm, budget_s=10) for vm in everybody * 2))
    async for _ in list_vms(azure, datetime.now(UTC)):
        pass
    await contain_one(isolating(arm, azure, "web-01"), stopping(arm, azure, "web-01"))
    await contain_one(stopping(arm, azure, "legacy-01"))
    await contain_one(locking(arm, azure, "web-01"), locking(arm, azure, "legacy-01"))
    await contain_one(backing_up(arm, azure, "web-01"))
    await contain_one(snapshotting(arm, azure, "web-01"), encrypting(arm, azure, "web-01"))
    await back_up_by_options(arm, azure)
    await contain_one(defending(arm, azure, "web-01"))
    arm.plans.set(f"/subscriptions/{PRODUCTION}", "Standard", "P2")
    await contain_one(closing_ports(arm, azure, "web-01"))


async def use_everything(arm: AzureServer, azure: Azure) -> None:
    """All that the product asks Azure: what it does with VMs, and what operators type."""
    await contain(arm, azure)
    await watch(arm, azure)
    await bear(azure)


async def bear(azure: Azure) -> None:
    """A VM made from its specification, held against the requirements, and one taken back."""
    network = {"address_space": "10.77.0.0/24", "public_ip": True}
    whole = VmSpec.model_validate(spec(network=network))
    birth = Birth(azure, whole, None)
    assert [told.said async for told in birth.plan()]
    assert [told.said async for told in birth.make()]
    assert check(await look(azure, birth.vm, ("owner",)))
    left = Birth(azure, VmSpec.model_validate(spec(name="left-01", image={"id": "/none"})), None)
    with contextlib.suppress(StepFailed):
        [told.said async for told in left.make()]
    with contextlib.suppress(StepFailed):
        [told.said async for told in left.abort(await left.left())]


async def watch(arm: AzureServer, azure: Azure) -> None:
    """Alert rules made for a webhook, then for a Logic App."""
    workflow = Resource(
        id=f"{SHOP}/{WORKFLOW}/app", kind=WORKFLOW, location="westeurope", extra={"triggers": ["manual"]}
    )
    arm.estate.add(workflow)
    for receiver in (Receiver("https://alerts.example/in"), await alerts.logic_app(azure, workflow.id)):
        items = await alerts.look(azure, PRODUCTION, "rg-shop", receiver)
        assert [item.name async for item in alerts.apply(azure, items)]


async def look_closer(arm: AzureServer, azure: Azure) -> None:
    """All that is read for a dry run or a drill, and not for an ask."""
    web = machine(arm, "web-01")
    add_availability_set(arm.estate, "shop", web, machine(arm, "web-02"))
    arm.bastions.connect(arm.bastions.add(web, "bastion"), web, "mallory")
    vm = ref(arm, "web-01")
    known = await ArmFacts(azure).gather(vm, budget_s=10)
    await ArmSurroundings(azure).read(vm, known, budget_s=10)
    obstacles = ArmObstacles(azure, step_runners(azure))
    await obstacles.read(vm, known, LockdownProfile(), LockdownProfile().steps)


async def back_up_by_options(arm: AzureServer, azure: Azure) -> None:
    """A vault made with its redundancy, a deletion undone, a protection resumed and stopped again."""
    driver = backing_up(arm, azure, "db-01")
    backup = BackupOptions(
        resource_group="rg-ops", redundancy=Redundancy.ZONE, after_restore=AfterRestore.STOP
    )
    driver.profile = driver.profile.changed(backup=backup)
    await driver.contain()
    await asyncio.sleep(0.01)
    (item,) = [one for one in arm.items.all() if "db-01" in one.id]
    delete_softly(item)
    again = backing_up(arm, azure, "db-01")
    again.profile = driver.profile
    progress = await again.contain()
    assert progress.job is not None
    await asyncio.sleep(0.01)
    await again.runner.follow(again.vm, progress.job)
    again.step = again.step.changed(token="")
    undoing = await again.runner.undo(again.vm, again.profile, again.step)
    assert undoing.note == "stopping the protection"


async def contain_one(*drivers: Driver) -> None:
    for driver in drivers:
        await driver.contain()
    for driver in reversed(drivers):
        await driver.undo()


async def look_at_everything(cloud: Cloud) -> None:
    """Every GET that the stand-in answers, and every write, with names that exist."""
    await cloud.ask("POST", "/_vm/power", {"vm": "web-01", "power": "running"})
    balancer = {
        "name": "lb",
        "group": "rg-shop",
        "public_ip": "20.50.9.1",
        "backends": ["web-02"],
        "rules": ["80"],
        "nat": [{"vm": "web-02", "port": 50001, "to": 22}],
        "nat_pools": [[50100, 50199, 22]],
        "outbound": True,
    }
    await cloud.ask("POST", "/_load_balancer", balancer)
    settings = {"workloadType": "x", "auxiliaryMode": "Floating"}
    rich = {"settings": settings, "extended_location": "edge", "asgs": ["a"]}
    small = {"name": "small", "group": "rg-shop", "ephemeral": True, "nics": [rich]}
    await cloud.ask("POST", "/_vm", small)
    for state in ("Protected", "ProtectionError", "BackupsSuspended"):
        await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": state})
        await cloud.ask("GET", f"{PLACE}?api-version=1")
    await cloud.ask("PUT", "/_backup", {"vm": "web-01", "state": "Protected"})
    web = machine(cloud.server, "web-01")
    add_availability_set(cloud.server.estate, "shop", web)
    host = cloud.server.bastions.add(web, "bastion")
    cloud.server.bastions.connect(host, web, "mallory")
    sessions = await (await cloud.network.begin_get_active_sessions("rg-shop", "bastion")).result()
    assert [one.user_name async for one in sessions] == ["mallory"]
    add_route_table(cloud.server.estate, machine(cloud.server, "web-01"), "to-firewall", "0.0.0.0/0")
    await write_everything(cloud)
    await defend(cloud)
    await alert(cloud)
    lock = {"properties": {"level": "CanNotDelete", "notes": "kept"}}
    await cloud.ask("PUT", f"{WEB_01}/providers/Microsoft.Authorization/locks/kept?api-version=1", lock)
    jobs = [job.name async for job in cloud.backup.backup_jobs.list("others-vault", "rg-shop")]
    names = NAMES | {
        "disk": "web-01_OsDisk_1",
        "snapshot": "kept",
        "namespace": "Microsoft.Compute",
        "feature": "EncryptionAtHost",
        "nsg": "lockdown",
        "vnet": "rg-shop-westeurope-vnet",
        "subnet": "default",
        "address": "web-01-ip",
        "table": "to-firewall",
        "asg": "a",
        "balancer": "lb",
        "rule": "starts",
        "action_group": "ops",
        "set": "shop",
        "vault": "others-vault",
        "policy": "DefaultPolicy",
        "fabric": "Azure",
        "container": CONTAINER,
        "item": ITEM,
        "job": jobs[0],
        "plan": "VirtualMachines",
        "region": "westeurope",
        "scope": WEB_01,
        "name": "kept",
    }
    for route in cloud.server.routes:
        if route.method == "GET" and not any(one.fits(route.template) for one in UNHELD):
            path = re.sub(r"\{(\w+)\}", lambda found: names[found[1]], route.template)
            answer = await cloud.ask("GET", f"{path}?api-version=1")
            assert answer[0] == 200, (path, answer)


async def write_everything(cloud: Cloud) -> None:
    """Writes whose answers have a body, and operations, through the SDK."""
    compute, network, backup = cloud.compute, cloud.network, cloud.backup
    await (await compute.virtual_machines.begin_update("rg-shop", "web-01", {"tags": {"a": "b"}})).result()
    await cloud.ask("PUT", f"{WEB_01}?api-version=1", {"location": "westeurope", "tags": {"a": "c"}})
    vm = await compute.virtual_machines.get("rg-shop", "web-01")
    disk = await compute.disks.get("rg-shop", "web-01_OsDisk_1")
    copy = {"createOption": "Copy", "sourceResourceId": disk.id}
    snapshot = {"location": "westeurope", "properties": {"creationData": copy}}
    for name in ("kept", "gone"):
        await (await compute.snapshots.begin_create_or_update("rg-shop", name, snapshot)).result()
    await (await compute.snapshots.begin_delete("rg-shop", "gone")).result()
    nics = network.network_interfaces
    await (await nics.begin_list_effective_network_security_groups("rg-shop", "web-01-nic")).result()
    nic = await nics.get("rg-shop", "web-01-nic")
    await (await nics.begin_create_or_update("rg-shop", "web-01-nic", nic)).result()
    await cloud.lockdown()
    await cloud.lockdown("gone")
    await (await network.network_security_groups.begin_delete("rg-shop", "gone")).result()
    for name in ("begin_power_off", "begin_start", "begin_restart", "begin_deallocate"):
        await (await getattr(compute.virtual_machines, name)("rg-shop", vm.name)).result()
    await (await cloud.vaults.vaults.begin_update("rg-shop", "others-vault", {"tags": {"a": "b"}})).result()
    sku = {"location": "westeurope", "sku": {"name": "RS0", "tier": "Standard"}, "properties": {}}
    await (await cloud.vaults.vaults.begin_create_or_update("rg-shop", "new", sku)).result()
    policy = await backup.protection_policies.get("others-vault", "rg-shop", "DefaultPolicy")
    await backup.protection_policies.create_or_update("others-vault", "rg-shop", "mine", policy)
    config = {"properties": {"softDeleteFeatureState": "Enabled"}}
    for put in (backup.backup_resource_vault_configs.update, backup.backup_resource_vault_configs.put):
        await put("others-vault", "rg-shop", config)
    await backups(cloud)


async def defend(cloud: Cloud) -> None:
    """Plans at both scopes, one with an extension that fails; a just-in-time policy; what was found."""
    plans, policies = cloud.security.pricings, cloud.security.jit_network_access_policies
    cloud.server.plans.failing["AgentlessVmScanning"] = "no identity"
    for scope, plan in ((WEB_01, "P1"), (f"/subscriptions/{PRODUCTION}", "P2")):
        properties = {"pricingTier": "Standard", "subPlan": plan}
        await plans.update(scope, "VirtualMachines", {"properties": properties})
    await plans.delete(WEB_01, "VirtualMachines")
    port = {
        "number": 22,
        "protocol": "*",
        "allowedSourceAddressPrefix": "*",
        "maxRequestAccessDuration": "PT3H",
    }
    entry = {"id": WEB_01, "ports": [port]}
    body = {"kind": "Basic", "properties": {"virtualMachines": [entry]}}
    for name in ("gone", "DefaultPolicy"):
        await policies.create_or_update("rg-shop", "westeurope", name, body)
    await policies.delete("rg-shop", "westeurope", "gone")
    given = {"vm": "web-01", "alerts": [{"name": "odd"}], "recommendations": [{"name": "patch"}]}
    await cloud.ask("PUT", "/_defender", given)
    query = {"query": "securityresources", "options": {"$top": 1, "resultFormat": "objectArray"}}
    await cloud.ask("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=1", query)


async def alert(cloud: Cloud) -> None:
    """A rule and an action group of somebody."""
    hook = {"name": "hook", "serviceUri": "https://alerts.example/in"}
    group = {"groupShortName": "ops", "enabled": True, "webhookReceivers": [hook]}
    insights = f"{SHOP}/Microsoft.Insights"
    await cloud.ask(
        "PUT", f"{insights}/actionGroups/ops?api-version=1", {"location": "Global", "properties": group}
    )
    parts = [
        {"field": "category", "equals": "Administrative"},
        {"anyOf": [{"field": "status", "equals": one} for one in ("Failed", "Succeeded")]},
    ]
    rule = {
        "scopes": [f"/subscriptions/{PRODUCTION}"],
        "condition": {"allOf": parts},
        "actions": {"actionGroups": [{"actionGroupId": f"{insights}/actionGroups/ops"}]},
    }
    path = f"{insights}/activityLogAlerts/starts?api-version=1"
    await cloud.ask("PUT", path, {"location": "Global", "properties": rule})


async def backups(cloud: Cloud) -> None:
    """A backup that goes well, one that fails, a soft deletion and its undoing."""
    place = ("others-vault", "rg-shop", "Azure", CONTAINER, ITEM)
    kind = {"protectedItemType": "Microsoft.Compute/virtualMachines", "sourceResourceId": WEB_01}
    asked = {"properties": {"objectType": "IaasVMBackupRequest"}}
    await cloud.ask("PUT", "/_failures", [{"operation": "^backup$", "times": 1}])
    for _ in range(2):
        await cloud.backup.backups.trigger(*place, asked)
        await asyncio.sleep(0.02)
    await cloud.ask("DELETE", f"{PLACE}?api-version=1")
    await asyncio.sleep(0.02)
    await cloud.ask("GET", f"{PLACE}?api-version=1")
    for properties in ({"isRehydrate": True}, {"policyId": f"{VAULT}/backupPolicies/DefaultPolicy"}):
        poller = await cloud.backup.protected_items.begin_create_or_update(
            *place, {"properties": kind | properties}
        )
        await poller.result()
    question = {"resourceType": "VM", "resourceId": WEB_01}
    await cloud.backup.backup_status.get("westeurope", question)
    await cloud.subscriptions.subscriptions.get(PRODUCTION)


async def ask_each_client(cloud: Cloud) -> None:
    """One request of each SDK client, so that the api-versions it sends are seen."""
    for listed in (
        cloud.subscriptions.subscriptions.list(),
        cloud.compute.virtual_machines.list_all(),
        cloud.compute.disks.list(),
        cloud.compute.resource_skus.list(filter="location eq 'westeurope'"),
        cloud.network.network_interfaces.list_all(),
        cloud.vaults.vaults.list_by_subscription_id(),
        cloud.security.jit_network_access_policies.list(),
        cloud.locks.management_locks.list_at_subscription_level(),
        cloud.roles.role_assignments.list_for_subscription(),
        cloud.monitor.activity_log_alerts.list_by_subscription_id(),
        cloud.monitor.action_groups.list_by_subscription_id(),
    ):
        async for _ in listed:
            break
    question = {"resourceType": "VM", "resourceId": machine(cloud.server, "web-01").id}
    await cloud.backup.backup_status.get("westeurope", question)
    await cloud.security.pricings.get(WEB_01, "VirtualMachines")
    await cloud.graph.resources(QueryRequest(query="securityresources"))
    sku = {"location": "westeurope", "sku": {"name": "RS0", "tier": "Standard"}, "properties": {}}
    await (await cloud.vaults.vaults.begin_create_or_update("rg-shop", "new", sku)).result()
