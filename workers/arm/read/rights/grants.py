"""The role assignments of one identity: by which it could start a VM, directly or through a group.

One list a subscription and identity answers it for every VM there. What a role allows is known of built-in
roles alone, by their ids: to read each definition would cost a call each. An assignment of which Azure says
that it allowed a start does allow it, whatever its role.

Not told by these lists: assignments that somebody may activate (PIM), and those through Azure Lighthouse.
Source: https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workers.arm.ids import name_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.starts.events import Access, StartEvent
from workers.domain.starts.facts import GrantFact, GrantKind

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PROVIDER = "/providers/microsoft.authorization/roleassignments/"
LIST_TIMEOUT_S = 30.0

_STARTS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": "Virtual Machine Contributor",
    "489581de-a3bd-480d-9518-53dea7416b33": "Desktop Virtualization Power On Contributor",
    "40c5ff49-9181-41f8-ae61-143b0e78555e": "Desktop Virtualization Power On Off Contributor",
    "a959dbd1-f747-45e3-8ba6-dd80f235f97c": "Desktop Virtualization Virtual Machine Contributor",
    "76283e04-6283-4c54-8f91-bcf1374a3c64": "DevTest Labs User",
    "d73bb868-a0df-4d4d-bd69-98a00b01fccb": "Classic Virtual Machine Contributor",
}
"""Built-in roles with the action to start a VM.

Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""
_GRANTS = {
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""Built-in roles that can give themselves any other."""
_HARMLESS = frozenset(
    {
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",  # Reader
        "43d0d8ad-25c7-4714-9337-8ba259a9fe05",  # Monitoring Reader
        "4d97b98b-1d4f-4787-a291-c67834d212e7",  # Network Contributor
    }
)


class Assignment(NamedTuple):
    """One assignment of the identity, or of a group that it is in."""

    id: str
    role_id: str
    through_group: bool
    granted_at: datetime | None = None

    @property
    def scope(self) -> str:
        """Where it holds; empty for everywhere."""
        return self.id[: self.id.lower().rindex(_PROVIDER)]

    def holds_for(self, resource_id: str) -> bool:
        """Whether it reaches this resource. What lies above a subscription was listed because it does."""
        scope = self.scope.lower()
        if not scope.startswith("/subscriptions/"):
            return True
        inner = resource_id.lower()
        return inner == scope or inner.startswith(f"{scope}/")


def can_be_asked(object_id: str) -> bool:
    """Whether this can be put into a filter: it comes from an event, as hostile text."""
    return _GUID.fullmatch(object_id) is not None


async def assignments_of(azure: Azure, subscription_id: str, object_id: str) -> tuple[Assignment, ...]:
    """All that apply to anything in a subscription, above it and below it."""
    if not can_be_asked(object_id):
        return ()
    async with asking("read the caller's role assignments", timeout_s=LIST_TIMEOUT_S):
        listed = azure.authorization(subscription_id).role_assignments.list_for_subscription(
            filter=f"assignedTo('{object_id}')"
        )
        return tuple([_assignment(one) async for one in listed if _PROVIDER in str(one.id).lower()])


def _assignment(read: Any) -> Assignment:
    return Assignment(
        id=str(read.id),
        role_id=name_of(str(read.role_definition_id or "")).lower(),
        through_group=str(read.principal_type or "").lower() == "group",
        granted_at=_aware(read.created_on),
    )


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def grants_for(start: StartEvent, assignments: Iterable[Assignment]) -> tuple[GrantFact, ...]:
    """Those that reach the VM of this start, without those that can't start it."""
    found = [one for one in assignments if one.holds_for(start.vm.resource_id)]
    facts = [fact for one in found if (fact := _fact(one, start.access)) is not None]
    used = start.access
    if used is not None and used.assignment_id and not any(fact.used for fact in facts):
        facts.append(_as_told(used))  # not listed, or could not be read
    return tuple(sorted(facts, key=lambda fact: (not fact.used, list(GrantKind).index(fact.kind))))


def _fact(one: Assignment, access: Access | None) -> GrantFact | None:
    used = access is not None and access.assignment_id == name_of(one.id).lower()
    if one.role_id in _HARMLESS and not used:
        return None
    kind, role = GrantKind.UNKNOWN, one.role_id
    if used and access is not None:
        kind, role = GrantKind.STARTS, access.role
    elif one.role_id in _STARTS:
        kind, role = GrantKind.STARTS, _STARTS[one.role_id]
    elif one.role_id in _GRANTS:
        kind, role = GrantKind.GRANTS, _GRANTS[one.role_id]
    return GrantFact(
        id=one.id,
        role=role,
        kind=kind,
        through_group=one.through_group,
        used=used,
        granted_at=one.granted_at,
    )


def _as_told(access: Access) -> GrantFact:
    scope = access.scope.rstrip("/")
    return GrantFact(
        id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{access.assignment_id}",
        role=access.role,
        kind=GrantKind.STARTS,
        through_group=access.principal_type.lower() == "group",
        used=True,
    )
