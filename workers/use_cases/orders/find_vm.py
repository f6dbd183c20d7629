"""Which VM does somebody mean? If a name fits several, none is picked by guessing."""

from collections.abc import Sequence
from typing import NamedTuple

from workers.domain.ports.inventory import Inventory
from workers.domain.starts.vm import KnownVm, VmRef

_MOST = 100


class Match(NamedTuple):
    """``exact`` is the VM that is surely meant; if ``None``, ``candidates`` fit, or nothing does."""

    exact: VmRef | None
    candidates: tuple[KnownVm, ...]


async def find_vm(text: str, inventory: Inventory) -> Match:
    """Resolve a resource id, ``group/name``, a name, or a part of a name, in the inventory.

    A resource id needs no inventory, and does not ask it. A full name is exact if only one VM has it. Part of
    a name never is, even if it fits only one VM.
    """
    wanted = text.strip()
    if (vm := by_id(wanted)) is not None:
        return Match(vm, ())
    group, _, name = wanted.rpartition("/")
    same = await inventory.named(name, group=group)
    if not same and wanted and not group:
        return Match(None, tuple(await inventory.containing(wanted, limit=_MOST)))
    return _match(same)


def find_among(text: str, known: Sequence[KnownVm]) -> Match:
    """As ``find_vm``, among these few VMs."""
    wanted = text.strip()
    if (vm := by_id(wanted)) is not None:
        return Match(vm, ())
    lower = wanted.lower()
    group, _, name = lower.rpartition("/")
    same = [
        vm
        for vm in known
        if vm.ref.name.lower() == name and (not group or vm.ref.resource_group.lower() == group)
    ]
    if not same and lower:
        similar = [vm for vm in known if lower in vm.ref.name.lower()]
        return Match(None, tuple(similar[:_MOST]))
    return _match(same)


def by_id(text: str) -> VmRef | None:
    """The VM of this resource id; ``None`` if the text is none."""
    try:
        return VmRef.parse(text.strip())
    except ValueError:
        return None


def _match(same: Sequence[KnownVm]) -> Match:
    if len(same) == 1:
        return Match(same[0].ref, ())
    return Match(None, tuple(same[:_MOST]))
