"""The tables of Resource Graph that are made from the estate: containers, resources and protected items.

Types are in lower case there. A protected item says by ``dataSourceInfo`` what it protects.
Source: https://learn.microsoft.com/azure/governance/resource-graph/reference/supported-tables-resources, and
https://learn.microsoft.com/azure/backup/query-backups-using-azure-resource-graph for protected items.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.sandbox.azure.backup.items import ITEM
from deploy.sandbox.azure.graph.resources import Rows
from deploy.sandbox.azure.model import Estate, Resource

EXTENSION = "Microsoft.Compute/virtualMachines/extensions"


def tables(estate: Estate) -> Mapping[str, Rows]:
    """Each table, by its name in lower case."""
    return {
        "resourcecontainers": lambda subscription: _containers(estate, subscription),
        "resources": lambda subscription: _resources(estate, subscription),
        "recoveryservicesresources": lambda subscription: _protected(estate, subscription),
    }


def _containers(estate: Estate, subscription: str) -> Iterator[dict[str, Any]]:
    yield {
        "id": f"/subscriptions/{subscription}",
        "name": estate.subscriptions[subscription],
        "type": "microsoft.resources/subscriptions",
        "tags": estate.subscription_tags.get(subscription) or None,
        "properties": {},
    }
    for group in estate.groups(subscription):
        yield {
            "id": group.id,
            "name": group.name,
            "type": "microsoft.resources/subscriptions/resourcegroups",
            "location": group.location,
            "tags": group.tags or None,
            "properties": {"provisioningState": "Succeeded"},
        }


def _resources(estate: Estate, subscription: str) -> Iterator[dict[str, Any]]:
    for one in estate.of(EXTENSION, f"/subscriptions/{subscription}"):
        yield _row(one, one.properties)


def _protected(estate: Estate, subscription: str) -> Iterator[dict[str, Any]]:
    for one in estate.of(ITEM, f"/subscriptions/{subscription}"):
        source = {"resourceID": one.properties["sourceResourceId"], "datasourceType": "AzureVM"}
        yield _row(one, {**one.properties, "dataSourceInfo": source})


def _row(resource: Resource, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.kind.lower(),
        "location": resource.location,
        "tags": resource.tags or None,
        "properties": properties,
    }
