"""What our own identity may do at a resource group, by ARM's permissions call.

Source: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group
It knows neither deny assignments nor Azure Policy, and a role that is assigned on a single resource doesn't
show at its group.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """What one role allows: ``actions``, but none that ``but`` names. Both may hold wildcards (``*``)."""

    actions: tuple[str, ...]
    but: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Whether this role alone allows it."""
        return _named(action, self.actions) and not _named(action, self.but)


def allowed(action: str, permissions: Sequence[Permission]) -> bool:
    """Whether one role or another allows it: what one leaves out, another may give.

    Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions#notactions
    """
    return any(permission.allows(action) for permission in permissions)


async def permissions_at(azure: Azure, subscription_id: str, group: str) -> tuple[Permission, ...]:
    """The permissions of each role that reaches a resource group."""
    async with asking(f"read our permissions at the resource group {group}"):
        listed = azure.authorization(subscription_id).permissions.list_for_resource_group(group)
        return tuple(
            [
                Permission(actions=tuple(one.actions or ()), but=tuple(one.not_actions or ()))
                async for one in listed
            ]
        )


def _named(action: str, patterns: Sequence[str]) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns
    )
