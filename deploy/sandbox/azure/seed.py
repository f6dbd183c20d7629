"""Turns the machines of ``world.yaml`` into resources."""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import (
    ASG,
    CLASSIC_VM,
    DISK,
    NIC,
    NSG,
    PUBLIC_IP,
    SUBNET,
    VM,
    VNET,
    Estate,
    Group,
    Resource,
    Vm,
    new_etag,
)
from deploy.sandbox.azure.network.balancer_seed import add_load_balancer
from deploy.sandbox.azure.network.nsg import nsg_resource
from deploy.sandbox.azure.network.rules import rule
from deploy.sandbox.world import NicSeed, VmSeed, World

CREATED = datetime(2026, 1, 12, 9, 0, tzinfo=UTC).isoformat()


def seed_estate(estate: Estate, world: World) -> None:
    """Fill an empty estate with the subscriptions and machines of the world."""
    estate.tenant = world.tenant
    for subscription in world.subscriptions:
        estate.subscriptions[subscription.id.lower()] = subscription.name
    for seed in world.vms:
        add_vm(estate, world, seed)
    for balancer in world.load_balancers:
        add_load_balancer(estate, world, balancer)


def add_vm(estate: Estate, world: World, seed: VmSeed) -> Vm:
    """One more machine, with its group, network, disks and interfaces.

    Raises:
        ValueError: a machine of this name is in the group already.
    """
    subscription = world.subscriptions[seed.subscription].id
    kind = CLASSIC_VM if seed.classic else VM
    vm_id = arm_id(subscription, seed.group, kind, seed.name)
    if estate.find(vm_id) is not None:
        raise ValueError(f"{vm_id} exists already")
    estate.add_group(Group(subscription=subscription, name=seed.group, location=seed.location))
    vm = Vm(
        id=vm_id,
        kind=kind,
        location=seed.location,
        tags=dict(seed.tags),
        power=seed.power,
        properties=_classic(seed) if seed.classic else {},
    )
    if not seed.classic:
        nics = [_nic(estate, vm, index, nic) for index, nic in enumerate(seed.nics)]
        vm.properties = _properties(vm, seed, nics, _disks(estate, vm, seed))
        vm.etag = '"1"'
    estate.add(vm)
    return vm


def _guid(*words: str) -> str:
    """The same GUID for the same words, so that a reset gives back the same estate."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)))


def _classic(seed: VmSeed) -> dict[str, Any]:
    return {
        "provisioningState": "Succeeded",
        "hardwareProfile": {"platformGuestAgent": True, "size": seed.size},
        "domainName": {"name": seed.name},
    }


def _properties(vm: Vm, seed: VmSeed, nics: list[Resource], disks: list[Resource]) -> dict[str, Any]:
    def attached(disk: Resource) -> dict[str, Any]:
        return {
            "name": disk.name,
            "caching": "ReadWrite",
            "managedDisk": {"storageAccountType": "Premium_LRS", "id": disk.id},
            "diskSizeGB": disk.properties["diskSizeGB"],
            "deleteOption": "Detach",
        }

    system, *data = disks
    local = {"caching": "ReadOnly", "diffDiskSettings": {"option": "Local", "placement": "CacheDisk"}}
    return {
        "vmId": _guid(vm.id),
        "provisioningState": "Succeeded",
        "timeCreated": CREATED,
        "hardwareProfile": {"vmSize": seed.size},
        "storageProfile": {
            "imageReference": {
                "publisher": "Canonical",
                "offer": "ubuntu-24_04-lts",
                "sku": "server",
                "version": "latest",
                "exactVersion": "24.04.202601080",
            },
            "osDisk": {
                "osType": "Linux",
                "createOption": "FromImage",
                **attached(system),
                **(local if seed.ephemeral else {}),
            },
            "dataDisks": [
                {"lun": lun, "createOption": "Attach", "toBeDetached": False, **attached(disk)}
                for lun, disk in enumerate(data)
            ],
        },
        "osProfile": {
            "computerName": seed.name,
            "adminUsername": "azureuser",
            "linuxConfiguration": {"disablePasswordAuthentication": True, "provisionVMAgent": True},
            "secrets": [],
        },
        "networkProfile": {
            "networkInterfaces": [
                {"id": nic.id, "properties": {"primary": index == 0}} for index, nic in enumerate(nics)
            ]
        },
        "securityProfile": {"encryptionAtHost": False},
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
    }


def _disks(estate: Estate, vm: Vm, seed: VmSeed) -> list[Resource]:
    """The OS disk; sizes meant for data get a data disk too.

    An ephemeral OS disk is none of the subscription's: a GET answers 404,
    https://github.com/MicrosoftDocs/azure-docs/issues/71220.
    """
    wanted = [(f"{seed.name}_OsDisk_1", 30, "FromImage")]
    if not seed.size.startswith("Standard_B"):
        wanted.append((f"{seed.name}_DataDisk_0", 256, "Empty"))
    disks = [_disk(vm, *one) for one in wanted]
    for disk in disks[1:] if seed.ephemeral else disks:
        estate.add(disk)
    return disks


def _disk(vm: Vm, name: str, size: int, option: str) -> Resource:
    disk_id = arm_id(vm.subscription, vm.group, DISK, name)
    return Resource(
        id=disk_id,
        kind=DISK,
        location=vm.location,
        tags=dict(vm.tags),
        extra={"sku": {"name": "Premium_LRS", "tier": "Premium"}, "managedBy": vm.id},
        properties={
            "provisioningState": "Succeeded",
            "diskState": "Reserved" if vm.power == "deallocated" else "Attached",
            "LastOwnershipUpdateTime": CREATED,
            "diskSizeGB": size,
            "diskSizeBytes": size * 1024**3,
            "uniqueId": _guid(disk_id),
            "timeCreated": CREATED,
            "creationData": {"createOption": option},
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
            **({"osType": "Linux"} if option == "FromImage" else {}),
        },
    )


def _nic(estate: Estate, vm: Vm, index: int, seed: NicSeed) -> Resource:
    nic_id = arm_id(vm.subscription, vm.group, NIC, f"{vm.name}-nic" + (f"{index + 1}" if index else ""))
    rules = [
        rule(f"allow-{port}", "Allow", 200 + 10 * at, ports=port, protocol="Tcp", source="Internet")
        for at, port in enumerate(seed.open)
    ]
    guarded = seed.nsg == "none"
    subnet = _subnet(estate, vm, rules if guarded else None)
    digest = hashlib.sha256(nic_id.encode()).digest()
    configuration_id = f"{nic_id}/ipConfigurations/ipconfig1"
    etag = new_etag()
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "resourceGuid": _guid(nic_id),
        "ipConfigurations": [
            {
                "name": "ipconfig1",
                "id": configuration_id,
                "etag": etag,
                "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
                "properties": {
                    "provisioningState": "Succeeded",
                    "privateIPAddress": f"10.{digest[0]}.{digest[1]}.{4 + digest[2] % 200}",
                    "privateIPAllocationMethod": "Dynamic",
                    "privateIPAddressVersion": "IPv4",
                    "primary": True,
                    "subnet": {"id": subnet.id},
                },
            }
        ],
        "dnsSettings": {
            "dnsServers": [],
            "appliedDnsServers": [],
            "internalDomainNameSuffix": f"{digest.hex()[:30]}.ax.internal.cloudapp.net",
        },
        "macAddress": "00-0D-3A-" + digest[:3].hex("-").upper(),
        "enableAcceleratedNetworking": False,
        "enableIPForwarding": False,
        "disableTcpStateTracking": False,
        "vnetEncryptionSupported": False,
        "primary": index == 0,
        "virtualMachine": {"id": vm.id},
        "hostedWorkloads": [],
        "tapConfigurations": [],
        "nicType": "Standard",
        "auxiliaryMode": "None",
        "auxiliarySku": "None",
        **seed.settings,
    }
    if seed.asgs:
        groups = [{"id": _asg(estate, vm, name).id} for name in seed.asgs]
        properties["ipConfigurations"][0]["properties"]["applicationSecurityGroups"] = groups
    if seed.public_ip:
        address = _address(estate, vm, seed.public_ip, configuration_id, f"{vm.name}-ip{index or ''}")
        properties["ipConfigurations"][0]["properties"]["publicIPAddress"] = {"id": address.id}
    if not guarded:
        nsg_id = arm_id(vm.subscription, vm.group, NSG, f"{vm.name}-nsg{index + 1 if index else ''}")
        properties["networkSecurityGroup"] = {"id": estate.add(nsg_resource(nsg_id, vm.location, rules)).id}
    zone = {"extendedLocation": {"type": "EdgeZone", "name": seed.extended_location}}
    return estate.add(
        Resource(
            id=nic_id,
            kind=NIC,
            location=vm.location,
            etag=etag,
            extra=zone if seed.extended_location else {},
            properties=properties,
        )
    )


def _asg(estate: Estate, vm: Vm, name: str) -> Resource:
    """The application security group of this name, beside the machine."""
    asg_id = arm_id(vm.subscription, vm.group, ASG, name)
    properties = {"provisioningState": "Succeeded", "resourceGuid": _guid(asg_id)}
    return estate.find(asg_id) or estate.add(
        Resource(id=asg_id, kind=ASG, location=vm.location, etag=new_etag(), properties=properties)
    )


def _subnet(estate: Estate, vm: Vm, rules: list[dict[str, Any]] | None) -> Resource:
    """A subnet of the group in this region: ``default`` filters nothing, ``guarded`` has ``rules``."""
    vnet = f"{vm.group}-{vm.location}-vnet"
    vnet_id = arm_id(vm.subscription, vm.group, VNET, vnet)
    name = "default" if rules is None else "guarded"
    subnet_id = arm_id(vm.subscription, vm.group, SUBNET, vnet, name)
    known = estate.find(subnet_id)
    if known is not None:
        return known
    space = {"provisioningState": "Succeeded", "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
    if estate.find(vnet_id) is None:
        estate.add(Resource(id=vnet_id, kind=VNET, location=vm.location, etag=new_etag(), properties=space))
    subnet = Resource(
        id=subnet_id,
        kind=SUBNET,
        etag=new_etag(),
        properties={"provisioningState": "Succeeded", "addressPrefix": "10.0.0.0/8"},
    )
    if rules is not None:
        nsg_id = arm_id(vm.subscription, vm.group, NSG, f"{vnet}-{name}-nsg")
        estate.add(nsg_resource(nsg_id, vm.location, rules))
        subnet.properties["networkSecurityGroup"] = {"id": nsg_id}
    return estate.add(subnet)


def _address(estate: Estate, vm: Vm, address: str, configuration_id: str, name: str) -> Resource:
    address_id = arm_id(vm.subscription, vm.group, PUBLIC_IP, name)
    return estate.add(
        Resource(
            id=address_id,
            kind=PUBLIC_IP,
            location=vm.location,
            etag=new_etag(),
            extra={"sku": {"name": "Standard", "tier": "Regional"}},
            properties={
                "provisioningState": "Succeeded",
                "resourceGuid": _guid(address_id),
                "ipAddress": address,
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Static",
                "idleTimeoutInMinutes": 4,
                "ipConfiguration": {"id": configuration_id},
            },
        )
    )
