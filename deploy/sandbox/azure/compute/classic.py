"""Machines of the classic deployment model.

The service was retired in 2023 and its REST bodies were never published in full: this follows the names of
its operations, and can be compared with nothing.
"""

from collections.abc import Callable
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.compute.starts import ALREADY_S, Request, Starter
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import CLASSIC_VM, Estate, PowerState, Vm

STOP_S = 15.0
GROUP_S = 2.0
_VMS = "/providers/Microsoft.ClassicCompute/virtualMachines"
_GROUP_PART = "associatedNetworkSecurityGroups"
_KEY = "associatedNetworkSecurityGroup"
_NAMES: dict[PowerState, str] = {
    "starting": "Starting",
    "running": "Started",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "deallocating": "Stopping",
    "deallocated": "StoppedDeallocated",
}


class ClassicMachines:
    """``Microsoft.ClassicCompute/virtualMachines``: ``stop`` keeps it billed, ``shutdown`` deallocates."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro, starter: Starter) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._starter = starter

    def routes(self) -> list[Route]:
        one = f"{GROUP}{_VMS}/{{vm}}"
        group = f"{one}/{_GROUP_PART}/{{nsg}}"
        return [
            Route("GET", one, self.get),
            Route("POST", f"{one}/start", self.start),
            Route("POST", f"{one}/stop", self.stop),
            Route("POST", f"{one}/shutdown", self.shutdown),
            Route("GET", f"{one}/{_GROUP_PART}", self.list_groups),
            Route("GET", group, self.get_group),
            Route("PUT", group, self.put_group),
            Route("DELETE", group, self.delete_group),
            Route("GET", f"{GROUP}{_VMS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_VMS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=_shown(self._estate.vm(call.resource_id)))

    def list_all(self, call: Call) -> Answer:
        return listing(
            call, [_shown(vm) for vm in self._estate.of(CLASSIC_VM, call.scope) if isinstance(vm, Vm)]
        )

    def start(self, call: Call) -> Answer:
        return accepted(call, self._starter.start(self._estate.vm(call.parent_id), Request.of(call)))

    def stop(self, call: Call) -> Answer:
        return self._power(call, "stop", "stopping", "stopped")

    def shutdown(self, call: Call) -> Answer:
        return self._power(call, "shutdown", "deallocating", "deallocated")

    def _power(self, call: Call, action: str, meanwhile: PowerState, then: PowerState) -> Answer:
        vm = self._writable(call.parent_id, action)
        settled = vm.power == then
        operation = self._lro.classic(action, vm.id, vm.location, ALREADY_S if settled else STOP_S)
        before = vm.power
        if not settled:
            vm.power = meanwhile

        def ends_in(state: PowerState) -> Callable[[], None]:
            return lambda: setattr(vm, "power", state)

        self._lro.operations.begin(operation, ends_in(then), failed=ends_in(before))
        return accepted(call, operation)

    def _writable(self, vm_id: str, action: str) -> Vm:
        vm = self._estate.vm(vm_id)
        self._locks.check_write(vm.id, f"{CLASSIC_VM}/{action}/action")
        self._lro.operations.check_free(vm.id, "OperationNotAllowed")
        return vm

    def list_groups(self, call: Call) -> Answer:
        vm = self._estate.vm(call.parent_id)
        return listing(call, [_group(vm)] if _KEY in vm.properties else [])

    def get_group(self, call: Call) -> Answer:
        vm = self._machine_of_group(call)
        if vm.properties.get(_KEY, {}).get("name", "").lower() != call.params["nsg"].lower():
            raise ArmError(
                404, "ResourceNotFound", f"'{call.params['nsg']}' is not associated with '{vm.id}'."
            )
        return Answer(body=_group(vm))

    def put_group(self, call: Call) -> Answer:
        """Associate a group; a machine has one at most, so it takes the place of another."""
        vm = self._writable(self._machine_of_group(call).id, f"{_GROUP_PART}/write")
        given = ((call.body or {}).get("properties") or {}).get("networkSecurityGroup") or {}
        operation = self._lro.classic("NSG association", vm.id, vm.location, GROUP_S)

        def done() -> None:
            vm.properties[_KEY] = {"name": call.params["nsg"], "id": given.get("id")}

        self._lro.operations.begin(operation, done)
        return accepted(call, operation)

    def delete_group(self, call: Call) -> Answer:
        vm = self._writable(self._machine_of_group(call).id, f"{_GROUP_PART}/delete")
        if _KEY not in vm.properties:
            return Answer(status=204)
        operation = self._lro.classic("NSG dissociation", vm.id, vm.location, GROUP_S)

        def done() -> None:
            vm.properties.pop(_KEY, None)

        self._lro.operations.begin(operation, done)
        return accepted(call, operation)

    def _machine_of_group(self, call: Call) -> Vm:
        return self._estate.vm(call.parent_id.rpartition("/")[0])


def _shown(vm: Vm) -> dict[str, Any]:
    body = vm.as_json()
    status = _NAMES[vm.power]
    body["properties"] = {
        **{key: value for key, value in vm.properties.items() if key != _KEY},
        "instanceView": {"status": status, "powerState": status, "computerName": vm.name},
    }
    return body


def _group(vm: Vm) -> dict[str, Any]:
    held = vm.properties[_KEY]
    return {
        "id": f"{vm.id}/{_GROUP_PART}/{held['name']}",
        "name": held["name"],
        "type": f"{CLASSIC_VM}/{_GROUP_PART}",
        "properties": {"networkSecurityGroup": {"id": held["id"]}},
    }
