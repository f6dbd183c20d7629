"""Role assignments, made from the principals of the world, and what a caller may do by them."""

import re
import uuid
from typing import Any

from deploy.sandbox.azure.access.roles import GUARD_ROLES, permission
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
                for scope in self.scopes(who)
                if (principal is None or principal[1].lower() == who.oid.lower())
                and (
                    within(call.scope, scope)
                    or ("atscope()" not in wanted.lower() and within(scope, call.scope))
                )
            ],
        )

    def scopes(self, principal: Principal) -> list[str]:
        """Where a principal's role is assigned: each subscription, or each group."""
        if principal.scope == "subscription":
            return [f"/subscriptions/{key}" for key in self._estate.subscriptions]
        return [group.id for key in self._estate.subscriptions for group in self._estate.groups(key)]


class Permissions:
    """``Microsoft.Authorization/permissions``: what the caller may do at a group or a resource.

    One item for each role that reaches the scope, as its definition says it: wildcards and ``notActions`` are
    the caller's to work out. Deny assignments are not told.
    Source: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group

    Attributes:
        taken: roles that the product's own identity lacks, by what begins a scope in lower case; ``""`` takes
            them away everywhere.
        added: permissions of a custom role that it has everywhere.
    """

    def __init__(self, estate: Estate, world: World) -> None:
        self._estate = estate
        self._assignments = RoleAssignments(estate, world)
        self.taken: dict[str, tuple[str, ...]] = {}
        self.added: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        return [Route("GET", "{scope}/providers/Microsoft.Authorization/permissions", self.list_all)]

    def list_all(self, call: Call) -> Answer:
        """The caller's roles at the scope and above it."""
        if "/providers/" in call.scope.lower():
            self._estate.get(call.scope)
        if call.caller.key == "startgate":
            lacks = {
                role
                for begin, roles in self.taken.items()
                if call.scope.lower().startswith(begin)
                for role in roles
            }
            return listing(
                call, [*(permission(role) for role in GUARD_ROLES if role not in lacks), *self.added]
            )
        scopes = self._assignments.scopes(call.caller)
        reaches = any(within(call.scope, scope) for scope in scopes)
        return listing(call, [permission(call.caller.role)] if reaches else [])


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
