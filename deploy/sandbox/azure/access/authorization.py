"""Role assignments, made from the principals of the world."""

import re
import uuid
from typing import Any

from deploy.sandbox.azure.claims import ROLES, assignment_id
from deploy.sandbox.azure.front.routing import Answer, Call, Route, listing
from deploy.sandbox.azure.ids import within
from deploy.sandbox.azure.model import ROLE_ASSIGNMENT, Estate
from deploy.sandbox.world import Principal, World

_PRINCIPAL = re.compile(r"(?:principalId\s+eq\s+|assignedTo\()'([^']+)'", re.IGNORECASE)


class RoleAssignments:
    """``Microsoft.Authorization/roleAssignments``, to be listed at a scope."""

    def __init__(self, estate: Estate, world: World) -> None:
        self._estate = estate
        self._world = world

    def routes(self) -> list[Route]:
        return [Route("GET", "{scope}/providers/Microsoft.Authorization/roleAssignments", self.list_all)]

    def list_all(self, call: Call) -> Answer:
        """Assignments at the scope, above it and below it.

        The filter may hold ``principalId eq '…'``, ``assignedTo('…')`` (there are no groups here) and
        ``atScope()``, which leaves out what is below.
        """
        if "/providers/" in call.scope.lower():
            self._estate.get(call.scope)
        wanted = call.query.get("$filter", "")
        principal = _PRINCIPAL.search(wanted)
        return listing(
            call,
            [
                _assignment(who, scope)
                for who in self._world.principals
                for scope in self._scopes(who)
                if (principal is None or principal[1].lower() == who.oid.lower())
                and (
                    within(call.scope, scope)
                    or ("atscope()" not in wanted.lower() and within(scope, call.scope))
                )
            ],
        )

    def _scopes(self, principal: Principal) -> list[str]:
        """Where a principal's role is assigned: each subscription, or each group."""
        if principal.scope == "subscription":
            return [f"/subscriptions/{key}" for key in self._estate.subscriptions]
        return [group.id for key in self._estate.subscriptions for group in self._estate.groups(key)]


def _assignment(principal: Principal, scope: str) -> dict[str, Any]:
    name = str(uuid.UUID(assignment_id(principal, scope)))
    role = str(uuid.UUID(ROLES.get(principal.role, "0" * 32)))
    subscription = "/".join(scope.split("/")[:3])
    return {
        "id": f"{scope}/providers/{ROLE_ASSIGNMENT}/{name}",
        "name": name,
        "type": ROLE_ASSIGNMENT,
        "properties": {
            "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": principal.oid,
            "principalType": principal.kind,
            "scope": scope,
            "createdOn": "2026-01-12T09:00:00.0000000Z",
            "updatedOn": "2026-01-12T09:00:00.0000000Z",
        },
    }
