"""Snapshots of managed disks, and what Azure refuses about them.

A name that exists with the same source is answered like a new one, and is not taken again:
https://github.com/Azure/azure-cli/issues/28879. What is refused is documented; where the words of a refusal
are not, the code says so.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.ids import same
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import SNAPSHOT, Estate, Resource, settle

SNAPSHOT_S = 5.0
DELETE_S = 3.0
_SNAPSHOTS = "/providers/Microsoft.Compute/snapshots"
_SETTABLE = (
    "incremental",
    "networkAccessPolicy",
    "publicNetworkAccess",
    "diskAccessId",
    "dataAccessAuthMode",
    "encryption",
)
_ONLY_INCREMENTAL = ("UltraSSD_LRS", "PremiumV2_LRS")


class Snapshots:
    """``Microsoft.Compute/snapshots``."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro

    def routes(self) -> list[Route]:
        one = f"{GROUP}{_SNAPSHOTS}/{{snapshot}}"
        return [
            Route("GET", one, self.get),
            Route("PUT", one, self.put),
            Route("DELETE", one, self.delete),
            Route("GET", f"{GROUP}{_SNAPSHOTS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_SNAPSHOTS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def list_all(self, call: Call) -> Answer:
        return listing(call, [r.as_json() for r in self._estate.of(SNAPSHOT, call.scope)])

    def put(self, call: Call) -> Answer:
        body = call.body or {}
        self._locks.check_write(call.resource_id, f"{SNAPSHOT}/write")
        self._lro.operations.check_free(call.resource_id, "OperationNotAllowed")
        location = str(body.get("location") or "").replace(" ", "").lower()
        if not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        given = body.get("properties") or {}
        source = self._source(given.get("creationData") or {}, location)
        _check_source(call, source, incremental=bool(given.get("incremental")))
        _check_access(given)
        old = self._estate.find(call.resource_id)
        if old is not None:
            _check_same_source(old, source)
        snapshot = old or self._estate.add(
            Resource(
                id=call.resource_id,
                kind=SNAPSHOT,
                location=location,
                extra={"sku": {"name": (body.get("sku") or {}).get("name", "Standard_ZRS")}},
                properties=_properties(given, source),
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


def _check_source(call: Call, source: Resource, *, incremental: bool) -> None:
    """Refuse a source that is going, or that can't be copied like this. The words are not documented.

    "You can't create an incremental snapshot for a particular disk outside of that disk's subscription", and
    Ultra Disks and Premium SSD v2 take incremental snapshots only:
    https://learn.microsoft.com/azure/virtual-machines/disks-incremental-snapshots#restrictions
    """
    if source.properties.get("provisioningState") == "Deleting":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The operation is not allowed because the disk '{source.name}' is being deleted.",
        )
    if incremental and not same(source.subscription, call.subscription):
        raise ArmError(
            400,
            "BadRequest",
            "An incremental snapshot must be in the subscription of its source disk.",
        )
    sku = (source.extra.get("sku") or {}).get("name")
    if not incremental and sku in _ONLY_INCREMENTAL:
        raise ArmError(400, "BadRequest", f"A disk of '{sku}' can only have incremental snapshots.")


def _check_access(given: dict[str, Any]) -> None:
    """The sentence is one that people report: https://github.com/Azure/azure-cli/issues/28510.

    That AllowPrivate needs a disk access: https://github.com/ansible-collections/azure/issues/1830.
    """
    private = given.get("networkAccessPolicy") == "AllowPrivate"
    if given.get("diskAccessId") and not private:
        raise ArmError(
            400,
            "ConflictingUserInput",
            "Disk Access is only supported for disks with NetworkAccessPolicy AllowPrivate",
        )
    if private and not given.get("diskAccessId"):
        raise ArmError(
            400, "InvalidParameter", "diskAccessId is required with NetworkAccessPolicy AllowPrivate."
        )


def _check_same_source(old: Resource, source: Resource) -> None:
    """As people report it: https://github.com/MicrosoftDocs/azure-docs/issues/34967 and azure-cli 22166."""
    if not same(old.properties["creationData"]["sourceResourceId"], source.id):
        raise ArmError(
            400,
            "BadRequest",
            f"Changing property 'sourceResourceId' is not allowed for existing disk '{old.name}'.",
        )


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
