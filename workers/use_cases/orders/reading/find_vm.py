"""Which VM does somebody mean? If a name fits several, none is picked by guessing."""

from collections.abc import Sequence
from typing import NamedTuple

from workers.domain.ports.inventory import Inventory
from workers.domain.starts.vm import KnownVm, PowerState, VmRef

_MOST = 100
_LOOKED_AT = 500
"""Of so many VMs with a part of a name, the first by name, the best hundred are candidates."""


class Match(NamedTuple):
    """``exact`` is the VM that is surely meant; if ``None``, ``candidates`` fit, or nothing does."""

    exact: VmRef | None
    candidates: tuple[KnownVm, ...]

    @property
    def sole(self) -> VmRef | None:
        """The only VM that can be meant, be it by a part of its name."""
        if self.exact is None and len(self.candidates) == 1:
            return self.candidates[0].ref
        return self.exact


async def find_vm(text: str, inventory: Inventory) -> Match:
    """Resolve a resource id, ``group/name``, a name, or parts of these, in the inventory.

    A resource id needs no inventory, and does not ask it. A full name is exact if only one VM has it. Part of
    a name never is, even if it fits only one VM.
    """
    wanted = text.strip()
    if (vm := by_id(wanted)) is not None:
        return Match(vm, ())
    group, _, name = wanted.rpartition("/")
    if not name:
        return Match(None, ())
    if same := await inventory.named(name, group=group):
        return _match(same)
    similar = await inventory.containing(name, limit=_LOOKED_AT)
    return Match(None, _best(name, [vm for vm in similar if group.lower() in vm.ref.resource_group.lower()]))


async def all_of(inventory: Inventory) -> tuple[KnownVm, ...]:
    """A hundred VMs to choose from where nothing was typed: running ones first."""
    return _best("", await inventory.containing("", limit=_LOOKED_AT))


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
    if same:
        return _match(same)
    if not name:
        return Match(None, ())
    similar = [vm for vm in known if name in vm.ref.name.lower() and group in vm.ref.resource_group.lower()]
    return Match(None, _best(name, similar))


def by_id(text: str) -> VmRef | None:
    """The VM of this resource id; ``None`` if the text is none."""
    try:
        return VmRef.parse(text.strip())
    except ValueError:
        return None


def ranked(known: Sequence[KnownVm]) -> tuple[KnownVm, ...]:
    """Those of a few VMs to choose from, at most a hundred: running ones first."""
    return _best("", known)


def _best(name: str, similar: Sequence[KnownVm]) -> tuple[KnownVm, ...]:
    """Names that begin so come first, and of those and the others running VMs."""
    start = name.lower()
    ranked = sorted(
        similar,
        key=lambda vm: (
            not vm.ref.name.lower().startswith(start),
            vm.power is not PowerState.RUNNING,
            vm.ref.name.lower(),
            vm.ref.key,
        ),
    )
    return tuple(ranked[:_MOST])


def _match(same: Sequence[KnownVm]) -> Match:
    if len(same) == 1:
        return Match(same[0].ref, ())
    return Match(None, _best("", same))
