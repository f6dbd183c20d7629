"""The store in memory: for tests of what stands above it. Same contract, no Redis."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Burst, BurstStart
from workers.domain.asking.cards import Card
from workers.domain.asking.delegations import Delegations
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.containment.exchanges import MOST_KEPT
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import (
    CAP_QUESTION,
    DEAD_LETTER_NOTICE,
    DELEGATIONS,
    EXPECTATIONS,
    PAUSE,
    POLICY_NOTICE,
)
from workers.domain.nudges import Scheduled
from workers.domain.policy.limits import MOST_NOTED
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.clock import Clock, SystemClock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Commit, Document, KnownStart, Said, ShownQuestion
from workers.domain.schema import Numbered
from workers.domain.starts.ahead.expectations import Expectations
from workers.domain.starts.canary import Canary
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import PastStart
from workers.domain.starts.vm import VmRecord, VmRef
from workers.store import keys
from workers.store.in_memory.inventory import MemoryInventory
from workers.store.in_memory.past import MemoryPast
from workers.store.log_lines import tell
from workers.store.retention import ONCE_TTL, SHOWN, due_of, label, shows

D = TypeVar("D", bound=Numbered)


class MemoryStore:
    """``workers.domain.ports.Store`` in a dict; one event loop, one process."""

    def __init__(self, clock: Clock | None = None, inventory: Inventory | None = None) -> None:
        self._clock = clock or SystemClock()
        self._past = MemoryPast(self._clock, inventory or MemoryInventory())
        self._documents: dict[str, Document] = {}
        self._once: dict[str, datetime] = {}
        self._due: dict[str, datetime] = {}
        self._unshown: dict[str, datetime] = {}
        self._audit: dict[int, list[AuditRecord]] = {}
        self._scheduled: dict[str, Scheduled] = {}
        self._turns: dict[str, datetime] = {}
        self._said: dict[str, dict[str, str]] = {}
        self._bursts: dict[str, tuple[datetime, dict[str, str], dict[str, str]]] = {}
        self._noted: dict[str, dict[str, datetime]] = {}
        self._exchanges: dict[str, tuple[str, ...]] = {}

    async def commit(self, commit: Commit) -> bool:
        """Write everything or nothing; see the port."""
        now = self._clock.now()
        keyed = [(keys.of(document), document) for document in commit.documents]
        for (partition, _), document in keyed:
            if partition != commit.partition:
                raise ValueError(
                    f"{label(document)} belongs to partition {partition}, not to {commit.partition}"
                )
        once = keys.once(commit.partition, commit.once) if commit.once else None
        if once is not None and self._once.get(once, now) > now:
            return False
        for (_, key), document in keyed:
            current = self._documents.get(key)
            if (current.version if current else 0) != document.version:
                raise Conflict(f"{label(document)} was changed by somebody else")
        self._check(commit)
        if once is not None:
            self._once[once] = now + ONCE_TTL
        for (_, key), document in keyed:
            self._write(key, document, now)
        for shown_id, version in commit.shown:
            current = self._documents.get(keys.by_id(shown_id))
            if current is None or current.version <= version:
                self._unshown.pop(shown_id, None)
        kept = (*self._exchanges.get(commit.exchanges_of, ()), *commit.exchanges)
        self._exchanges[commit.exchanges_of] = kept[-MOST_KEPT:]
        self._note_said(commit.said)
        self._audit.setdefault(commit.partition, []).extend(commit.audit)
        self._past.add(commit.past)
        tell(commit.audit)
        return True

    def _check(self, commit: Commit) -> None:
        for absent in commit.absent:
            if keys.by_id(absent) in self._documents:
                raise Conflict(f"{absent} exists")
        record = self._documents.get(keys.vm_record(commit.free)) if commit.free else None
        if isinstance(record, VmRecord) and not record.free:
            raise Conflict(f"{record.vm.key} is not free")

    def _write(self, key: str, document: Document, now: datetime) -> None:
        self._documents[key] = document.model_copy(update={"version": document.version + 1})
        if isinstance(document, SHOWN) and shows(document):
            self._unshown[document.id] = now
            due = due_of(document)
            if due is None:
                self._due.pop(document.id, None)
            else:
                self._due[document.id] = due

    async def approval(self, approval_id: str) -> Approval:
        """Raises ``NotFound`` if there is none."""
        return self._find(Approval, approval_id)

    async def known_start(self, approval_id: str, event: StartEvent) -> KnownStart:
        """Its approval, what is going on with its VM, and what was before."""
        found: Approval | None = None
        with contextlib.suppress(NotFound):
            found = await self.approval(approval_id)
        background = await self._past.background(event)
        known = background._replace(expected=await self.expectations())
        return KnownStart(found, await self.vm_record(event.vm), known)

    def note_of_caller(self, entry: PastStart) -> None:
        """Add to its caller's past."""
        self._past.note_of_caller(entry)

    async def past_of_caller(self, who: str) -> Sequence[PastStart]:
        """What this caller did."""
        return self._past.of_caller(who)

    async def past_of(self, vm: VmRef) -> Sequence[PastStart]:
        """What happened with this VM."""
        return self._past.of_vm(vm)

    async def aclose(self) -> None:
        """Nothing waits to be written."""

    async def shown_question(self, approval_id: str) -> ShownQuestion:
        """What its card is made of."""
        approval = await self.approval(approval_id)
        card, pause = await self.card(approval_id), await self.pause()
        return ShownQuestion(approval, card, pause, await self.delegations())

    async def containment(self, containment_id: str) -> Containment:
        """Raises ``NotFound`` if there is none."""
        return self._find(Containment, containment_id)

    async def lookup(self, lookup_id: str) -> Lookup:
        """Raises ``NotFound`` if there is none."""
        return self._find(Lookup, lookup_id)

    def _find(self, kind: type[D], document_id: str) -> D:
        try:
            found = self._documents.get(keys.by_id(document_id))
        except ValueError as error:
            raise NotFound(str(error)) from None
        if not isinstance(found, kind):
            raise NotFound(f"there is no {kind.document_kind} {document_id}")
        return found

    async def canary(self, canary_id: str) -> Canary:
        """Raises ``NotFound`` if there is none."""
        return self._find(Canary, canary_id)

    async def card(self, card_id: str) -> Card:
        """The card, or an empty one of version 0."""
        found = self._documents.get(keys.card(card_id))
        return found if isinstance(found, Card) else Card(id=card_id)

    async def policy_notice(self) -> PolicyNotice:
        """The notice, or an empty one of version 0."""
        found = self._documents.get(keys.by_id(POLICY_NOTICE))
        return found if isinstance(found, PolicyNotice) else PolicyNotice()

    async def dead_letter_notice(self) -> DeadLetterNotice:
        """The notice, or an empty one of version 0."""
        found = self._documents.get(keys.by_id(DEAD_LETTER_NOTICE))
        return found if isinstance(found, DeadLetterNotice) else DeadLetterNotice()

    async def report(self, report_id: str) -> PolicyReport:
        """Raises ``NotFound`` if there is none."""
        return self._find(PolicyReport, report_id)

    async def access_request(self, request_id: str) -> AccessRequest:
        """Raises ``NotFound`` if there is none."""
        return self._find(AccessRequest, request_id)

    async def pause(self) -> Pause:
        """The pause, or an empty one of version 0."""
        found = self._documents.get(keys.by_id(PAUSE))
        return found if isinstance(found, Pause) else Pause()

    async def cap_question(self) -> CapQuestion:
        """The question, or an empty one of version 0."""
        found = self._documents.get(keys.by_id(CAP_QUESTION))
        return found if isinstance(found, CapQuestion) else CapQuestion()

    async def expectations(self) -> Expectations:
        """The document, or an empty one of version 0."""
        found = self._documents.get(keys.by_id(EXPECTATIONS))
        return found if isinstance(found, Expectations) else Expectations()

    async def delegations(self) -> Delegations:
        """The document, or an empty one of version 0."""
        found = self._documents.get(keys.by_id(DELEGATIONS))
        return found if isinstance(found, Delegations) else Delegations()

    async def take_turn(
        self, containment_id: str, now: datetime, *, most: int, within: timedelta
    ) -> datetime | None:
        """Count it, or say when there is room again."""
        self._turns = {one: at for one, at in self._turns.items() if at > now - within}
        if containment_id in self._turns:
            return None
        if len(self._turns) < most:
            self._turns[containment_id] = now
            return None
        return min(self._turns.values()) + within

    def _note_said(self, said: Said | None) -> None:
        if said is not None:
            known = self._said.get(said.card_id, {})
            kept = {key: text for key, text in known.items() if key in said.shown}
            self._said[said.card_id] = kept | said.texts

    async def exchanges(self, containment_id: str) -> Sequence[str]:
        """What was exchanged with Azure for this containment."""
        return self._exchanges.get(containment_id, ())

    async def said(self, card_id: str) -> Mapping[str, str]:
        """What is remembered."""
        return self._said.get(card_id, {})

    async def vm_record(self, vm: VmRef) -> VmRecord:
        """The VM's record, or an empty one of version 0."""
        found = self._documents.get(keys.vm_record(vm))
        return found if isinstance(found, VmRecord) else VmRecord(vm=vm)

    async def past_due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids that had to be looked at by ``now``."""
        return _before(self._due, now, limit)

    async def unshown(self, before: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids changed before then and not shown yet."""
        return _before(self._unshown, before, limit)

    async def open_approvals(self) -> Sequence[str]:
        """Ids of all approvals that wait for an answer."""
        return [i for i in self._due if i.startswith("a")]

    async def standing(self) -> Sequence[str]:
        """Ids of all containments that hold a VM."""
        return [d.id for d in self._documents.values() if isinstance(d, Containment) and d.active]

    async def join_burst(self, start: BurstStart, *, leads: bool = False) -> Burst:
        """Note a start of a burst."""
        now = self._clock.now()
        until, known, texts = self._bursts.get(start.pair, (now, {}, {}))
        if now >= until:
            known, texts = {}, {}
        lead = start.approval_id if leads else known.get(start.look, start.approval_id)
        known, texts = {**known, start.look: lead}, {**texts, start.approval_id: start.text}
        self._bursts[start.pair] = (now + start.kept, known, texts)
        if not start.owner:
            return Burst.around(start, known, texts)
        noted = self._noted.get(start.owner, {}) | {start.approval_id: start.at}
        newest = sorted(noted, key=lambda one: (noted[one], one))[-MOST_NOTED:]
        self._noted[start.owner] = {one: noted[one] for one in newest}
        return Burst.around(start, known, texts, noted=len(newest))

    async def noted_of(self, owner: str) -> Sequence[str]:
        """The newest questions of this owner."""
        return tuple(self._noted.get(owner, ()))

    async def forget_noted(self, owner: str, approval_ids: Sequence[str]) -> None:
        """These are closed."""
        for one in approval_ids:
            self._noted.get(owner, {}).pop(one, None)

    async def note_scheduled(self, document_id: str, scheduled: Scheduled) -> Scheduled | None:
        """Remember a scheduled message in place of what is answered."""
        earlier = self._scheduled.get(document_id)
        self._scheduled[document_id] = scheduled
        return earlier

    async def scheduled(self, document_id: str) -> Scheduled | None:
        """What is remembered."""
        return self._scheduled.get(document_id)

    async def take_scheduled(self, document_id: str) -> Scheduled | None:
        """What was remembered, forgotten by this call."""
        return self._scheduled.pop(document_id, None)

    async def audit(self, partition: int, *, after: str = "", limit: int = 1000) -> Sequence[AuditRecord]:
        """Audit records of a partition, oldest first; ``after`` counts records here."""
        start = int(after or 0)
        return self._audit.get(partition, [])[start : start + limit]


def _before(times: dict[str, datetime], at: datetime, limit: int) -> list[str]:
    return [i for i, due in sorted(times.items(), key=lambda item: item[1]) if due <= at][:limit]
