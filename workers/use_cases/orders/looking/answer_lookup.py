"""Answers what the bot asks the workers to look at in Azure. Reads, and changes nothing there."""

import structlog

from workers.domain.asking.decisions import Answer, Permission
from workers.domain.containment.foresight.lookups import Foresight, Lookup, LookupKind
from workers.domain.errors import Conflict, NotFound, StartgateError
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.azure.returns import ReturnReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.orders.looking.foresee import Foresee
from workers.use_cases.orders.looking.look_up import may_look
from workers.use_cases.orders.looking.rehearse import Rehearse

log = structlog.get_logger(__name__)


class AnswerLookup:
    """Answers a question."""

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        foresee: Foresee,
        rehearse: Rehearse,
        returns: ReturnReader,
        clock: Clock,
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._foresee = foresee
        self._rehearse = rehearse
        self._returns = returns
        self._clock = clock

    async def __call__(self, lookup_id: str) -> None:
        """Look, write down what was found, and have the bot show it. Duplicates find nothing to do.

        Raises:
            NotFound: there is no such question, or no longer.
            DependencyAway: the store does not answer. Azure being away is an answer.
        """
        lookup = await self._store.lookup(lookup_id)
        if not lookup.waits(self._clock.now()):
            return
        answer = await self._answer(lookup)
        try:
            await self._store.commit(Commit(partition=partition_of_id(lookup.id), documents=(answer,)))
        except Conflict:
            log.info("a question was answered elsewhere", lookup=lookup.id)
            return
        await self._nudger.notices(Nudge(subject=Subject.LOOKUP, id=lookup.id, version=answer.version + 1))

    async def _answer(self, lookup: Lookup) -> Lookup:
        permission = await self._permission(lookup)
        if not permission.allowed:
            return lookup.failed_because(self._clock.now(), permission.reason)
        try:
            if lookup.restore is not None:
                containment = await self._store.containment(lookup.restore.containment_id)
                returns = tuple(await self._returns.read(containment))
                return lookup.returning(self._clock.now(), returns)
            found = await self._look(lookup)
        except StartgateError as error:
            return lookup.failed_because(self._clock.now(), error.diagnostics())
        return lookup.answered(self._clock.now(), found)

    async def _permission(self, lookup: Lookup) -> Permission:
        """Whether whoever asked may know, by what is on record."""
        if lookup.kind is not LookupKind.REJECTION:
            return may_look(lookup.kind, lookup.by)
        try:
            approval = await self._store.approval(lookup.approval_id)
        except NotFound:
            return Permission(allowed=False, reason="There is no such question any more.")
        if approval.event.vm.key != lookup.vm.key:
            return Permission(allowed=False, reason="The question is about another VM.")
        return approval.permits(Answer.REJECT, lookup.by)

    async def _look(self, lookup: Lookup) -> Foresight:
        if lookup.kind is LookupKind.DRILL:
            drill = await self._rehearse(lookup.vm, lookup.profile)
            return Foresight(plan=drill.plan, missing=drill.missing, drill=drill, guarded=drill.guarded)
        foreseen = await self._foresee(lookup.vm, lookup.profile)
        return Foresight(plan=foreseen.plan, missing=foreseen.facts.missing, guarded=foreseen.guarded)
