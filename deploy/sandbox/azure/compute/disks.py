"""Managed disks, and snapshots of them."""

import uuid
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import DISK, SNAPSHOT, Estate, Resource, settle

SNAPSHOT_S = 5.0
DELETE_S = 3.0
_DISKS = "/providers/Microsoft.Compute/disks"
_SNAPSHOTS = "/providers/Microsoft.Compute/snapshots"
_SETTABLE = ("incremental", "networkAccessPolicy", "publicNetworkAccess")


class Disks:
    """``Microsoft.Compute/disks`` and ``snapshots``."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{GROUP}{_DISKS}/{{disk}}", self.get),
            Route("GET", f"{GROUP}{_DISKS}", self.list_disks),
            Route("GET", f"{SUBSCRIPTION}{_DISKS}", self.list_disks),
            Route("GET", f"{GROUP}{_SNAPSHOTS}/{{snapshot}}", self.get),
            Route("PUT", f"{GROUP}{_SNAPSHOTS}/{{snapshot}}", self.put),
            Route("DELETE", f"{GROUP}{_SNAPSHOTS}/{{snapshot}}", self.delete),
            Route("GET", f"{GROUP}{_SNAPSHOTS}", self.list_snapshots),
            Route("GET", f"{SUBSCRIPTION}{_SNAPSHOTS}", self.list_snapshots),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def list_disks(self, call: Call) -> Answer:
        return listing(call, [r.as_json() for r in self._estate.of(DISK, call.scope)])

    def list_snapshots(self, call: Call) -> Answer:
        return listing(call, [r.as_json() for r in self._estate.of(SNAPSHOT, call.scope)])

    def put(self, call: Call) -> Answer:
        body = call.body or {}
        self._locks.check_write(call.resource_id, f"{SNAPSHOT}/write")
        self._lro.operations.check_free(call.resource_id, "OperationNotAllowed")
        location = str(body.get("location") or "").replace(" ", "").lower()
        if not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        source = self._source((body.get("properties") or {}).get("creationData") or {}, location)
        old = self._estate.find(call.resource_id)
        snapshot = old or self._estate.add(
            Resource(
                id=call.resource_id,
                kind=SNAPSHOT,
                location=location,
                extra={"sku": {"name": (body.get("sku") or {}).get("name", "Standard_LRS")}},
                properties=_properties(body["properties"], source),
            )
        )
        snapshot.tags = dict(body.get("tags") or {})
        snapshot.properties["provisioningState"] = "Updating"

        operation = self._lro.compute("snapshot PUT", snapshot.id, location, SNAPSHOT_S)
        self._lro.operations.begin(
            operation,
            lambda: settle(snapshot, "Succeeded"),
            failed=lambda: settle(snapshot, operation.status),
        )
        return accepted(call, operation, body=snapshot.as_json())

    def _source(self, data: dict[str, Any], location: str) -> Resource:
        source_id = data.get("sourceResourceId")
        if data.get("createOption") != "Copy" or not source_id:
            raise ArmError(
                400, "InvalidParameter", "creationData needs createOption 'Copy' and a sourceResourceId."
            )
        source = self._estate.get(source_id)
        if source.location != location:
            raise ArmError(
                400,
                "InvalidParameter",
                f"The source '{source_id}' is in '{source.location}', the snapshot would be in '{location}'.",
            )
        return source

    def delete(self, call: Call) -> Answer:
        snapshot = self._estate.find(call.resource_id)
        if snapshot is None:
            return Answer(status=204)
        self._locks.check_delete(snapshot.id)
        operation = self._lro.compute("snapshot DELETE", snapshot.id, snapshot.location, DELETE_S)
        self._lro.operations.begin(operation, lambda: self._estate.remove(snapshot.id))
        return accepted(call, operation)


def _properties(given: dict[str, Any], source: Resource) -> dict[str, Any]:
    return {
        "diskSizeGB": source.properties["diskSizeGB"],
        "diskSizeBytes": source.properties["diskSizeBytes"],
        "timeCreated": datetime.now(UTC).isoformat(),
        "uniqueId": str(uuid.uuid4()),
        "diskState": "Unattached",
        "incremental": False,
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
        "encryption": source.properties["encryption"],
        **{key: given[key] for key in _SETTABLE if key in given},
        "creationData": {
            "createOption": "Copy",
            "sourceResourceId": source.id,
            "sourceUniqueId": source.properties["uniqueId"],
        },
    }
