"""The simulated estate: what exists, under which id, in which state."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.ids import group_of, name_of, subscription_of, within

VM = "Microsoft.Compute/virtualMachines"
DISK = "Microsoft.Compute/disks"
AVAILABILITY_SET = "Microsoft.Compute/availabilitySets"
SNAPSHOT = "Microsoft.Compute/snapshots"
NIC = "Microsoft.Network/networkInterfaces"
NSG = "Microsoft.Network/networkSecurityGroups"
VNET = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
ASG = "Microsoft.Network/applicationSecurityGroups"
ROUTE_TABLE = "Microsoft.Network/routeTables"
BASTION = "Microsoft.Network/bastionHosts"
LOAD_BALANCER = "Microsoft.Network/loadBalancers"
VAULT = "Microsoft.RecoveryServices/vaults"
LOCK = "Microsoft.Authorization/locks"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
JIT_POLICY = "Microsoft.Security/locations/jitNetworkAccessPolicies"
PRICING = "Microsoft.Security/pricings"
CLASSIC_VM = "Microsoft.ClassicCompute/virtualMachines"
CLASSIC_NSG = "Microsoft.ClassicNetwork/networkSecurityGroups"

PowerState = Literal["starting", "running", "stopping", "stopped", "deallocating", "deallocated"]


def new_etag() -> str:
    """An entity tag as Azure's network provider writes them."""
    return f'W/"{uuid.uuid4()}"'


@dataclass(kw_only=True, slots=True, eq=False)
class Resource:
    """One ARM resource.

    Attributes:
        id: as it was created; lookups ignore case, answers keep it.
        kind: its ARM type.
        location: the region, empty for what has none.
        properties: the ``properties`` of its JSON.
        tags: its tags.
        extra: further top-level keys of its JSON, such as ``sku``.
        etag: changes with each write; empty for types that show none.
    """

    id: str
    kind: str
    location: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    etag: str = ""

    @property
    def name(self) -> str:
        return name_of(self.id)

    @property
    def group(self) -> str:
        return group_of(self.id)

    @property
    def subscription(self) -> str:
        return subscription_of(self.id)

    def touch(self) -> None:
        """A new entity tag, after a write; an interface's IP configurations show the same one."""
        if self.etag:
            self.etag = new_etag()
        for part in self.properties.get("ipConfigurations", []):
            part["etag"] = self.etag

    def as_json(self) -> dict[str, Any]:
        """The resource as a GET answers it."""
        body: dict[str, Any] = {"id": self.id, "name": self.name, "type": self.kind}
        if self.etag:
            body["etag"] = self.etag
        if self.location:
            body["location"] = self.location
            body["tags"] = dict(self.tags)
        return {**body, **self.extra, "properties": self.properties}


def settle(resource: Resource, state: str) -> None:
    """Note how the last write of a resource ended: Succeeded, Failed, or Canceled in either spelling."""
    resource.properties["provisioningState"] = state if state != "TimedOut" else "Failed"


@dataclass(kw_only=True, slots=True, eq=False)
class Vm(Resource):
    """A virtual machine, of either deployment model, with the state its instance view reports."""

    power: PowerState = "deallocated"

    @property
    def classic(self) -> bool:
        return self.kind == CLASSIC_VM

    @property
    def ephemeral(self) -> bool:
        """Its OS disk lies on its host: ``diffDiskSettings.option: Local``."""
        disk = self.properties.get("storageProfile", {}).get("osDisk", {})
        return bool(disk.get("diffDiskSettings", {}).get("option") == "Local")

    def nic_ids(self) -> list[str]:
        """Its network interfaces, the primary one first; none for a classic VM."""
        profile = self.properties.get("networkProfile", {})
        return [nic["id"] for nic in profile.get("networkInterfaces", [])]

    def disk_ids(self) -> list[str]:
        """Its managed disks, the OS disk first; none for an unmanaged one."""
        storage = self.properties.get("storageProfile", {})
        disks = [storage["osDisk"], *storage.get("dataDisks", [])] if storage else []
        return [disk["managedDisk"]["id"] for disk in disks if "managedDisk" in disk]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A resource group."""

    subscription: str
    name: str
    location: str
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.name}"


class Estate:
    """Every subscription, group and resource there is.

    Attributes:
        changes: counts what is added and removed. Whoever changes what a resource refers to adds it anew.
    """

    def __init__(self, *, tenant: str = "") -> None:
        self.tenant = tenant
        self.changes = 0
        self.subscriptions: dict[str, str] = {}
        self.subscription_tags: dict[str, dict[str, str]] = {}
        self._groups: dict[str, Group] = {}
        self._by_id: dict[str, Resource] = {}
        self._by_kind: dict[str, dict[str, Resource]] = {}

    def clear(self) -> None:
        """Forget everything."""
        held_all = (self.subscriptions, self.subscription_tags, self._groups, self._by_id, self._by_kind)
        for held in held_all:
            held.clear()
        self.changes += 1

    def add_group(self, group: Group) -> Group:
        """The group of this name, created if it is new."""
        return self._groups.setdefault(group.id.lower(), group)

    def groups(self, subscription: str) -> list[Group]:
        return [g for g in self._groups.values() if g.subscription.lower() == subscription.lower()]

    def group(self, subscription: str, name: str) -> Group:
        """The group; raises ``SubscriptionNotFound`` or ``ResourceGroupNotFound``."""
        self.check_subscription(subscription)
        found = self._groups.get(f"/subscriptions/{subscription}/resourceGroups/{name}".lower())
        if found is None:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return found

    def check_subscription(self, subscription: str) -> None:
        """Raise ``SubscriptionNotFound`` unless the subscription exists."""
        if subscription.lower() not in self.subscriptions:
            raise ArmError(
                404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
            )

    def add(self, resource: Resource) -> Resource:
        """Store a resource, in place of one with the same id."""
        key = resource.id.lower()
        self.changes += 1
        self._by_id[key] = resource
        self._by_kind.setdefault(resource.kind, {})[key] = resource
        return resource

    def remove(self, resource_id: str) -> None:
        """Forget a resource; nothing happens if there is none."""
        gone = self._by_id.pop(resource_id.lower(), None)
        if gone is not None:
            self.changes += 1
            del self._by_kind[gone.kind][resource_id.lower()]

    def find(self, resource_id: str) -> Resource | None:
        return self._by_id.get(resource_id.lower())

    def get(self, resource_id: str) -> Resource:
        """The resource; raises the 404 that names the first missing part: subscription, group, resource."""
        found = self._by_id.get(resource_id.lower())
        if found is not None:
            return found
        if group := group_of(resource_id):
            self.group(subscription_of(resource_id), group)
        self.check_subscription(subscription_of(resource_id))
        tail = resource_id.partition("/providers/")[2]
        raise ArmError(
            404,
            "ResourceNotFound",
            f"The Resource '{tail}' under resource group '{group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        )

    def vm(self, resource_id: str) -> Vm:
        """The virtual machine of this id; raises as ``get``."""
        found = self.get(resource_id)
        if not isinstance(found, Vm):
            raise ArmError(404, "ResourceNotFound", f"'{resource_id}' is not a virtual machine.")
        return found

    def of(self, kind: str, scope: str = "") -> Iterator[Resource]:
        """Resources of a type, in the order they were made, within a scope if one is given."""
        for resource in list(self._by_kind.get(kind, {}).values()):
            if not scope or within(resource.id, scope):
                yield resource

    def everything(self) -> list[Resource]:
        """Every resource there is, in the order they were made."""
        return list(self._by_id.values())

    def vms(self) -> list[Vm]:
        """Every virtual machine, of both deployment models."""
        return [r for kind in (VM, CLASSIC_VM) for r in self.of(kind) if isinstance(r, Vm)]
