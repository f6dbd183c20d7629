"""The inventory in memory: for tests of what stands above it. Same contract, no Redis."""

from collections.abc import Collection, Iterable, Sequence

from workers.domain.starts.likeness import Nearest
from workers.domain.starts.past.entries import vm_digest
from workers.domain.starts.vm import KnownVm, VmRef


class MemoryInventory:
    """``workers.domain.ports.Inventory`` in a dict."""

    def __init__(self) -> None:
        self._vms: dict[str, KnownVm] = {}

    def note(self, vm: KnownVm) -> None:
        """Renew one line."""
        self._vms[vm.ref.key] = vm

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs; with ``whole_subscription``, others of that subscription go."""
        before = self._vms.copy()
        if whole_subscription:
            wanted = whole_subscription.lower()
            self._vms = {k: v for k, v in self._vms.items() if v.ref.subscription_id.lower() != wanted}
        self._vms.update({vm.ref.key: vm.after(before.get(vm.ref.key)) for vm in vms})

    async def named(self, name: str, *, group: str = "") -> Sequence[KnownVm]:
        """The VMs of exactly this name."""
        return [
            vm
            for vm in self._sorted()
            if vm.ref.name.lower() == name.lower()
            and (not group or vm.ref.resource_group.lower() == group.lower())
        ]

    async def containing(self, part: str, *, limit: int) -> Sequence[KnownVm]:
        """The VMs with this part of a name."""
        return [vm for vm in self._sorted() if part.lower() in vm.ref.name.lower()][:limit]

    async def near(self, name: str, *, limit: int) -> Sequence[str]:
        """Names that are like this one."""
        nearest = Nearest(name, most=limit)
        nearest.see({vm.ref.name.lower() for vm in self._vms.values()})
        return nearest.names()

    async def of_digests(self, digests: Collection[str]) -> Sequence[KnownVm]:
        """The VMs of these digests."""
        return [vm for vm in self._sorted() if vm_digest(vm.ref.key) in digests]

    async def lines(self, vms: Iterable[VmRef]) -> dict[str, KnownVm]:
        """What is known of these VMs, by their keys."""
        return {vm.key: self._vms[vm.key] for vm in vms if vm.key in self._vms}

    async def of(self, subscription_id: str) -> Sequence[KnownVm]:
        """Every known VM of one subscription, by name."""
        wanted = subscription_id.lower()
        return [vm for vm in self._sorted() if vm.ref.subscription_id.lower() == wanted]

    async def count(self) -> int:
        """How many VMs are known."""
        return len(self._vms)

    async def aclose(self) -> None:
        """Nothing waits to be written."""

    def _sorted(self) -> list[KnownVm]:
        return sorted(self._vms.values(), key=lambda vm: (vm.ref.name.lower(), vm.ref.key))
