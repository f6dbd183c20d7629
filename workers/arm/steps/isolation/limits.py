"""What the lockdown NSG can't hold back, for whoever is shown the plan.

Nothing of it can be changed from the VM: it is decided by whoever runs the network, or the scale set.
"""

from collections.abc import Iterator

from workers.arm.ids import name_of
from workers.domain.containment.options.allow_rules import VIRTUAL_NETWORK
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.facts import MachineFacts


def limits(profile: LockdownProfile, machine: MachineFacts) -> Iterator[str]:
    """One line each.

    Sources:
    https://learn.microsoft.com/azure/virtual-network-manager/concept-security-admins (what always passes)
    https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview (platform addresses)
    https://learn.microsoft.com/azure/virtual-network/service-tags-overview (what VirtualNetwork holds)
    https://learn.microsoft.com/azure/virtual-machine-scale-sets/overview (repairs and scaling)
    """
    yield (
        "limits: Azure's platform addresses pass it, and so does what a security admin rule of Virtual"
        " Network Manager always allows; user-defined routes stay"
    )
    if any(VIRTUAL_NETWORK in rule.peers for rule in profile.isolate.allow):
        yield (
            f"{VIRTUAL_NETWORK} in an exception holds peered and on-premises networks, too, and whatever a"
            " user-defined route leads to, even the Internet"
        )
    if machine.scale_set_id is not None:
        yield (
            f"it belongs to the scale set {name_of(machine.scale_set_id)}, which may replace it, or start"
            " another one in its place: automatic repairs and scaling can't be stopped from here"
        )
