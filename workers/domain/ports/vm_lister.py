"""Which VMs Azure lists."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from workers.domain.starts.vm import KnownVm


class VmLister(Protocol):
    """Which VMs Azure lists."""

    def __call__(self, now: datetime) -> AsyncIterator[tuple[str, Sequence[KnownVm]]]:
        """Subscription by subscription: its id, and all its VMs with their power states, seen at ``now``.

        A subscription that can't be read is left out, so that nobody takes its VMs for deleted.

        Raises:
            DependencyAway: the subscriptions can't be listed.
            StepFailed: we may not list them.
        """
        ...
