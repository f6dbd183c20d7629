"""Virtual machines: what they are, what state they are in, and what can be done to them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.compute.disks import note_ownership
from deploy.sandbox.azure.compute.host_encryption import HostEncryption
from deploy.sandbox.azure.compute.starts import ALREADY_S, Request, Starter
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import VM, Estate, PowerState, Vm, settle
from deploy.sandbox.azure.network.nsg import check_match

DEALLOCATE_S = 20.0
POWER_OFF_S = 10.0
RESTART_S = 20.0
UPDATE_S = 4.0
DELETE_S = 15.0
_VMS = "/providers/Microsoft.Compute/virtualMachines"


class Machines:
    """``Microsoft.Compute/virtualMachines``."""

    def __init__(
        self, *, estate: Estate, locks: Locks, lro: Lro, starter: Starter, host_encryption: HostEncryption
    ) -> None:
        self._host_encryption = host_encryption
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._starter = starter

    def routes(self) -> list[Route]:
        one = f"{GROUP}{_VMS}/{{vm}}"
        return [
            Route("GET", one, self.get),
            Route("PATCH", one, self.update),
            Route("DELETE", one, self.delete),
            Route("GET", f"{one}/instanceView", self.instance_view),
            Route("POST", f"{one}/start", self.start),
            Route("POST", f"{one}/deallocate", self.deallocate),
            Route("POST", f"{one}/powerOff", self.power_off),
            Route("POST", f"{one}/restart", self.restart),
            Route("GET", f"{GROUP}{_VMS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_VMS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        vm = self._estate.vm(call.resource_id)
        body = vm.as_json()
        if call.query.get("$expand", "").lower() == "instanceview":
            body["properties"] = {**vm.properties, "instanceView": view(vm, self._lro)}
        return Answer(body=body, headers={"ETag": vm.etag})

    def instance_view(self, call: Call) -> Answer:
        return Answer(body=view(self._estate.vm(call.parent_id), self._lro))

    def list_all(self, call: Call) -> Answer:
        """Machines of a subscription or a group; ``statusOnly=true`` gives little more than the states."""
        if "/resourcegroups/" not in call.path.lower() and call.query.get("statusonly", "").lower() == "true":
            return listing(call, self._vms(call), self._status_only)
        return listing(call, self._vms(call), Vm.as_json)

    def _vms(self, call: Call) -> list[Vm]:
        return [vm for vm in self._estate.of(VM, call.scope) if isinstance(vm, Vm)]

    def _status_only(self, vm: Vm) -> dict[str, Any]:
        return {
            "id": vm.id,
            "name": vm.name,
            "type": vm.kind,
            "location": vm.location,
            "properties": {
                "vmId": vm.properties["vmId"],
                "provisioningState": vm.properties["provisioningState"],
                "instanceView": {"statuses": view(vm, self._lro)["statuses"]},
            },
        }

    def start(self, call: Call) -> Answer:
        return accepted(call, self._starter.start(self._estate.vm(call.parent_id), Request.of(call)))

    def deallocate(self, call: Call) -> Answer:
        """Refused where the OS disk is ephemeral: it would be lost with the host. Power off works.

        "Stop-Deallocate is not available for Ephemeral VMs": https://aka.ms/ephemeralosdiskfaq. Which words
        the refusal has is not documented.
        """
        vm = self._estate.vm(call.parent_id)
        if vm.ephemeral:
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Operation 'deallocate' is not supported for VM '{vm.name}' because it has an ephemeral OS "
                "disk. Please refer to https://aka.ms/Ephemeral for more details.",
            )
        return self._power(call, "deallocate", DEALLOCATE_S, "deallocating", "deallocated")

    def power_off(self, call: Call) -> Answer:
        return self._power(call, "powerOff", POWER_OFF_S, "stopping", "stopped")

    def restart(self, call: Call) -> Answer:
        vm = self._estate.vm(call.parent_id)
        if vm.power != "running":
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"The VM '{vm.name}' cannot be restarted because it is in power state '{vm.power}'.",
            )
        return self._power(call, "restart", RESTART_S, "starting", "running")

    def _power(
        self, call: Call, action: str, seconds: float, meanwhile: PowerState, then: PowerState
    ) -> Answer:
        vm = self._writable(call, action)
        if action == "powerOff" and vm.power == "deallocated":
            # Azure leaves a deallocated machine deallocated.
            meanwhile = then = "deallocated"
        settled = vm.power == then and action != "restart"
        operation = self._lro.compute(action, vm.id, vm.location, ALREADY_S if settled else seconds)
        before = vm.power
        if not settled:
            vm.power = meanwhile

        def ends_in(state: PowerState) -> Callable[[], None]:
            def end() -> None:
                vm.power = state
                if state == "deallocated" and before != state:
                    note_ownership(self._estate, vm)

            return end

        self._lro.operations.begin(operation, ends_in(then), failed=ends_in(before))
        return accepted(call, operation)

    def _writable(self, call: Call, action: str) -> Vm:
        """The machine an action is about, if neither a lock nor another operation holds it."""
        vm = self._estate.vm(call.parent_id)
        self._locks.check_write(vm.id, f"{VM}/{action}/action")
        self._lro.operations.check_free(vm.id, "OperationNotAllowed")
        return vm

    def update(self, call: Call) -> Answer:
        """Replace the tags, change the security profile: ``encryptionAtHost`` only when deallocated.

        PATCH and PUT do the same, to a machine that exists.
        """
        vm = self._estate.vm(call.resource_id)
        self._locks.check_write(vm.id, f"{VM}/write")
        check_match(call, vm)
        self._lro.operations.check_free(vm.id, "OperationNotAllowed")
        body = call.body or {}
        security = (body.get("properties") or {}).get("securityProfile")
        if security and security.get("encryptionAtHost") is not None:
            self._host_encryption.check(vm)
        operation = self._lro.compute("update", vm.id, vm.location, UPDATE_S)

        def done() -> None:
            if "tags" in body:
                vm.tags = dict(body["tags"] or {})
            if security:
                vm.properties["securityProfile"] = {**vm.properties["securityProfile"], **security}
            settle(vm, "Succeeded")
            vm.etag = f'"{int(vm.etag.strip(chr(34))) + 1}"'

        vm.properties["provisioningState"] = "Updating"
        self._lro.operations.begin(operation, done, failed=lambda: settle(vm, operation.status))
        return accepted(call, operation, status=200, body=vm.as_json())

    def delete(self, call: Call) -> Answer:
        """The machine goes; its interfaces stay, and those disks whose ``deleteOption`` is ``Detach``."""
        vm = self._estate.find(call.resource_id)
        if not isinstance(vm, Vm):
            return Answer(status=204)
        self._locks.check_delete(vm.id)
        self._lro.operations.check_free(vm.id, "OperationNotAllowed")
        operation = self._lro.compute("delete", vm.id, vm.location, DELETE_S)
        vm.properties["provisioningState"] = "Deleting"
        self._lro.operations.begin(
            operation, lambda: remove_vm(self._estate, vm), failed=lambda: settle(vm, operation.status)
        )
        return accepted(call, operation)


def remove_vm(estate: Estate, vm: Vm) -> None:
    """Forget a machine, and let go of its disks and interfaces."""
    estate.remove(vm.id)
    for nic_id in vm.nic_ids():
        if nic := estate.find(nic_id):
            nic.properties.pop("virtualMachine", None)
    for disk_id in vm.disk_ids():
        if disk := estate.find(disk_id):
            disk.extra.pop("managedBy", None)
            disk.properties["diskState"] = "Unattached"
    storage = vm.properties.get("storageProfile", {})
    for part in (storage.get("osDisk", {}), *storage.get("dataDisks", [])):
        if part.get("deleteOption") == "Delete":
            estate.remove(part["managedDisk"]["id"])


def view(vm: Vm, lro: Lro) -> dict[str, Any]:
    """The instance view: the provisioning state and the power state among its ``statuses``."""
    now = datetime.now(UTC).isoformat()
    running = lro.operations.running_on(vm.id)
    provisioning = "updating" if running else "succeeded"
    power = {"code": f"PowerState/{vm.power}", "level": "Info", "displayStatus": f"VM {vm.power}"}
    body: dict[str, Any] = {
        "disks": [
            {
                "name": disk_id.rpartition("/")[2],
                "statuses": [
                    {
                        "code": "ProvisioningState/succeeded",
                        "level": "Info",
                        "displayStatus": "Provisioning succeeded",
                        "time": now,
                    }
                ],
            }
            for disk_id in vm.disk_ids()
        ],
        "hyperVGeneration": "V2",
        "statuses": [
            {
                "code": f"ProvisioningState/{provisioning}",
                "level": "Info",
                "displayStatus": "Updating" if running else "Provisioning succeeded",
                "time": now,
            },
            power,
        ],
    }
    if vm.power == "running":
        body["computerName"] = vm.name
        body["vmAgent"] = {
            "vmAgentVersion": "2.15.0.1",
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Ready",
                    "message": "Guest Agent is running",
                    "time": now,
                }
            ],
        }
    return body
