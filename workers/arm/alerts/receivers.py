"""Where an alert goes: the action group, and our receiver in it.

Action groups know no Service Bus: they call webhooks, Logic Apps and functions, or write to Event Hubs
(https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups). So the way onto the queue is a Logic
App that puts there what it is called with; ``workflow`` is its definition.
"""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from workers.arm.alerts.rules import NAME, TAGS
from workers.arm.ids import name_of, same

_WEBHOOKS, _LOGIC_APPS = "webhookReceivers", "logicAppReceivers"
_KINDS = (
    "emailReceivers",
    "smsReceivers",
    _WEBHOOKS,
    "itsmReceivers",
    "azureAppPushReceivers",
    "automationRunbookReceivers",
    "voiceReceivers",
    _LOGIC_APPS,
    "azureFunctionReceivers",
    "armRoleReceivers",
    "eventHubReceivers",
)
"""Every list of receivers that an action group has."""


class Receiver(NamedTuple):
    """What is called with each alert, in the common alert schema.

    Attributes:
        url: where it listens. The URL of a Logic App holds a signature: it is never shown whole.
        logic_app: the id of the Logic App; empty for a webhook.
    """

    url: str
    logic_app: str = ""

    def __str__(self) -> str:
        """For people: nothing of a URL that could be a secret."""
        return f"Logic App {name_of(self.logic_app)}" if self.logic_app else f"webhook {shown_url(self.url)}"


def shown_url(url: str) -> str:
    """The host of a URL: paths and queries of webhooks are often their password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/…"


def group_body(receiver: Receiver, found: dict[str, Any] | None) -> dict[str, Any]:
    """The body of the PUT that makes or mends our action group.

    Receivers that others added, such as a person's e-mail, are kept: the PUT replaces the whole group.
    """
    before = (found or {}).get("properties") or {}
    kept = {kind: [one for one in before.get(kind) or [] if not _ours(one)] for kind in _KINDS}
    kind, ours = _as_azure_writes(receiver)
    kept[kind] = [*kept[kind], ours]
    return {
        "location": str((found or {}).get("location") or "Global"),
        "tags": {**((found or {}).get("tags") or {}), **TAGS},
        "properties": {
            "groupShortName": NAME,
            "enabled": True,
            **{kind: given for kind, given in kept.items() if given},
        },
    }


def receiver_in(group: dict[str, Any]) -> Receiver | None:
    """Our receiver in an action group, if it has one."""
    properties = group.get("properties") or {}
    for one in properties.get(_LOGIC_APPS) or []:
        if _ours(one):
            return Receiver(str(one.get("callbackUrl")), str(one.get("resourceId")))
    for one in properties.get(_WEBHOOKS) or []:
        if _ours(one):
            return Receiver(str(one.get("serviceUri")))
    return None


def group_differences(found: dict[str, Any], receiver: Receiver) -> tuple[str, ...]:
    """What of our action group is not as wanted, a few words each; empty if nothing."""
    properties = found.get("properties") or {}
    odd = [] if properties.get("enabled") is True else ["it is disabled"]
    current = receiver_in(found)
    if current is None:
        odd.append(f"it does not call the {receiver}")
    elif current.url != receiver.url or not same(current.logic_app, receiver.logic_app):
        again = str(current) == str(receiver)
        odd.append(f"it calls another address of the {receiver}" if again else f"it calls the {current}")
    if current is not None and not _common_schema(properties):
        odd.append("its receiver is not told in the common alert schema")
    return tuple(odd)


def _common_schema(properties: dict[str, Any]) -> bool:
    both = [*(properties.get(_WEBHOOKS) or []), *(properties.get(_LOGIC_APPS) or [])]
    return all(one.get("useCommonAlertSchema") is True for one in both if _ours(one))


def _ours(receiver: dict[str, Any]) -> bool:
    return str(receiver.get("name")).lower() == NAME


def _as_azure_writes(receiver: Receiver) -> tuple[str, dict[str, Any]]:
    common = {"name": NAME, "useCommonAlertSchema": True}
    if receiver.logic_app:
        return _LOGIC_APPS, {**common, "resourceId": receiver.logic_app, "callbackUrl": receiver.url}
    return _WEBHOOKS, {**common, "serviceUri": receiver.url}


def workflow(namespace: str, queue: str) -> dict[str, Any]:
    """The definition of a Logic App that puts what it is called with onto a queue of Service Bus.

    Its managed identity needs the role Azure Service Bus Data Sender on the queue. Source of the action:
    https://learn.microsoft.com/azure/logic-apps/authenticate-with-managed-identity and
    https://learn.microsoft.com/rest/api/servicebus/send-message-to-queue

    Args:
        namespace: the host of Service Bus, such as ``contoso.servicebus.windows.net``.
        queue: its name.
    """
    return {
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/"
        "workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}},
        "actions": {
            "send": {
                "type": "Http",
                "inputs": {
                    "method": "POST",
                    "uri": f"https://{namespace}/{queue}/messages",
                    "headers": {"Content-Type": "application/json"},
                    "body": "@triggerBody()",
                    "authentication": {
                        "type": "ManagedServiceIdentity",
                        "audience": "https://servicebus.azure.net",
                    },
                },
                "runAfter": {},
            }
        },
    }
