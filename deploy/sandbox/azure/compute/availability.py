"""Availability sets, to be read: which machines are in one.

Shape: ``AvailabilitySet`` of the REST specification,
https://learn.microsoft.com/rest/api/compute/availability-sets/get
"""

from deploy.sandbox.azure.front.routing import GROUP, Answer, Call, Route
from deploy.sandbox.azure.ids import arm_id, same
from deploy.sandbox.azure.model import AVAILABILITY_SET, Estate, Resource, Vm


class AvailabilitySets:
    """``Microsoft.Compute/availabilitySets``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [Route("GET", f"{GROUP}/providers/{AVAILABILITY_SET}/{{set}}", self.get)]

    def get(self, call: Call) -> Answer:
        """With the machines that refer to it: the machines hold that."""
        found = self._estate.get(call.resource_id)
        members = [{"id": vm.id} for vm in self._estate.vms() if same(_set_of(vm), found.id)]
        body = found.as_json()
        return Answer(body={**body, "properties": {**found.properties, "virtualMachines": members}})


def add_availability_set(estate: Estate, name: str, *vms: Vm) -> Resource:
    """A set in the group of the first of these machines, which are in it."""
    first = vms[0]
    made = estate.add(
        Resource(
            id=arm_id(first.subscription, first.group, AVAILABILITY_SET, name),
            kind=AVAILABILITY_SET,
            location=first.location,
            extra={"sku": {"name": "Aligned"}},
            properties={"platformUpdateDomainCount": 5, "platformFaultDomainCount": 2},
        )
    )
    for vm in vms:
        vm.properties["availabilitySet"] = {"id": made.id}
    return made


def _set_of(vm: Vm) -> str:
    return str((vm.properties.get("availabilitySet") or {}).get("id") or "")
