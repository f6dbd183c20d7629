"""Which VMs there are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from workers.domain.starts.vm import KnownVm, VmRef


class Inventory(Protocol):
    """Which VMs there are: written by workers, read by the bot so that a name resolves in milliseconds.

    Tens of thousands are usual, so nothing here answers all of them. Names, groups and subscriptions are
    compared without regard to case. A line that can't be read is left out, and the log says so.
    """

    def note(self, vm: KnownVm) -> None:
        """Add or renew one VM soon. Nobody waits for it: where that fails, only the log is told.

        It is written as it is given; whoever knows the earlier line gives ``vm.after(earlier)``.
        """
        ...

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs, each ``after`` its earlier line.

        With ``whole_subscription``, VMs of it that are not in ``vms`` are removed.
        """
        ...

    async def named(self, name: str, *, group: str = "") -> Sequence[KnownVm]:
        """The VMs of exactly this name; with ``group``, of that resource group only."""
        ...

    async def containing(self, part: str, *, limit: int) -> Sequence[KnownVm]:
        """The VMs with this part of a name, the first ``limit`` of them by name."""
        ...

    async def near(self, name: str, *, limit: int) -> Sequence[str]:
        """Names of VMs that are like this one, in lower case, the nearest first; none if none is."""
        ...

    async def of_digests(self, digests: Collection[str]) -> Sequence[KnownVm]:
        """The VMs of these digests of their ids; see ``vm_digest``. All names are gone through."""
        ...

    async def lines(self, vms: Iterable[VmRef]) -> Mapping[str, KnownVm]:
        """What is known of these VMs, by their keys; those that are not known are left out."""
        ...

    async def of(self, subscription_id: str) -> Sequence[KnownVm]:
        """Every known VM of one subscription, by name."""
        ...

    async def count(self) -> int:
        """How many VMs are known."""
        ...

    async def aclose(self) -> None:
        """Wait, for a few seconds, until what was noted is written."""
        ...
