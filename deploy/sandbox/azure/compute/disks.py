"""Managed disks: who holds them, and since when."""

from datetime import UTC, datetime

from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import DISK, Estate, Vm

_DISKS = "/providers/Microsoft.Compute/disks"


class Disks:
    """``Microsoft.Compute/disks``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{GROUP}{_DISKS}/{{disk}}", self.get),
            Route("GET", f"{GROUP}{_DISKS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_DISKS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def list_all(self, call: Call) -> Answer:
        return listing(call, [r.as_json() for r in self._estate.of(DISK, call.scope)])


def note_ownership(estate: Estate, vm: Vm) -> None:
    """What a machine that was just started or deallocated changes in its disks.

    *Reserved* is a disk of a deallocated machine, and ``LastOwnershipUpdateTime`` (so spelt) says when its
    machine was last deallocated or started: https://learn.microsoft.com/rest/api/compute/disks/get
    """
    state = "Reserved" if vm.power == "deallocated" else "Attached"
    for disk_id in vm.disk_ids():
        disk = estate.find(disk_id)
        if disk is not None:
            disk.properties["diskState"] = state
            disk.properties["LastOwnershipUpdateTime"] = datetime.now(UTC).isoformat()
