"""Which alert rules there are to be, and how Azure is told.

One operation a rule: of an Administrative rule Azure wants ``operationName`` with ``equals``, and refuses a
list of them (https://github.com/Azure/bicep/issues/6979). A subscription has room for 100 active rules:
https://learn.microsoft.com/azure/azure-monitor/service-limits#alerts
The shape of a condition: https://learn.microsoft.com/rest/api/monitor/activity-log-alerts/create-or-update
"""

from dataclasses import dataclass
from typing import Any

from workers.domain.containment.afterwards.disturbances import LOCK_DELETED, SNAPSHOT_DELETED
from workers.domain.containment.profile import OUR_TAG

NAME = "startgate"
"""Of the action group, of our receiver in it, and what the names of our rules begin with."""
TAGS = {OUR_TAG: NAME}

_ENDED = ("Succeeded", "Failed")
"""As Event Grid tells of a start: once, when it has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """One rule.

    Attributes:
        name: of the resource; also how we find it again.
        operation: what it is about.
        statuses: how the operation ended.
        tells: what it tells of, for people.
    """

    name: str
    operation: str
    statuses: tuple[str, ...] = ("Succeeded",)
    tells: str


RULES = (
    AlertRule(
        name=f"{NAME}-vm-start",
        operation="Microsoft.Compute/virtualMachines/start/action",
        statuses=_ENDED,
        tells="a VM was started",
    ),
    AlertRule(
        name=f"{NAME}-nic-write",
        operation="Microsoft.Network/networkInterfaces/write",
        tells="a network interface was written; the lockdown NSG may be off it",
    ),
    AlertRule(
        name=f"{NAME}-nsg-write",
        operation="Microsoft.Network/networkSecurityGroups/write",
        tells="a security group was written; it may be a lockdown NSG",
    ),
    AlertRule(
        name=f"{NAME}-nsg-rule-write",
        operation="Microsoft.Network/networkSecurityGroups/securityRules/write",
        tells="a rule of a security group was written; it may be a lockdown NSG",
    ),
    AlertRule(
        name=f"{NAME}-nsg-rule-delete",
        operation="Microsoft.Network/networkSecurityGroups/securityRules/delete",
        tells="a rule of a security group was deleted; it may be a lockdown NSG",
    ),
    AlertRule(name=f"{NAME}-lock-delete", operation=LOCK_DELETED, tells="a management lock was deleted"),
    AlertRule(name=f"{NAME}-snapshot-delete", operation=SNAPSHOT_DELETED, tells="a snapshot was deleted"),
)
"""The start of a classic VM has no rule: Azure retired them in 2023."""

LIMITS = (
    "A rule can't know which VM is contained: every start is told, and Startgate stops a contained VM again.",
    "A rule can't see what of a NIC changed, nor whose a lock is: every write is told and looked after.",
    "Azure sends at most 100 notifications of a rule in five minutes: Startgate's regular look finds more.",
)
"""What Azure's alerts can't do, and what is done then. The last by
https://learn.microsoft.com/azure/azure-monitor/service-limits#action-groups"""


def rule_body(rule: AlertRule, subscription_id: str, action_group_id: str) -> dict[str, Any]:
    """The body of the PUT that makes a rule."""
    statuses = [{"field": "status", "equals": status} for status in rule.statuses]
    return {
        # "Supported on Global, West Europe and North Europe", and needed although the documents say optional:
        # https://github.com/Azure/azure-rest-api-specs/issues/35342
        "location": "Global",
        "tags": dict(TAGS),
        "properties": {
            "description": f"Startgate: {rule.tells}",
            # Azure takes a rule that does not say so for disabled:
            # https://github.com/Azure/azure-rest-api-specs/issues/35343
            "enabled": True,
            "scopes": [f"/subscriptions/{subscription_id}"],
            "condition": {
                "allOf": [
                    {"field": "category", "equals": "Administrative"},
                    {"field": "operationName", "equals": rule.operation},
                    statuses[0] if len(statuses) == 1 else {"anyOf": statuses},
                ]
            },
            "actions": {"actionGroups": [{"actionGroupId": action_group_id}]},
        },
    }


def rule_differences(found: dict[str, Any], wanted: dict[str, Any]) -> tuple[str, ...]:
    """What of a rule is not as wanted, a few words each; empty if nothing. Tags of others don't count."""
    is_now, to_be = found.get("properties") or {}, wanted["properties"]
    odd = []
    if is_now.get("enabled") is not True:
        odd.append("it is disabled")
    if _lower(is_now.get("scopes")) != _lower(to_be["scopes"]):
        odd.append("its scope is another")
    if _condition(is_now.get("condition")) != _condition(to_be["condition"]):
        odd.append("its condition is another")
    if _groups(is_now) != _groups(to_be):
        odd.append("its action groups are others")
    if is_now.get("description") != to_be["description"]:
        odd.append("its description is another")
    return tuple(odd)


def _condition(given: dict[str, Any] | None) -> frozenset[frozenset[tuple[str, str]]]:
    """Alternatives that must all be met, however Azure writes them: it adds keys without a value."""
    parts = (given or {}).get("allOf") or []
    return frozenset(
        frozenset(
            (str(leaf.get("field")).lower(), str(leaf.get("equals") or leaf.get("containsAny")).lower())
            for leaf in part.get("anyOf") or [part]
        )
        for part in parts
    )


def _groups(properties: dict[str, Any]) -> frozenset[str]:
    used = (properties.get("actions") or {}).get("actionGroups") or []
    return _lower([one.get("actionGroupId") for one in used])


def _lower(values: list[str] | None) -> frozenset[str]:
    # Azure's own examples write the scope of a subscription without the slash at the front.
    return frozenset(str(value).strip("/").lower() for value in values or ())
