"""What somebody does in Azure that can undo a containment: told by an event, read back by a sweep.

An event names the operation and the resource, not what changed. So each of these means *look now*, and what
holds no longer is found by reading.
"""

from typing import NamedTuple

ISOLATION = (
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkSecurityGroups/write",
    "Microsoft.Network/networkSecurityGroups/securityRules/write",
    "Microsoft.Network/networkSecurityGroups/securityRules/delete",
)
"""A lockdown NSG that is in use can't be deleted: it is taken off a NIC first, which writes the NIC."""

LOCK_DELETED = "Microsoft.Authorization/locks/delete"
SNAPSHOT_DELETED = "Microsoft.Compute/snapshots/delete"

DISTURBING = {name.lower(): name for name in (*ISOLATION, LOCK_DELETED, SNAPSHOT_DELETED)}
"""Lower-case spelling → the operation's proper name."""


class Disturbance(NamedTuple):
    """One such event. Texts are hostile input.

    Attributes:
        operation: its proper name.
        resource_id: what was written or deleted, as the event spells it.
        caller: a sign-in name or an object id, as the event has it; may be empty.
    """

    operation: str
    resource_id: str
    caller: str
