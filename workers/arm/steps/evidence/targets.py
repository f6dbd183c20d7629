"""Which snapshot a disk gets: its name, its tags, and where the step stands with each of them."""

import hashlib
import re
from typing import Any

from workers.arm.ids import group_id
from workers.arm.read.disks import VmDisk, held_since
from workers.arm.session.errors import clean
from workers.arm.steps.isolation.lockdown import tags_of
from workers.domain.containment.containment import Containment
from workers.domain.containment.profile import LockdownProfile
from workers.domain.model import Stored
from workers.domain.starts.vm import VmRef

CONTAINMENT_TAG = "startgate-containment"
APPROVAL_TAG = "startgate-approval"
REASON_TAG = "startgate-reason"
TAKEN_TAG = "startgate-taken"

_MOST_TAGS = 50
_LONGEST_TAG = 256
"""Source: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations"""

_LONGEST_VM_NAME = 45
"""A snapshot's name has at most 80 characters: letters, digits, ``_``, ``-`` and, inside, dots.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""
_DIGEST_LENGTH = 12


class Target(Stored):
    """One disk and its snapshot, both by their resource ids; ``operation`` is where Azure can be asked."""

    disk: str
    snapshot: str
    operation: str = ""


class Token(Stored):
    """Where the step stands, between two looks."""

    targets: tuple[Target, ...]
    tags: dict[str, str]


def target_of(
    vm: VmRef, profile: LockdownProfile, containment_id: str, used: VmDisk, disk: dict[str, Any]
) -> Target:
    """The snapshot of a disk for this containment and for the time since its VM last ran.

    The name says so by a digest. Whoever begins again therefore finds what an interrupted attempt has made,
    and a VM that ran in between gets a snapshot of what it did.
    """
    group = group_id(vm.subscription_id, profile.resource_group or vm.resource_group)
    about = "\n".join((containment_id, disk["id"].lower(), held_since(disk)))
    digest = hashlib.sha256(about.encode()).hexdigest()[:_DIGEST_LENGTH]
    of = re.sub(r"[^A-Za-z0-9-]", "-", vm.name)[:_LONGEST_VM_NAME]
    name = f"startgate-{of}-{used.role}-{digest}"
    return Target(disk=disk["id"], snapshot=f"{group}/providers/Microsoft.Compute/snapshots/{name}")


def tags_for(
    profile: LockdownProfile, containment_id: str, containment: Containment | None
) -> dict[str, str]:
    """The profile's tags and ours, and what the snapshot is evidence of, as far as Azure takes so many."""
    about = {CONTAINMENT_TAG: containment_id}
    if containment is not None:
        cause = containment.cause
        about[APPROVAL_TAG] = cause.approval_id or "none"
        about[REASON_TAG] = clean(cause.reason, longest=_LONGEST_TAG) or f"{cause.kind}, no reason given"
    wanted = tags_of(profile)
    room = _MOST_TAGS - len(wanted) - 1  # one more says when
    return {**wanted, **dict(list(about.items())[: max(0, room)])}
