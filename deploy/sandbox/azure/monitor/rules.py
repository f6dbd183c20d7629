"""``Microsoft.Insights/activityLogAlerts`` and ``actionGroups``: read, replaced whole by each PUT, deleted.

Neither is a long-running operation, and neither has an etag.
Sources: https://learn.microsoft.com/rest/api/monitor/activity-log-alerts and
https://learn.microsoft.com/rest/api/monitor/action-groups
"""

from typing import Any
from urllib.parse import urlsplit

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import Estate, Resource
from deploy.sandbox.azure.monitor.conditions import check_condition
from deploy.sandbox.azure.monitor.names import ACTION_GROUP, ALERT_RULE, check_location, check_name

_RULES = "/providers/Microsoft.Insights/activityLogAlerts"
_GROUPS = "/providers/Microsoft.Insights/actionGroups"
_RULE_REGIONS = ("global", "westeurope", "northeurope")
"""By the REST page of the rules."""
_GROUP_REGIONS = (
    "global",
    "swedencentral",
    "germanywestcentral",
    "northcentralus",
    "southcentralus",
    "eastus2euap",
)
"""Source: https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups#create-an-action-group"""
_MOST_RULES = 100
"""Active ones: https://learn.microsoft.com/azure/azure-monitor/service-limits#alerts"""
_MOST_GROUPS = 5
"""Of one rule: https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups"""
_LONGEST_SHORT_NAME = 12


class Monitor:
    """Rules and action groups."""

    def __init__(self, *, estate: Estate, locks: Locks) -> None:
        self._estate = estate
        self._locks = locks

    def routes(self) -> list[Route]:
        one_rule, one_group = f"{GROUP}{_RULES}/{{rule}}", f"{GROUP}{_GROUPS}/{{action_group}}"
        return [
            Route("GET", one_rule, self.get),
            Route("PUT", one_rule, self.put_rule),
            Route("DELETE", one_rule, self.delete),
            Route("GET", f"{GROUP}{_RULES}", self.list_rules),
            Route("GET", f"{SUBSCRIPTION}{_RULES}", self.list_rules),
            Route("GET", one_group, self.get),
            Route("PUT", one_group, self.put_group),
            Route("DELETE", one_group, self.delete),
            Route("GET", f"{GROUP}{_GROUPS}", self.list_groups),
            Route("GET", f"{SUBSCRIPTION}{_GROUPS}", self.list_groups),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def list_rules(self, call: Call) -> Answer:
        return listing(call, [one.as_json() for one in self._estate.of(ALERT_RULE, call.scope)])

    def list_groups(self, call: Call) -> Answer:
        return listing(call, [one.as_json() for one in self._estate.of(ACTION_GROUP, call.scope)])

    def delete(self, call: Call) -> Answer:
        """200 also for a rule whose action group is gone: Azure keeps no rule from losing its group."""
        self._locks.check_delete(call.resource_id)
        known = self._estate.find(call.resource_id) is not None
        self._estate.remove(call.resource_id)
        return Answer(status=200 if known else 204)

    def put_rule(self, call: Call) -> Answer:
        body = call.body or {}
        self._locks.check_write(call.resource_id, f"{ALERT_RULE}/write")
        check_name(call.params["rule"])
        location = check_location(body.get("location"), ALERT_RULE, _RULE_REGIONS)
        given = body.get("properties") or {}
        _check_scopes(given.get("scopes"))
        check_condition(given.get("condition"))
        actions = self._actions(given.get("actions") or {})
        properties = {
            # Taken for false where it is left out, whatever the page says:
            # https://github.com/Azure/azure-rest-api-specs/issues/35343
            "enabled": bool(given.get("enabled")),
            "description": given.get("description"),
            "scopes": list(given["scopes"]),
            "condition": {"allOf": [_shown(part) for part in given["condition"]["allOf"]]},
            "actions": {"actionGroups": actions},
        }
        if properties["enabled"]:
            self._check_room(call)
        return self._stored(call, ALERT_RULE, location, properties)

    def _actions(self, actions: dict[str, Any]) -> list[dict[str, Any]]:
        groups = actions.get("actionGroups") or []
        if len(groups) > _MOST_GROUPS:
            raise ArmError(400, "BadRequest", f"At most {_MOST_GROUPS} action groups can be used in a rule.")
        for one in groups:
            found = self._estate.find(str(one.get("actionGroupId")))
            if found is None or found.kind != ACTION_GROUP:
                # That it has to exist is what tools rely upon; code and words were found nowhere.
                raise ArmError(
                    400, "BadRequest", f"The action group '{one.get('actionGroupId')}' does not exist."
                )
        return [{"actionGroupId": one["actionGroupId"], "webhookProperties": {}} for one in groups]

    def _check_room(self, call: Call) -> None:
        scope = f"/subscriptions/{call.subscription}"
        active = [
            one
            for one in self._estate.of(ALERT_RULE, scope)
            if one.properties["enabled"] and one.id.lower() != call.resource_id.lower()
        ]
        if len(active) >= _MOST_RULES:
            # The number is documented; code and words are not.
            raise ArmError(
                409,
                "QuotaExceeded",
                f"A subscription can have {_MOST_RULES} active Activity Log alert rules.",
            )

    def put_group(self, call: Call) -> Answer:
        body = call.body or {}
        self._locks.check_write(call.resource_id, f"{ACTION_GROUP}/write")
        check_name(call.params["action_group"])
        location = check_location(body.get("location"), ACTION_GROUP, _GROUP_REGIONS)
        given = body.get("properties") or {}
        short = str(given.get("groupShortName") or "")
        if len(short) > _LONGEST_SHORT_NAME:
            # https://github.com/Azure/bellhop/issues/72
            raise ArmError(
                400,
                "GroupShortNameIsTooLong",
                f"The action group short name '{short}' is too long. Please specify a short name with "
                f"'{_LONGEST_SHORT_NAME}' or less characters.",
            )
        if not short:
            raise ArmError(400, "BadRequest", "The action group short name is required.")
        _check_receivers(given)
        properties = {
            "groupShortName": short,
            "enabled": given.get("enabled") is not False,
            **{key: given.get(key) or [] for key in _RECEIVERS},
        }
        return self._stored(call, ACTION_GROUP, location, properties)

    def _stored(self, call: Call, kind: str, location: str, properties: dict[str, Any]) -> Answer:
        old = self._estate.find(call.resource_id)
        resource = Resource(
            id=old.id if old else call.resource_id,
            kind=kind,
            location=location,
            tags=dict((call.body or {}).get("tags") or {}),
            properties=properties,
        )
        self._estate.add(resource)
        return Answer(status=200 if old else 201, body=resource.as_json())


_RECEIVERS = (
    "emailReceivers",
    "smsReceivers",
    "webhookReceivers",
    "eventHubReceivers",
    "itsmReceivers",
    "azureAppPushReceivers",
    "automationRunbookReceivers",
    "voiceReceivers",
    "logicAppReceivers",
    "azureFunctionReceivers",
    "armRoleReceivers",
)
"""Answers have every list, empty ones too, as the examples of the REST page show."""


def _check_receivers(given: dict[str, Any]) -> None:
    unknown = [key for key in given if key.endswith("Receivers") and key not in _RECEIVERS]
    if unknown:
        # There is none for Service Bus: the page names every kind.
        raise ArmError(
            400, "BadRequest", f"Could not find member '{unknown[0]}' on object of type 'ActionGroup'."
        )
    everybody = [one for key in _RECEIVERS for one in given.get(key) or []]
    names = [str(one.get("name") or "").lower() for one in everybody]
    if "" in names or len(set(names)) < len(names):
        # "Names must be unique across all receivers within an action group": the REST page.
        raise ArmError(400, "BadRequest", "Each receiver needs a name that no other receiver has.")
    for one in given.get("webhookReceivers") or []:
        _check_url(str(one.get("serviceUri") or ""))
    for one in given.get("logicAppReceivers") or []:
        if not one.get("resourceId"):
            raise ArmError(400, "BadRequest", "A Logic App receiver needs its resource id.")
        _check_url(str(one.get("callbackUrl") or ""))


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ArmError(400, "BadRequest", f"'{url}' is not an absolute HTTP URL.")


def _check_scopes(scopes: object) -> None:
    """At least one, and each a subscription or something in one: the REST page."""
    if not isinstance(scopes, list) or not scopes:
        raise ArmError(400, "BadRequest", "The alert rule must have at least one scope.")
    for scope in scopes:
        if not str(scope).strip("/").lower().startswith("subscriptions/"):
            raise ArmError(400, "BadRequest", f"The scope '{scope}' is not a resource id.")


def _shown(part: dict[str, Any]) -> dict[str, Any]:
    """A part of a condition as Azure answers it: the operator that isn't used is there, without a value.

    Source: https://github.com/pulumi/pulumi-azure-nextgen/issues/234
    """
    if part.get("anyOf") is not None:
        return {"anyOf": [_shown(leaf) for leaf in part["anyOf"]]}
    return {"field": part["field"], "equals": part.get("equals"), "containsAny": part.get("containsAny")}
