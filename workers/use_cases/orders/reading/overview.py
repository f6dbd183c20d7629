"""What waits, what is contained, and how a VM stands: read for people, wherever they ask. Changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import KnownVm, VmRef

log = structlog.get_logger(__name__)

Read = TypeVar("Read", Approval, Containment)


class VmStatus(NamedTuple):
    """How a VM stands.

    Attributes:
        vm: which VM.
        line: what the inventory knows of it; ``None`` if it is not listed.
        questions: open ones about it, and a start of it that was announced, the longest open first.
        containment: the one that holds it, or is being undone; ``None`` if none does.
        pause: the last pause of all changes in Azure, which may be over.
        observes: whether the policy only observes.
        expected: who expects a start of it and until when; one may have ended. Conditions are left out: they
            may be about other people's VMs.
    """

    vm: VmRef
    line: KnownVm | None
    questions: Sequence[Approval]
    containment: Containment | None
    pause: Pause
    observes: bool = False
    expected: Sequence[Expectation] = ()


class Overview:
    """Reads what people ask about. Who may see it, the doorway decides; nothing here is secret to a member.

    A document that is gone by the time it is read, or that a newer version wrote, is left out: it must not
    hide the others. The log says so of the latter.
    """

    def __init__(self, *, store: Store, inventory: Inventory, observes: Callable[[], bool]) -> None:
        self._observes = observes
        self._store = store
        self._inventory = inventory

    async def questions(self, *, of: Actor | None = None) -> list[Approval]:
        """Open questions, the longest open first.

        Args:
            of: only those whose owner this person is.

        Raises:
            DependencyAway: the store does not answer.
        """
        found = await _all(self._store.approval, await self._store.open_approvals())
        return sorted(
            (one for one in found if one.asks and (of is None or of.owns(one.answerers))),
            key=lambda one: (one.opened_at, one.id),
        )

    async def contained(self) -> list[Containment]:
        """Containments that hold a VM, the newest first; those that are being undone, too.

        Raises:
            DependencyAway: the store does not answer.
        """
        found = await _all(self._store.containment, await self._store.standing())
        return sorted(
            (one for one in found if one.active), key=lambda one: (one.opened_at, one.id), reverse=True
        )

    async def of_vm(self, vm: VmRef) -> VmStatus:
        """How this VM stands now, as far as Startgate knows; Azure is not asked.

        Raises:
            DependencyAway: the store does not answer.
        """
        record, lines, pause, expected = await asyncio.gather(
            self._store.vm_record(vm),
            self._inventory.lines([vm]),
            self._store.pause(),
            self._store.expectations(),
        )
        holding = (record.containment_id,) if record.containment_id is not None else ()
        questions, contained = await asyncio.gather(
            _all(self._store.approval, record.open_approvals), _all(self._store.containment, holding)
        )
        return VmStatus(
            vm=vm,
            line=lines.get(vm.key),
            questions=[one for one in questions if one.open],
            containment=next((one for one in contained if one.active), None),
            pause=pause,
            observes=self._observes(),
            expected=[one for one in expected.entries if one.vm is not None and one.vm.key == vm.key],
        )


async def _all(read: Callable[[str], Awaitable[Read]], ids: Sequence[str]) -> list[Read]:
    async def one(document_id: str) -> Read | None:
        try:
            return await read(document_id)
        except NotFound:
            return None
        except NewerDocument as newer:
            log.warning("a document is not listed", id=document_id, because=str(newer))
            return None

    return [document for document in await asyncio.gather(*map(one, ids)) if document is not None]
