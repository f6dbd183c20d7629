"""The resources that a specified VM is made of: their names, their bodies, their order.

Names follow from the VM's name, and each carries the VM's name and the digest of the specification as tags.
So no file has to remember how far a run came: Azure itself says it.
Body of a VM: https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update
"""

from typing import Any, NamedTuple

from workers.arm.hardening.spec import OWNER_TAG, VmSpec
from workers.arm.ids import group_id
from workers.arm.steps.isolation.lockdown import wanted_nsg
from workers.domain.containment.profile import OUR_TAG, IsolateOptions, LockdownProfile
from workers.domain.starts.vm import VmRef

VM_TAG, SPEC_TAG = "startgate-vm", "startgate-spec"
SUBNET = "default"


class Part(NamedTuple):
    """One resource.

    Attributes:
        title: what it is, for people.
        kind: of its type the last word, as Azure writes it.
        body: of the PUT that makes it.
        gives: names of the requirements that it meets.
        said: what is particular about it, for people.
    """

    title: str
    kind: str
    id: str
    body: dict[str, Any]
    gives: tuple[str, ...] = ()
    said: str = ""

    @property
    def name(self) -> str:
        """Of the resource."""
        return self.id.rpartition("/")[2]


def tags_of(spec: VmSpec) -> dict[str, str]:
    """The tags of everything that is made for it."""
    return {
        **spec.tags,
        OWNER_TAG: spec.owner,
        OUR_TAG: "startgate",
        VM_TAG: spec.name,
        SPEC_TAG: spec.digest,
    }


def vm_of(spec: VmSpec) -> VmRef:
    """The VM that is to be."""
    group = group_id(spec.subscription, spec.resource_group)
    return VmRef.parse(f"{group}/providers/Microsoft.Compute/virtualMachines/{spec.name}")


def parts(spec: VmSpec, profile: LockdownProfile | None) -> list[Part]:
    """Every resource, in the order in which they are made.

    Args:
        spec: what is to be made.
        profile: the lockdown profile that ``network.nsg`` names, if it names one.
    """
    ids = _Ids(spec)
    made = [_security_group(spec, ids, profile)]
    if spec.network.address_space is not None:
        made.append(_network(spec, ids))
    if spec.network.public_ip:
        made.append(_public_ip(spec, ids))
    return [*made, _interface(spec, ids), _machine(spec, ids)]


class _Ids:
    def __init__(self, spec: VmSpec) -> None:
        network = f"{group_id(spec.subscription, spec.resource_group)}/providers/Microsoft.Network"
        self.security_group = f"{network}/networkSecurityGroups/{spec.name}-nsg"
        self.network = f"{network}/virtualNetworks/{spec.name}-vnet"
        self.public_ip = f"{network}/publicIPAddresses/{spec.name}-ip"
        self.interface = f"{network}/networkInterfaces/{spec.name}-nic"
        self.machine = vm_of(spec).resource_id


def _security_group(spec: VmSpec, ids: _Ids, profile: LockdownProfile | None) -> Part:
    allow = (*(profile.isolate.allow if profile else ()), *spec.network.nsg.allow)
    closed = LockdownProfile(name="born", isolate=IsolateOptions(allow=allow))
    body = wanted_nsg(closed, spec.location)
    # A lockdown denies what the VM sends, too; this VM has work to do.
    rules = [rule for rule in body["properties"]["securityRules"] if _inbound(rule)]
    names = ", ".join(one.name for one in allow)
    return Part(
        title="security group",
        kind="networkSecurityGroups",
        id=ids.security_group,
        body={
            "location": spec.location,
            "tags": tags_of(spec),
            "properties": {"flushConnection": True, "securityRules": rules},
        },
        gives=("security-group", "management-ports"),
        said=f"denies all inbound{f' but {names}' if names else ''}",
    )


def _inbound(rule: dict[str, Any]) -> bool:
    return str(rule["properties"]["direction"]).lower() == "inbound"


def _network(spec: VmSpec, ids: _Ids) -> Part:
    prefix = spec.network.address_space
    subnet = {
        "name": SUBNET,
        "properties": {"addressPrefix": prefix, "networkSecurityGroup": {"id": ids.security_group}},
    }
    return Part(
        title="network",
        kind="virtualNetworks",
        id=ids.network,
        body={
            "location": spec.location,
            "tags": tags_of(spec),
            "properties": {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": [subnet]},
        },
        said=str(prefix),
    )


def _public_ip(spec: VmSpec, ids: _Ids) -> Part:
    return Part(
        title="public IP",
        kind="publicIPAddresses",
        id=ids.public_ip,
        body={
            "location": spec.location,
            "tags": tags_of(spec),
            # Standard lets nothing in without a security group; Basic was retired in September 2025.
            "sku": {"name": "Standard", "tier": "Regional"},
            "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"},
        },
        said="as the specification says",
    )


def _interface(spec: VmSpec, ids: _Ids) -> Part:
    subnet = spec.network.subnet or f"{ids.network}/subnets/{SUBNET}"
    address: dict[str, Any] = {"privateIPAllocationMethod": "Dynamic", "subnet": {"id": subnet}}
    if spec.network.public_ip:
        address["publicIPAddress"] = {"id": ids.public_ip}
    return Part(
        title="network interface",
        kind="networkInterfaces",
        id=ids.interface,
        body={
            "location": spec.location,
            "tags": tags_of(spec),
            "properties": {
                "networkSecurityGroup": {"id": ids.security_group},
                "ipConfigurations": [{"name": "ipconfig1", "properties": {**address, "primary": True}}],
            },
        },
        gives=() if spec.network.public_ip else ("public-ip",),
        said="" if spec.network.public_ip else "no public IP",
    )


def _machine(spec: VmSpec, ids: _Ids) -> Part:
    user = spec.admin.user
    key = {"path": f"/home/{user}/.ssh/authorized_keys", "keyData": spec.admin.key}
    return Part(
        title="VM",
        kind="virtualMachines",
        id=ids.machine,
        body={
            "location": spec.location,
            "tags": tags_of(spec),
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "hardwareProfile": {"vmSize": spec.size},
                "storageProfile": _storage(spec),
                "osProfile": {
                    "computerName": spec.name,
                    "adminUsername": user,
                    "linuxConfiguration": {
                        "disablePasswordAuthentication": True,
                        "provisionVMAgent": True,
                        "ssh": {"publicKeys": [key]},
                    },
                },
                "networkProfile": {
                    "networkInterfaces": [{"id": ids.interface, "properties": {"primary": True}}]
                },
                "securityProfile": {
                    "encryptionAtHost": True,
                    "securityType": "TrustedLaunch",
                    "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
                },
                "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
            },
        },
        gives=("owner", "encryption-at-host", "trusted-launch", "identity", "boot-diagnostics"),
        said=f"{spec.size}, signed in to as {user} by SSH key",
    )


def _storage(spec: VmSpec) -> dict[str, Any]:
    image = spec.image
    gone_with_it = {"managedDisk": {"storageAccountType": spec.disks.sku}, "deleteOption": "Delete"}
    system: dict[str, Any] = {
        "name": f"{spec.name}-os",
        "createOption": "FromImage",
        "caching": "ReadWrite",
        **gone_with_it,
    }
    if spec.disks.os_gb is not None:
        system["diskSizeGB"] = spec.disks.os_gb
    return {
        "imageReference": {"id": image.id} if image.id else image.model_dump(exclude={"id"}),
        "osDisk": system,
        "dataDisks": [
            {
                "lun": lun,
                "name": f"{spec.name}-data-{lun}",
                "createOption": "Empty",
                "diskSizeGB": size,
                **gone_with_it,
            }
            for lun, size in enumerate(spec.disks.data_gb)
        ],
    }
