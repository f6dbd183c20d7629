"""What the one query of Resource Graph tells of a VM beside Defender's findings, without a call of its own.

Tags of its group and subscription, extensions that failed, and when its last recovery point was made.

Resource Graph takes three tables united with the first one. It is some minutes behind Azure, and it leaves
out what we may not read instead of refusing it.
Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/query-language; for the rows of
protected items, the samples for ``recoveryservicesresources`` at
https://learn.microsoft.com/azure/backup/query-backups-using-azure-resource-graph
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workers.arm.ids import group_id, name_of
from workers.arm.read.around.kusto import text
from workers.arm.session.errors import clean
from workers.domain.starts.vm import VmRef

SUBSCRIPTION = "microsoft.resources/subscriptions"
GROUP = "microsoft.resources/subscriptions/resourcegroups"
EXTENSION = "microsoft.compute/virtualmachines/extensions"
PROTECTED_ITEM = "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems"
MOST_EXTENSIONS = 5
_LONGEST_NAME = 80

_Row = Mapping[str, Any]


class Beside(NamedTuple):
    """Of one VM. ``None`` stands for what was not told.

    Attributes:
        failed_extensions: names, the first few of them.
    """

    subscription_tags: dict[str, str] | None = None
    group_tags: dict[str, str] | None = None
    failed_extensions: tuple[str, ...] | None = None
    recovery_point_at: datetime | None = None


def tables(vms: Sequence[VmRef]) -> str:
    """What is united with the query, in the Kusto query language."""
    groups = ", ".join(sorted({text(group_id(vm.subscription_id, vm.resource_group)) for vm in vms}))
    extensions = " or ".join(f"id startswith {text(f'{vm.resource_id}/extensions/')}" for vm in vms)
    protected = ", ".join(text(vm.resource_id) for vm in vms)
    return (
        f" | union (resourcecontainers | where type =~ '{SUBSCRIPTION}'"
        f" or (type =~ '{GROUP}' and id in~ ({groups})) | project id, type, name, tags, properties)"
        f" | union (resources | where type =~ '{EXTENSION}'"
        f" and tostring(properties.provisioningState) =~ 'Failed' and ({extensions})"
        " | project id, type, name, properties)"
        f" | union (recoveryservicesresources | where type =~ '{PROTECTED_ITEM}'"
        f" and tostring(properties.dataSourceInfo.resourceID) in~ ({protected})"
        " | project id, type, name, properties)"
    )


def beside(rows: Sequence[_Row], vms: Sequence[VmRef]) -> dict[str, Beside]:
    """What the rows tell of each VM, by their keys."""
    tags = dict(_tags(rows))
    extensions: dict[str, list[str]] = {}
    points: dict[str, datetime] = {}
    for row in rows:
        kind = str(row.get("type")).lower()
        if kind == EXTENSION:
            key = str(row.get("id")).lower().rpartition("/extensions/")[0]
            extensions.setdefault(key, []).append(clean(name_of(str(row.get("id"))), longest=_LONGEST_NAME))
        elif kind == PROTECTED_ITEM and (point := _recovery_point(row)) is not None:
            key, at = point
            points[key] = max(at, points.get(key, at))
    return {
        vm.key: Beside(
            subscription_tags=tags.get(f"/subscriptions/{vm.subscription_id}".lower()),
            group_tags=tags.get(group_id(vm.subscription_id, vm.resource_group).lower()),
            failed_extensions=tuple(sorted(extensions.get(vm.key, ()))[:MOST_EXTENSIONS]),
            recovery_point_at=points.get(vm.key),
        )
        for vm in vms
    }


def _tags(rows: Sequence[_Row]) -> Iterator[tuple[str, dict[str, str]]]:
    for row in rows:
        if str(row.get("type")).lower() in (SUBSCRIPTION, GROUP):
            given = row.get("tags") or {}
            yield str(row.get("id")).lower(), {str(name): str(value) for name, value in given.items()}


def _recovery_point(row: _Row) -> tuple[str, datetime] | None:
    properties = row.get("properties") or {}
    source = properties.get("dataSourceInfo") or {}
    at = time_of(properties.get("lastRecoveryPoint"))
    return (str(source.get("resourceID")).lower(), at) if at is not None else None


def time_of(told: object) -> datetime | None:
    """A time as Azure writes it, in UTC where it names no zone; ``None`` if it is none."""
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
