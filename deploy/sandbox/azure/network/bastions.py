"""Bastion hosts, to be read: which there are, and who is connected to what through each.

Shapes: ``BastionHost`` and ``BastionActiveSession`` of the REST specification,
https://learn.microsoft.com/rest/api/virtualnetwork/bastion-hosts/list and
https://learn.microsoft.com/rest/api/virtualnetwork/get-active-sessions/get-active-sessions
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import BASTION, Estate, Resource, Vm, new_etag

SESSIONS_S = 2.0
_BASTIONS = "/providers/Microsoft.Network/bastionHosts"


class Bastions:
    """``Microsoft.Network/bastionHosts``."""

    def __init__(self, *, estate: Estate, lro: Lro) -> None:
        self._estate = estate
        self._lro = lro
        self._sessions: dict[str, list[dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{SUBSCRIPTION}{_BASTIONS}", self.list_all),
            Route("POST", f"{GROUP}{_BASTIONS}/{{bastion}}/getActiveSessions", self.active_sessions),
        ]

    def list_all(self, call: Call) -> Answer:
        return listing(call, [one.as_json() for one in self._estate.of(BASTION, call.scope)])

    def active_sessions(self, call: Call) -> Answer:
        """A POST that changes nothing: a long-running operation, whose result is a list."""
        host = self._estate.get(call.parent_id)
        operation = self._lro.network("getActiveSessions", host.id, host.location, SESSIONS_S)
        operation.result = lambda: {"value": self._sessions.get(host.id.lower(), [])}
        return accepted(call, self._lro.operations.begin(operation, lambda: None, holds=False))

    def add(self, vm: Vm, name: str) -> Resource:
        """A Bastion host in the group of this machine."""
        return self._estate.add(
            Resource(
                id=arm_id(vm.subscription, vm.group, BASTION, name),
                kind=BASTION,
                location=vm.location,
                etag=new_etag(),
                extra={"sku": {"name": "Standard"}},
                properties={"provisioningState": "Succeeded", "scaleUnits": 2, "ipConfigurations": []},
            )
        )

    def connect(
        self, host: Resource, vm: Vm, user: str, *, protocol: str = "SSH", minutes: float = 12
    ) -> None:
        """Somebody is connected to a machine."""
        since = datetime.now(UTC) - timedelta(minutes=minutes)
        self._sessions.setdefault(host.id.lower(), []).append(
            {
                "sessionId": str(uuid.uuid4()),
                "startTime": since.isoformat(),
                "targetSubscriptionId": vm.subscription,
                "resourceType": "VM",
                "targetHostName": vm.name,
                "targetResourceGroup": vm.group,
                "userName": user,
                "targetIpAddress": "10.0.0.4",
                "protocol": protocol,
                "targetResourceId": vm.id,
                "sessionDurationInMins": minutes,
            }
        )

    def clear(self) -> None:
        """Everybody hangs up."""
        self._sessions.clear()
