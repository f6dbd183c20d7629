"""What is written for a snapshot."""

from datetime import UTC, datetime
from typing import Any

from workers.arm.ids import ArmId, name_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, asking
from workers.arm.session.longrunning import Accepted, Receipt
from workers.arm.steps.evidence.targets import TAKEN_TAG, Target
from workers.domain.errors import StepFailed

_ACCESS = ("networkAccessPolicy", "publicNetworkAccess", "diskAccessId", "dataAccessAuthMode")
_PRIVATE = "AllowPrivate"
_CUSTOMER_KEY = "diskEncryptionSetId"


async def put_snapshot(azure: Azure, target: Target, disk: dict[str, Any], tags: dict[str, str]) -> Accepted:
    """An incremental snapshot that nobody can export more easily than the disk.

    A network access policy is about exports and keeps nobody from taking a snapshot, so the snapshot gets the
    disk's. Where the private endpoints of the disk can't be used for it, it can't be exported at all.
    Source: https://learn.microsoft.com/azure/virtual-machines/disks-restrict-import-export-overview

    A disk under a customer-managed key has snapshots under the same key.
    Source: https://learn.microsoft.com/azure/virtual-machines/disk-encryption#customer-managed-keys
    """
    given = disk.get("properties") or {}
    access = {key: given[key] for key in _ACCESS if given.get(key) is not None}
    if access.get("networkAccessPolicy") != _PRIVATE:
        access.pop("diskAccessId", None)
        return await _put(azure, target, disk, tags, access)
    try:
        return await _put(azure, target, disk, tags, access)
    except Busy:
        raise
    except StepFailed as failure:
        if "diskaccess" not in str(failure).lower():
            raise
        access.pop("diskAccessId", None)
        return await _put(azure, target, disk, tags, {**access, "networkAccessPolicy": "DenyAll"})


async def _put(
    azure: Azure, target: Target, disk: dict[str, Any], tags: dict[str, str], access: dict[str, Any]
) -> Accepted:
    snapshot, receipt = ArmId.parse(target.snapshot), Receipt()
    body: Any = {
        "location": disk["location"],
        "tags": {**tags, TAKEN_TAG: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"},
        "properties": {
            "creationData": {"createOption": "Copy", "sourceResourceId": target.disk},
            "incremental": True,
            **access,
        },
    }
    encryption = (disk.get("properties") or {}).get("encryption") or {}
    if encryption.get(_CUSTOMER_KEY):
        body["properties"]["encryption"] = encryption
    if disk.get("extendedLocation"):
        body["extendedLocation"] = disk["extendedLocation"]
    async with asking(f"take a snapshot of the disk {name_of(target.disk)}"):
        await azure.compute(snapshot.subscription_id).snapshots.begin_create_or_update(
            snapshot.group, snapshot.name, body, polling=False, raw_response_hook=receipt
        )
    return receipt.accepted
