"""Which VM does somebody mean? If a name fits several, none is picked by guessing."""

from collections.abc import Sequence
from typing import NamedTuple

from workers.domain.starts.vm import KnownVm, VmRef

_MOST = 100


class Match(NamedTuple):
    """``exact`` is the VM that is surely meant; if ``None``, ``candidates`` fit, or nothing does."""

    exact: VmRef | None
    candidates: tuple[KnownVm, ...]


def find_vm(text: str, known: Sequence[KnownVm]) -> Match:
    """Resolve a resource id, ``group/name``, a name, or a part of a name.

    A resource id needs no inventory. A full name is exact if only one VM has it. Part of a name never is,
    even if it fits only one VM.
    """
    wanted = text.strip()
    try:
        return Match(VmRef.parse(wanted), ())
    except ValueError:
        pass
    lower = wanted.lower()
    group, _, name = lower.rpartition("/")
    same = [
        vm
        for vm in known
        if vm.ref.name.lower() == name and (not group or vm.ref.resource_group.lower() == group)
    ]
    if len(same) == 1:
        return Match(same[0].ref, ())
    if not same and lower:
        same = [vm for vm in known if lower in vm.ref.name.lower()]
    return Match(None, tuple(same[:_MOST]))
