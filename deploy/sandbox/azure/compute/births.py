"""New virtual machines: what a PUT has to hold, and what comes of it.

Codes and sentences are those that people report of Azure; where none was found, the check says so.
Source of the body: https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update
"""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.compute.host_encryption import HostEncryption
from deploy.sandbox.azure.compute.machines import Machines
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, Answer, Call, Route, accepted
from deploy.sandbox.azure.ids import arm_id, same
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import DISK, NIC, VM, Estate, Resource, Vm, settle
from deploy.sandbox.azure.network.nsg import check_match, checked_location

CREATE_S = 30.0
_ONE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{{vm}}"
_NAME = re.compile(r"[^\\/\"\[\]:|<>+=;,?*@&_~!#$%^(){}'\s][^\\/\"\[\]:|<>+=;,?*@&]{0,63}(?<![.-])")
"""Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""
_IMAGES = {
    ("canonical", "ubuntu-24_04-lts", "server"): "V2",
    ("canonical", "ubuntu-24_04-lts", "server-gen1"): "V1",
    ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"): "V2",
}
"""Those of the marketplace that this Azure has, with their generation."""
_RESERVED = frozenset(("administrator", "admin", "user", "root", "test", "guest", "owner", "backup"))
"""Some of those that the REST page disallows."""


class Births:
    """``PUT`` of ``Microsoft.Compute/virtualMachines``; of one that exists, ``machines`` changes it."""

    def __init__(
        self, *, estate: Estate, locks: Locks, lro: Lro, machines: Machines, host_encryption: HostEncryption
    ) -> None:
        self._host_encryption = host_encryption
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._machines = machines

    def routes(self) -> list[Route]:
        return [Route("PUT", _ONE, self.put)]

    def put(self, call: Call) -> Answer:
        old = self._estate.find(call.resource_id)
        body = call.body or {}
        if isinstance(old, Vm):
            check_match(call, old)
            _check_unchanged(old, body)
            if old.properties["provisioningState"] != "Failed":
                return self._machines.update(call)
        self._locks.check_write(call.resource_id, f"{VM}/write")
        self._lro.operations.check_free(call.resource_id, "OperationNotAllowed")
        location = checked_location(body, old)
        properties = body.get("properties") or {}
        self._check(call, properties, location)
        vm = self._vm(call, body, properties, location)
        if (properties.get("securityProfile") or {}).get("encryptionAtHost"):
            self._host_encryption.check(vm)
        vm.power = "starting"
        self._estate.add(vm)
        self._add_disks(vm)
        for nic_id in vm.nic_ids():
            self._estate.get(nic_id).properties["virtualMachine"] = {"id": vm.id}
        operation = self._lro.compute("vm PUT", vm.id, location, CREATE_S)

        def done() -> None:
            vm.power = "running"
            settle(vm, "Succeeded")

        def failed() -> None:
            vm.power = "stopped"
            settle(vm, operation.status)

        self._lro.operations.begin(operation, done, failed=failed)
        return accepted(call, operation, status=201, body=vm.as_json())

    def _vm(self, call: Call, body: dict[str, Any], properties: dict[str, Any], location: str) -> Vm:
        extra = {}
        if kind := (body.get("identity") or {}).get("type"):
            who = {"principalId": str(uuid.uuid4()), "tenantId": self._estate.tenant}
            extra["identity"] = {"type": kind, **(who if "SystemAssigned" in kind else {})}
        vm = Vm(
            id=call.resource_id,
            kind=VM,
            location=location,
            tags=dict(body.get("tags") or {}),
            etag='"1"',
            extra=extra,
            properties={
                **properties,
                "vmId": str(uuid.uuid4()),
                "provisioningState": "Creating",
                "timeCreated": datetime.now(UTC).isoformat(),
            },
        )
        storage = vm.properties["storageProfile"] = {"dataDisks": [], **vm.properties["storageProfile"]}
        storage["osDisk"] = self._attached(vm, storage["osDisk"], "OsDisk") | {"osType": "Linux"}
        storage["dataDisks"] = [self._attached(vm, disk, "DataDisk") for disk in storage["dataDisks"]]
        return vm

    @staticmethod
    def _attached(vm: Vm, disk: dict[str, Any], what: str) -> dict[str, Any]:
        name = disk.get("name") or f"{vm.name}_{what}_{disk.get('lun', 1)}_{uuid.uuid4().hex}"
        managed = {"storageAccountType": "Standard_LRS", **(disk.get("managedDisk") or {})}
        return {
            "deleteOption": "Detach",
            "caching": "None",
            "diskSizeGB": 30,
            **disk,
            "name": name,
            "managedDisk": {**managed, "id": arm_id(vm.subscription, vm.group, DISK, name)},
        }

    def _add_disks(self, vm: Vm) -> None:
        storage = vm.properties["storageProfile"]
        for disk in (storage["osDisk"], *storage["dataDisks"]):
            self._estate.add(
                Resource(
                    id=disk["managedDisk"]["id"],
                    kind=DISK,
                    location=vm.location,
                    tags=dict(vm.tags),
                    extra={"sku": {"name": disk["managedDisk"]["storageAccountType"]}, "managedBy": vm.id},
                    properties={
                        "provisioningState": "Succeeded",
                        "diskState": "Attached",
                        "diskSizeGB": disk["diskSizeGB"],
                        "diskSizeBytes": disk["diskSizeGB"] * 1024**3,
                        "uniqueId": str(uuid.uuid4()),
                        "timeCreated": vm.properties["timeCreated"],
                        "creationData": {"createOption": disk.get("createOption", "Empty")},
                        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
                        "networkAccessPolicy": "AllowAll",
                        "publicNetworkAccess": "Enabled",
                    },
                )
            )

    def _check(self, call: Call, properties: dict[str, Any], location: str) -> None:
        if not _NAME.fullmatch(call.params["vm"]):
            raise _parameter("vmName", "The name of the virtual machine is invalid.")
        size = str((properties.get("hardwareProfile") or {}).get("vmSize") or "")
        if not size.startswith("Standard_"):
            raise _parameter("vmSize", f"The value {size} provided for the VM size is not valid.")
        generation = _generation((properties.get("storageProfile") or {}).get("imageReference") or {})
        _check_security(properties.get("securityProfile") or {}, generation)
        _check_sign_in(properties.get("osProfile") or {})
        self._check_interfaces(call, properties.get("networkProfile") or {}, location)

    def _check_interfaces(self, call: Call, given: dict[str, Any], location: str) -> None:
        nics = [str(one.get("id")) for one in given.get("networkInterfaces") or []]
        if not nics:
            raise _parameter("networkProfile", "Virtual machine must have at least one network interface.")
        for nic_id in nics:
            nic = self._estate.find(nic_id)
            if nic is None or nic.kind != NIC or nic.location != location:
                raise ArmError(
                    400,
                    "InvalidResourceReference",
                    f"Resource {nic_id} referenced by resource {call.resource_id} was not found. Please make "
                    "sure that the referenced resource exists, and that both resources are in the same "
                    "region.",
                )
            user = (nic.properties.get("virtualMachine") or {}).get("id", "")
            if user and not same(user, call.resource_id):
                # The sentence is that of a deletion; the one of this case was not found.
                raise ArmError(
                    400, "NicInUse", f"Network Interface {nic.id} is used by existing resource {user}."
                )


def _check_security(given: dict[str, Any], generation: str) -> None:
    if given.get("securityType") == "TrustedLaunch" and generation == "V1":
        raise ArmError(
            400,
            "BadRequest",
            "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted "
            "Launch Supported Gen2 OS Image. For more information, see https://aka.ms/TrustedLaunch-FAQ.",
        )


def _generation(image: dict[str, Any]) -> str:
    if image.get("id"):
        return "V2"
    named = tuple(str(image.get(key) or "") for key in ("publisher", "offer", "sku"))
    lower = (named[0].lower(), named[1].lower(), named[2].lower())
    if lower not in _IMAGES:
        raise ArmError(
            404,
            "PlatformImageNotFound",
            f"The platform image '{':'.join((*named, str(image.get('version') or 'latest')))}' is not "
            "available. Verify that all fields in the storage profile are correct.",
        )
    return _IMAGES[lower]


def _check_sign_in(given: dict[str, Any]) -> None:
    user, linux = str(given.get("adminUsername") or ""), given.get("linuxConfiguration") or {}
    if not user or user.lower() in _RESERVED:
        raise _parameter("adminUsername", "The Admin Username specified is not allowed.")
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    if not keys and (linux.get("disablePasswordAuthentication") or not given.get("adminPassword")):
        raise _parameter(
            "linuxConfiguration",
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
        )
    path = f"/home/{user}/.ssh/authorized_keys"
    if any(key.get("path") != path for key in keys):
        raise _parameter(
            "linuxConfiguration.ssh.publicKeys.path",
            f"Destination path for SSH public keys is currently limited to its default value {path} due to a "
            "known issue in Linux provisioning agent.",
        )


def _check_unchanged(vm: Vm, body: dict[str, Any]) -> None:
    """A PUT over a machine can't give it other keys: https://github.com/Azure/azure-cli/issues/11840."""

    def keys(properties: dict[str, Any]) -> Any:
        linux = (properties.get("osProfile") or {}).get("linuxConfiguration") or {}
        return (linux.get("ssh") or {}).get("publicKeys")

    wanted = keys(body.get("properties") or {})
    if wanted is not None and wanted != keys(vm.properties):
        what = "linuxConfiguration.ssh.publicKeys"
        raise ArmError(
            409,
            "PropertyChangeNotAllowed",
            f"Changing property '{what}' is not allowed.",
            more={"target": what},
        )


def _parameter(target: str, message: str) -> ArmError:
    return ArmError(400, "InvalidParameter", message, more={"target": target})
