"""Fires Activity Log alerts: an operation that ended is held against each rule, and each receiver is told.

One alert for each Activity Log record. A Logic App puts the alert onto the queue; a webhook is only recorded.
Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-types#activity-log-alerts
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from deploy.sandbox.azure.delivery import Outbox
from deploy.sandbox.azure.events import Started, common_alert
from deploy.sandbox.azure.front.routing import Call
from deploy.sandbox.azure.ids import group_of, within
from deploy.sandbox.azure.messages import Message
from deploy.sandbox.azure.model import Estate, Resource
from deploy.sandbox.azure.monitor.conditions import met
from deploy.sandbox.azure.monitor.names import ALERT_RULE
from deploy.sandbox.azure.monitor.workflows import listens_at
from deploy.sandbox.azure.operations import Operation, Operations

_VERBS = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Alarms:
    """The Activity Log's alert rules at work.

    Args:
        record: ``record(kind, **data)``, told each alert.
    """

    def __init__(
        self, *, estate: Estate, operations: Operations, outbox: Outbox, record: Callable[..., Any]
    ) -> None:
        self._estate = estate
        self._operations = operations
        self._outbox = outbox
        self._record = record
        self._under_way: dict[str, Started] = {}

    def accepted(self, call: Call) -> None:
        """A request that writes was taken: told of once its operation has ended, or now if it has none."""
        if call.method not in _VERBS:
            return
        done = Started(
            resource_id=call.resource_id,
            principal=call.caller,
            tenant=self._estate.tenant,
            correlation_id=call.correlation_id,
            operation=_operation_name(call),
        )
        running = self._operations.running_on(call.resource_id)
        if running is None:
            self.fire(done)
        else:
            self._under_way[running.id] = done

    def ended(self, operation: Operation) -> None:
        """An operation began or ended; only the end of one that was accepted counts."""
        if operation.status != "InProgress" and operation.id in self._under_way:
            done = self._under_way.pop(operation.id)
            if operation.status == "Succeeded":
                self.fire(done)

    def fire(self, done: Started) -> None:
        """Tell every receiver of every rule that this meets."""
        record = _record_of(done)
        for rule in list(self._estate.of(ALERT_RULE)):
            if self._applies(rule, done, record):
                for receiver in self._receivers(rule):
                    self._tell(rule, receiver, done)

    @staticmethod
    def _applies(rule: Resource, done: Started, record: dict[str, str]) -> bool:
        scopes = [f"/{scope.strip('/')}" for scope in rule.properties["scopes"]]
        return (
            rule.properties["enabled"]
            and any(within(done.resource_id, scope) for scope in scopes)
            and met(rule.properties["condition"], record)
        )

    def _receivers(self, rule: Resource) -> Iterator[dict[str, Any]]:
        for used in rule.properties["actions"]["actionGroups"]:
            group = self._estate.find(used["actionGroupId"])
            if group is not None and group.properties["enabled"]:
                yield from group.properties["webhookReceivers"]
                yield from group.properties["logicAppReceivers"]

    def _tell(self, rule: Resource, receiver: dict[str, Any], done: Started) -> None:
        body = common_alert(done, rule=rule.name, description=rule.properties["description"] or "")
        url = receiver.get("callbackUrl") or receiver["serviceUri"]
        self._record("alert", rule=rule.name, receiver=receiver["name"], url=url, body=body)
        workflow = self._estate.find(str(receiver.get("resourceId")))
        if workflow is None or url not in [listens_at(workflow, t) for t in workflow.extra["triggers"]]:
            return
        message = Message(message_id=str(uuid.uuid4()), body=json.dumps(body), event_id=done.event_id)
        self._outbox.post(
            message,
            vm_id=done.resource_id,
            principal=done.principal.key,
            correlation_id=done.correlation_id,
            schema="alert",
            succeeded=done.succeeded,
        )


def _record_of(done: Started) -> dict[str, str]:
    """What conditions ask for of a record, by its field in lower case."""
    kind = done.operation.rpartition("/")[0]
    return {
        "category": "Administrative",
        "caller": done.caller,
        "level": "Informational" if done.succeeded else "Error",
        "operationname": done.operation,
        "resourceid": done.resource_id,
        "resourcegroup": group_of(done.resource_id),
        "resourceprovider": done.provider,
        "resourcetype": kind,
        "status": done.status,
        "substatus": "",
    }


def _operation_name(call: Call) -> str:
    """Such as ``Microsoft.Network/networkInterfaces/write``."""
    namespace, *rest = call.resource_id.rpartition("/providers/")[2].split("/")
    return "/".join([namespace, *rest[::2], _VERBS[call.method]])
