"""The whole estate in one JSON document, for a page and for tests."""

from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.backup.items import Items
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import NSG, SNAPSHOT, VAULT, Estate, Resource, Vm
from deploy.sandbox.azure.network.exposure import open_to_internet
from deploy.sandbox.azure.network.nsg import nsg_of


class State:
    """Looks at the estate from outside; changes nothing."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro, items: Items) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._items = items

    def all(self) -> dict[str, Any]:
        """Machines, network security groups, vaults and snapshots."""
        return {
            "speed": self._lro.operations.speed,
            "subscriptions": dict(self._estate.subscriptions),
            "vms": [self.vm(vm) for vm in self._estate.vms()],
            "nsgs": [self._nsg(nsg) for nsg in self._estate.of(NSG)],
            "vaults": [self._vault(vault) for vault in self._estate.of(VAULT)],
            "snapshots": [
                {"id": one.id, "tags": one.tags, "source": one.properties["creationData"]["sourceResourceId"]}
                for one in self._estate.of(SNAPSHOT)
            ],
        }

    def vm(self, vm: Vm) -> dict[str, Any]:
        """One machine with all that hangs on it."""
        operation = self._lro.operations.running_on(vm.id)
        nics = [self._nic(nic) for nic_id in vm.nic_ids() if (nic := self._estate.find(nic_id))]
        return {
            "id": vm.id,
            "name": vm.name,
            "group": vm.group,
            "subscription": vm.subscription,
            "location": vm.location,
            "size": vm.properties["hardwareProfile"].get("vmSize")
            or vm.properties["hardwareProfile"].get("size"),
            "classic": vm.classic,
            "tags": vm.tags,
            "power": vm.power,
            "operation": operation
            and {"id": operation.id, "name": operation.name, "progress": round(operation.progress, 3)},
            "nics": nics,
            "open_ports": sorted({port for nic in nics for port in nic["open_ports"]}, key=_port),
            "public_ips": [nic["public_ip"] for nic in nics if nic["public_ip"]],
            "backup": self._items.state(vm.id),
            "locks": [
                {"id": lock.id, "name": lock.name, "level": lock.properties["level"]}
                for lock in self._locks.on(vm.id)
            ],
            "snapshots": [snapshot.id for snapshot in self._snapshots(vm)],
            "host_encrypted": bool((vm.properties.get("securityProfile") or {}).get("encryptionAtHost")),
            "classic_nsg": vm.properties.get("associatedNetworkSecurityGroup"),
        }

    def _nic(self, nic: Resource) -> dict[str, Any]:
        operation = self._lro.operations.running_on(nic.id)
        configuration = nic.properties["ipConfigurations"][0]["properties"]
        address = self._estate.find((configuration.get("publicIPAddress") or {}).get("id", ""))
        subnet = self._estate.find(configuration["subnet"]["id"])
        nsg_id = nsg_of(nic) or None
        return {
            "id": nic.id,
            "name": nic.name,
            "nsg": nsg_id,
            "nsg_name": nsg_id and nsg_id.rpartition("/")[2],
            "subnet_nsg": (nsg_of(subnet) or None) if subnet else None,
            "open_ports": open_to_internet(self._estate, nic),
            "private_ip": configuration.get("privateIPAddress"),
            "public_ip": address.properties["ipAddress"] if address else None,
            "operation": operation
            and {"id": operation.id, "name": operation.name, "progress": round(operation.progress, 3)},
        }

    def _snapshots(self, vm: Vm) -> list[Resource]:
        disks = {disk_id.lower() for disk_id in vm.disk_ids()}
        return [
            snapshot
            for snapshot in self._estate.of(SNAPSHOT)
            if snapshot.properties["creationData"]["sourceResourceId"].lower() in disks
        ]

    @staticmethod
    def _nsg(nsg: Resource) -> dict[str, Any]:
        return {
            "id": nsg.id,
            "name": nsg.name,
            "location": nsg.location,
            "tags": nsg.tags,
            "rules": [
                {"name": item["name"], **item["properties"]} for item in nsg.properties["securityRules"]
            ],
        }

    def _vault(self, vault: Resource) -> dict[str, Any]:
        return {
            "id": vault.id,
            "name": vault.name,
            "location": vault.location,
            "properties": vault.properties,
            "items": [item.properties["sourceResourceId"] for item in self._items.all(vault.id)],
        }


def _port(text: str) -> int:
    return int(text.partition("-")[0])
