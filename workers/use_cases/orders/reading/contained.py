"""Which VMs are contained, so that somebody can choose one to restore."""

import asyncio
from typing import NamedTuple

import structlog

from workers.domain.containment.containment import Containment
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.domain.starts.vm import KnownVm

log = structlog.get_logger(__name__)


class Held(NamedTuple):
    """A VM that is contained or being contained, and its containment."""

    vm: KnownVm
    containment: Containment


async def held_vms(store: Store, inventory: Inventory) -> list[Held]:
    """Every VM that is contained or being contained, sorted by name, as the inventory describes it.

    VMs that the inventory does not list, or no longer, are included.
    """
    ids = await store.standing()
    read = await asyncio.gather(*(_read(store, containment_id) for containment_id in ids))
    found = [one for one in read if one is not None and one.active]
    listed = await inventory.lines([one.vm for one in found])
    held = {
        one.vm.key: Held(listed.get(one.vm.key) or KnownVm(ref=one.vm, seen_at=one.opened_at), one)
        for one in found
    }
    return sorted(held.values(), key=lambda one: (one.vm.ref.name.lower(), one.vm.ref.key))


async def contained_vms(store: Store, inventory: Inventory) -> list[KnownVm]:
    """As ``held_vms``, without the containments."""
    return [one.vm for one in await held_vms(store, inventory)]


async def _read(store: Store, containment_id: str) -> Containment | None:
    try:
        return await store.containment(containment_id)
    except NotFound:
        return None
    except NewerDocument as newer:
        # One that a newer version wrote must not hide all others; asked for by its id, it says so.
        log.warning("a containment is not listed", id=containment_id, because=str(newer))
        return None
