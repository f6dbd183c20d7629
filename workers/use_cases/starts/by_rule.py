"""A rule of the policy has a VM contained without asking: the start is put on record, and people are told."""

from collections.abc import Sequence
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.terms import steps_by_rule
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Cause, CauseKind, Containment
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Document, Store
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.containment.closing import close_questions
from workers.use_cases.containment.request import request_containment

_CONTAINS = "the rule {rule} contains this VM without asking"
_GUARDED = "the rule {rule} contains this VM, but the policy never does ({guard}), so on-call was told"
_ANOTHER = "another start of this VM has it contained, by the rule {rule}"


class Ruled(NamedTuple):
    """What has to be written. There is no containment of a VM in the guarded set: on-call is told instead."""

    approval: Approval
    containment: Containment | None
    documents: tuple[Document, ...]
    withdrawn: tuple[Approval, ...] = ()
    audit: tuple[AuditRecord, ...] = ()


class ByRule:
    """Contains VMs on the word of a rule."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)

    async def ruled(self, start: Approval) -> Ruled:
        """The start with its containment. The VM's open questions are withdrawn, as by a rejection."""
        now, rule = self._clock.now(), start.terms.rule
        if start.guarded:
            because = _GUARDED.format(rule=rule, guard=start.guarded)
            told = start.changed(closed_at=now, closed_because=because)
            return Ruled(told, None, (told,))
        because = _CONTAINS.format(rule=rule)
        request = await request_containment(
            self._store,
            start.event.vm,
            Cause(kind=CauseKind.RULE, at=now, reason=because, approval_id=start.id),
            start.terms.lockdown.changed(steps=steps_by_rule(start.terms)),
            now=now,
            plan=start.plan,
        )
        closing = await close_questions(
            self._store, request, _ANOTHER.format(rule=rule), at=now, answered=start.id
        )
        ruled = start.changed(closed_at=now, closed_because=because, containment_id=closing.containment.id)
        documents = (ruled, *closing.documents)
        return Ruled(ruled, closing.containment, documents, closing.withdrawn, closing.audit)

    async def announce(self, ruled: Ruled) -> None:
        """After the write. If the process dies before, the resync does this."""
        if ruled.containment is not None:
            version = ruled.containment.version + 1
            await self._nudger.work(
                Nudge(subject=Subject.CONTAINMENT, id=ruled.containment.id, version=version)
            )
        await self._nudger.notices(*_shown([ruled.approval, *ruled.withdrawn]))
        for one in ruled.withdrawn:
            await self._deadlines.clear(one.id)


def _shown(approvals: Sequence[Approval]) -> list[Nudge]:
    return [Nudge(subject=Subject.APPROVAL, id=one.id, version=one.version + 1) for one in approvals]
