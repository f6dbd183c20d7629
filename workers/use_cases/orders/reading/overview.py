"""What waits, what is contained, and how a VM stands: read for people, wherever they ask. Changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.asking.delegations import Delegation, Delegations
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.ports.groups import Groups, NoGroups
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


class Waiting(NamedTuple):
    """What waits for one person's answer.

    Attributes:
        questions: open ones that they may answer as an owner, or in an owner's stead, the longest open first.
        reader: the person, with those of the owners' groups that they are in. Where Slack did not say who is
            in one, ``doubt`` says so: then something may be missing.
        in_stead_of: question id → the delegation by which alone they may answer it.
    """

    questions: Sequence[Approval]
    reader: Actor
    in_stead_of: Mapping[str, Delegation]


class Overview:
    """Reads what people ask about. Who may see it, the doorway decides; nothing here is secret to a member.

    A document that is gone by the time it is read, or that a newer version wrote, is left out: it must not
    hide the others. The log says so of the latter.
    """

    def __init__(
        self,
        *,
        store: Store,
        inventory: Inventory,
        observes: Callable[[], bool],
        groups: Groups | None = None,
    ) -> None:
        self._groups = groups or NoGroups()
        self._observes = observes
        self._store = store
        self._inventory = inventory

    async def questions(self) -> list[Approval]:
        """Open questions, the longest open first.

        Raises:
            DependencyAway: the store does not answer.
        """
        found = await _all(self._store.approval, await self._store.open_approvals())
        return sorted((one for one in found if one.asks), key=lambda one: (one.opened_at, one.id))

    async def waiting_for(self, actor: Actor, now: datetime) -> Waiting:
        """What this person is asked: as an owner or in a group that is one, or in the stead of an owner.

        Raises:
            DependencyAway: the store does not answer.
        """
        questions, delegations = await asyncio.gather(self.questions(), self._store.delegations())
        return await self.waiting_among(questions, delegations, actor, now)

    async def waiting_among(
        self, questions: Sequence[Approval], delegations: Delegations, actor: Actor, now: datetime
    ) -> Waiting:
        """The same, of open questions and delegations that were read before."""
        if actor.barred:
            return Waiting([], actor, {})
        owners = [one.answerers for one in questions]
        reader = await self._groups.of(actor, *owners)
        given = delegations.given_to(actor.slack_user, now)
        givers = [await self._groups.of(one.as_giver, *owners) for one in given]
        mine, in_stead_of = list[Approval](), dict[str, Delegation]()
        for question in questions:
            # What was passed on to an owner is no delegate's: see ``Approval.permits_for``.
            by = (d for d, giver in zip(given, givers, strict=True) if giver.owns(question.owner))
            if not reader.owns(question.answerers):
                if (delegation := next(by, None)) is None:
                    continue
                in_stead_of[question.id] = delegation
            mine.append(question)
        return Waiting(mine, reader, in_stead_of)

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
