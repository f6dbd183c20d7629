"""Which VMs Azure lists."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from workers.domain.starts.vm import KnownVm


class Listing(NamedTuple):
    """The VMs of one subscription, as far as they could be listed.

    Azure has two lists, of VMs and of classic VMs. Each may fail alone; what is not listed is not gone.

    Attributes:
        subscription_id: whose VMs.
        vms: with their power states.
        unread: why the list of VMs is missing; empty when it is there.
        classics_unread: why the list of classic VMs is missing; empty when it is there.
    """

    subscription_id: str
    vms: Sequence[KnownVm]
    unread: str = ""
    classics_unread: str = ""


class VmLister(Protocol):
    """Which VMs Azure lists."""

    def __call__(self, now: datetime) -> AsyncIterator[Listing]:
        """Subscription by subscription, all its VMs, seen at ``now``.

        Raises:
            DependencyAway: the subscriptions can't be listed.
            StepFailed: we may not list them.
        """
        ...
