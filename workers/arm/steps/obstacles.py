"""What would keep the steps of a containment from writing: ReadOnly locks, and rights that we lack.

Azure Policy and deny assignments are not seen: what they forbid is known only once it was tried.
"""

from collections.abc import Mapping, Sequence

from async_lru import alru_cache

from workers.arm.ids import same
from workers.arm.read.networking.network import read_nic
from workers.arm.read.rights.permissions import Permission, allowed, permissions_at
from workers.arm.read.rights.places import Group, Place, group_of, places_by_vm, places_of_nics
from workers.arm.read.sources import Sources
from workers.arm.session.clients import Azure
from workers.arm.steps.rights import RIGHTS, Right, Use, groups_needed
from workers.domain.containment.foresight.drills import Obstacle
from workers.domain.containment.locks.others import our_lock_id
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts, LockFact
from workers.domain.starts.vm import VmRef

BELIEVED_S = 60.0
"""Seconds for which locks, rights and lists are not read again: a drill over a fleet asks for each VM."""
MOST_BELIEVED = 5000

_Places = Mapping[Place, frozenset[Group]]


class ArmObstacles:
    """``workers.domain.ports.ObstacleReader`` on Azure.

    Args:
        azure: asked.
        runners: name what each step writes.
        sources: where facts are read, so that locks are not listed twice; made here if not given.
        listed: read the NICs of a whole subscription at once, for many VMs of it.
    """

    def __init__(
        self,
        azure: Azure,
        runners: Sequence[StepRunner],
        sources: Sources | None = None,
        *,
        listed: bool = False,
    ) -> None:
        self._azure = azure
        self._runners = {runner.name: runner for runner in runners}
        self._listed = listed
        believed = alru_cache(maxsize=MOST_BELIEVED, ttl=BELIEVED_S)
        self._locks = (sources or Sources(azure)).locks
        self._permissions = believed(self._read_permissions)
        self._by_vm = believed(self._read_places)

    async def read(
        self, vm: VmRef, facts: Facts, profile: LockdownProfile, steps: Sequence[StepName]
    ) -> list[Obstacle]:
        """See the port."""
        (locks, _), places = await self._locks(vm.subscription_id), await self._places(vm, facts)
        found: list[Obstacle] = []
        for step in steps:
            writes = self._runners[step].writes(vm, facts, profile)
            found += [_locked(step, lock) for lock in locks if _forbids(lock, vm, writes)]
            found += await self._missing(step, facts, profile, places)
        return found

    async def _missing(
        self, step: StepName, facts: Facts, profile: LockdownProfile, places: _Places
    ) -> list[Obstacle]:
        found: list[Obstacle] = []
        for right in RIGHTS[step]:
            if not _concerns(right, facts):
                continue
            for group in sorted(set(groups_needed(step, right.place, places, (profile,)))):
                if not allowed(right.action, await self._permissions(group)):
                    why = f"the right {right.action} is missing in {group.name}"
                    role = f"give this identity the role {right.role} there"
                    found.append(Obstacle(step=step, why=why, remedy=role))
        return found

    async def _places(self, vm: VmRef, facts: Facts) -> _Places:
        kind = Place.CLASSIC_VM if vm.classic else Place.VM
        mine: dict[Place, frozenset[Group]] = {kind: frozenset({group_of(vm.resource_id)})}
        if self._listed and not vm.classic:
            mine |= (await self._by_vm(vm.subscription_id.lower())).get(vm.key, {})
        elif facts.machine is not None:
            nics = [await read_nic(self._azure, nic_id) for nic_id in facts.machine.nic_ids]
            mine |= places_of_nics(nics)
        if facts.backup is not None and facts.backup.vault_id:
            mine[Place.KNOWN_VAULT] = frozenset({group_of(facts.backup.vault_id)})
        return mine

    async def _read_permissions(self, group: Group) -> tuple[Permission, ...]:
        return await permissions_at(self._azure, *group)

    async def _read_places(self, subscription_id: str) -> Mapping[str, _Places]:
        return await places_by_vm(self._azure, subscription_id)


def _forbids(lock: LockFact, vm: VmRef, writes: Sequence[str]) -> bool:
    """Whether somebody's lock forbids one of these writes. Ours is taken off by whoever has to write."""
    return lock.read_only and not same(lock.id, our_lock_id(vm)) and any(map(lock.holds_for, writes))


def _locked(step: StepName, lock: LockFact) -> Obstacle:
    why = f"the ReadOnly lock {lock.name} on {lock.place}"
    return Obstacle(step=step, why=why, remedy="remove the lock")


def _concerns(right: Right, facts: Facts) -> bool:
    """Whether this VM's containment needs the right; a restore's rights keep nothing from being contained."""
    ephemeral = facts.machine is not None and facts.machine.ephemeral
    protected = facts.backup is not None and facts.backup.protected
    return {
        Use.ALWAYS: True,
        Use.EPHEMERAL: ephemeral,
        Use.NOT_EPHEMERAL: not ephemeral,
        Use.NOT_PROTECTED: not protected,
        Use.UNDO: False,
    }[right.use]
