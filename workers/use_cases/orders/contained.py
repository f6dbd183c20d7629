"""Which VMs are contained, so that somebody can choose one to restore."""

import asyncio

from workers.domain.containment.containment import Containment
from workers.domain.errors import NotFound
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.domain.starts.vm import KnownVm


async def contained_vms(store: Store, inventory: Inventory) -> list[KnownVm]:
    """Every VM that is contained or being contained, sorted by name, as the inventory describes it.

    VMs that the inventory does not list, or no longer, are included.
    """
    ids, known = await asyncio.gather(store.standing(), inventory.all())
    listed = {vm.ref.key: vm for vm in known}
    found = await asyncio.gather(*(_read(store, containment_id) for containment_id in ids))
    vms = {
        one.vm.key: listed.get(one.vm.key) or KnownVm(ref=one.vm, seen_at=one.opened_at)
        for one in found
        if one is not None and one.active
    }
    return sorted(vms.values(), key=lambda vm: (vm.ref.name.lower(), vm.ref.key))


async def _read(store: Store, containment_id: str) -> Containment | None:
    try:
        return await store.containment(containment_id)
    except NotFound:
        return None
