"""The lockdown NSG in Azure: made on demand, corrected, and rewritten so that open flows end.

An NSG has no say about flows that are open already. With ``flushConnection`` Azure re-evaluates them *when
rules are updated* and when it is first enabled; nothing was found that says so of an association. So once the
NICs have the NSG, one more write changes the description of its rules, with nothing else changed. Whether
Azure then ends the flows could not be tried here, and no answer of Azure's says so.
Source: https://learn.microsoft.com/rest/api/virtualnetwork/network-security-groups/create-or-update
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from workers.arm.ids import ArmId, name_of
from workers.arm.read.networking import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.arm.steps.isolation import writes
from workers.arm.steps.isolation.lockdown import lockdown_nsg_id, locks_down, loophole, wanted_nsg
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StepFailed
from workers.domain.starts.vm import VmRef

_REFUSED_RULES = ("SecurityRule", "ResourceCannotContainAddressPrefixes", "InvalidResourceReference")


class LockdownNsg(NamedTuple):
    """Which NSG a VM gets.

    Attributes:
        containment_id: named in what is written, for whoever reads the NSG in the portal.
    """

    vm: VmRef
    profile: LockdownProfile
    location: str
    containment_id: str

    @property
    def id(self) -> str:
        """Its resource id."""
        return lockdown_nsg_id(self.vm, self.profile, self.location)

    @property
    def prepared(self) -> bool:
        """Whether it was prepared by others, and is never written."""
        return self.profile.isolate.nsg is not None

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.id)


async def prepare(azure: Azure, wanted: LockdownNsg, found: dict[str, Any] | None) -> str:
    """Make or correct it; what is still awaited before NICs can take it, or an empty string.

    Raises:
        StepFailed: it can't be made.
    """
    if wanted.prepared:
        _check_prepared(wanted, found)
    if found is not None and being_written(wanted, found):
        return f"{wanted.name} is being written"
    if found is not None and locks_down(found, wanted.profile) and network.settled(found):
        return ""
    try:
        await _write(azure, wanted, found)
    except Busy as busy:
        return str(busy)
    except NotFound:
        group = wanted.profile.resource_group or wanted.vm.resource_group
        raise StepFailed(
            f"the resource group {group} for the lockdown NSG does not exist in the VM's subscription; "
            f"create it, or name another one in the lockdown profile {wanted.profile.name}",
            code="ResourceGroupNotFound",
            final=True,
        ) from None
    except StepFailed as refused:
        if not _of_a_rule(refused):
            raise
        raise StepFailed(
            "Azure does not take an exception of the isolation; correct isolate.allow in the lockdown"
            f" profile {wanted.profile.name} ({refused})",
            code=refused.code,
            final=True,
        ) from None
    return f"{wanted.name} {'created' if found is None else 'corrected'}"


def _of_a_rule(refused: StepFailed) -> bool:
    """Whether Azure says no to a rule: to a service tag that it doesn't know, or a group that it can't find.

    Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/5617
    """
    return refused.code.startswith(_REFUSED_RULES)


def _check_prepared(wanted: LockdownNsg, found: dict[str, Any] | None) -> None:
    """Raise what keeps a prepared NSG from being used; it is never written."""
    said = f"the prepared NSG {wanted.name} (isolate.nsg in the lockdown profile {wanted.profile.name})"
    if found is None:
        raise StepFailed(
            f"{said} does not exist; make it, or name another one", code="PreparedNsgGone", final=True
        )
    place = ArmId.parse(wanted.id).subscription_id, str(found.get("location"))
    wants = wanted.vm.subscription_id, wanted.location
    if [part.lower() for part in place] != [part.lower() for part in wants]:
        raise StepFailed(
            f"{said} is in {place[1]} of subscription {place[0]}, the VM in {wants[1]} of {wants[0]}: a NIC "
            "takes only an NSG of its own region and subscription; give such VMs a profile of their own",
            code="PreparedNsgElsewhere",
            final=True,
        )
    if why := loophole(found, wanted.profile):
        raise StepFailed(
            f"{said} does not lock the VM down: {why}; correct it, or list the exception in isolate.allow",
            code="PreparedNsgOpen",
            final=True,
        )


def being_written(wanted: LockdownNsg, found: dict[str, Any]) -> bool:
    """Whether it has the right rules, and only Azure has not finished yet."""
    under_way = not network.settled(found) and not network.same_state(found, network.FAILED)
    return under_way and locks_down(found, wanted.profile)


async def flush(azure: Azure, wanted: LockdownNsg, found: dict[str, Any]) -> str:
    """Rewrite it as it is, so that Azure re-evaluates open flows; why that was not done, or nothing."""
    try:
        await _write(azure, wanted, found)
    except Busy as busy:
        return str(busy)
    return ""


async def _write(azure: Azure, wanted: LockdownNsg, found: dict[str, Any] | None) -> None:
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    said = f"Last written by Startgate for containment {wanted.containment_id or 'unknown'}, {at}"
    body = wanted_nsg(wanted.profile, wanted.location, tags=(found or {}).get("tags"), said=said)
    await writes.put_nsg(azure, wanted.id, body, etag=found["etag"] if found else None)
