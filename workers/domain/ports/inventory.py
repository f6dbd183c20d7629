"""Which VMs there are."""

from collections.abc import Sequence
from typing import Protocol

from workers.domain.starts.vm import KnownVm


class Inventory(Protocol):
    """Which VMs there are: written by workers, read by the bot so that a name resolves in milliseconds."""

    def note(self, vm: KnownVm) -> None:
        """Add or renew one VM soon. Nobody waits for it: where that fails, only the log is told."""
        ...

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs. With ``whole_subscription``, VMs of it that are not in ``vms`` are removed."""
        ...

    async def all(self) -> Sequence[KnownVm]:
        """Every known VM."""
        ...
