"""A further start of a VM whose question is open joins it: one question a VM, and nobody is asked twice."""

from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.joining import pointless, with_failed, with_start
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.rules import Ruling
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.past.entries import of_event
from workers.domain.starts.vm import VmRecord
from workers.use_cases.asking.assess import Assess
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.asking.withdraw import Withdraw
from workers.use_cases.conflicts import until_written
from workers.use_cases.starts.record import start_record
from workers.use_cases.starts.tellings import with_later


class Joined(NamedTuple):
    """What has to be written, and the question with the start in it.

    If the question was answered meanwhile, the commit meets a conflict.
    """

    commit: Commit
    question: Approval


class Join:
    """Has starts join the open question of their VM."""

    def __init__(self, *, store: Store, nudger: Nudger, assess: Assess, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._assess = assess
        self._clock = clock
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._withdraw = Withdraw(store=store, nudger=nudger, clock=clock)

    async def open_question(self, record: VmRecord, start: Approval) -> Approval | None:
        """The open question that this start joins; the newest, where an earlier version asked several.

        A start that is only announced joins a question, or else the VM's open announcement. One that is asked
        about joins no announcement: its own card has the buttons, and its deadlines.
        """
        announced: Approval | None = None
        for approval_id in reversed(record.open_approvals):
            try:
                approval = await self._store.approval(approval_id)
            except NotFound:
                continue
            if approval.asks:
                return approval
            if approval.open and not start.asks:
                announced = announced or approval
        return announced

    def joining(
        self, question: Approval, start: Approval, ruling: Ruling, *, once: str | None, first: Approval | None
    ) -> Joined:
        """The start as part of the question.

        Args:
            question: the open one, as read.
            start: the start's own approval, which is not written yet.
            ruling: what the rules say of it.
            once: a key that must be new.
            first: another start whose correlation id it carries.
        """
        now = self._clock.now()
        grown = with_start(question, start, now)
        if grown.terms.lockdown != question.terms.lockdown or grown.facts != question.facts:
            plan = self._assess.plan(grown.event.vm, grown.facts, grown.terms.lockdown, now)
            grown = grown.changed(plan=plan)
        if first is not None and first.id == question.id:
            grown, first = grown.changed(later=with_later(question, start.id)[0].later), None
        joined = start.joins(question.id, now)
        opened = start_record("approval.joined", start.event, now, joined, ruling)
        details = {**opened.details, "start": start.id, "starts": grown.starts}
        commit = Commit(
            partition=partition_of_id(question.id),
            documents=(grown, joined, *with_later(first, start.id)),
            audit=(opened.changed(about=question.id, details=details),),
            once=once,
            past=Remembered(start.event.vm, of_event(start.event)),
        )
        return Joined(commit, grown)

    async def announce(self, before: Approval | None, question: Approval) -> None:
        """After the write: the card shows it, and the question is looked at in time."""
        version = question.version + 1
        await self._nudger.notices(Nudge(subject=Subject.APPROVAL, id=question.id, version=version))
        if before is None or question.due_at() != before.due_at():
            await self._deadlines.set(question, version=version)

    async def failed(self, start: Approval) -> bool:
        """This start has failed, which is noted in it. Withdraw the question if all that it asks about have.

        Returns:
            Whether it was withdrawn.
        """
        question_id = start.joined_to or start.id
        if start.joined_to is not None:
            noted = await until_written(lambda: self._note_failed(question_id, start.id))
            if noted is not None:
                await self.announce(noted, noted)
        return await self._withdraw(question_id, "the start failed", only_if=pointless)

    async def _note_failed(self, question_id: str, start_id: str) -> Approval | None:
        question = await self._store.approval(question_id)
        noted = with_failed(question, start_id)
        if not question.open or noted == question:
            return None
        await self._store.commit(Commit(partition=partition_of_id(question_id), documents=(noted,)))
        return noted
