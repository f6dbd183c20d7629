"""An owner says that a VM is not theirs: somebody else is asked, or on-call. The deadlines stay."""

from collections.abc import Callable
from datetime import datetime

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Permission
from workers.domain.asking.passing import PassedOn, not_the_next
from workers.domain.audit import AuditRecord
from workers.domain.errors import AlreadyDecided, NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.groups import Groups
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless


def _only_asked(actor: Actor) -> str:
    return " ".join(filter(None, ["Only whom this asks can pass it on.", actor.doubt]))


class PassOn:
    """Does what *Not mine* asks for.

    Args:
        groups: who is in the user groups that own a VM.
    """

    def __init__(
        self, *, store: Store, nudger: Nudger, clock: Clock, policy: Callable[[], Policy], groups: Groups
    ) -> None:
        self._groups = groups
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._policy = policy

    async def may(self, approval_id: str, actor: Actor) -> Approval:
        """The question, if this person may pass it on: whom it asks, and on-call.

        Raises:
            NotAllowed: they may not; it is in the audit.
            AlreadyDecided: it is closed.
            NotFound: there is no such question.
        """
        approval = await self._store.approval(approval_id)
        # Whoever is named can confirm: so it counts what Slack says now, as for a confirmation.
        actor = await self._groups.of(actor, approval.answerers, now=True)
        asked = actor.owns(approval.answerers) or actor.on_call
        await refuse_unless(
            Permission(asked and not actor.barred, actor.barred or _only_asked(actor)),
            actor,
            store=self._store,
            clock=self._clock,
            kind="passing.refused",
            about=approval,
        )
        if not approval.asks:
            raise AlreadyDecided(approval.outcome())
        return approval

    async def may_to(self, approval_id: str, actor: Actor, to: Actor | None) -> tuple[Approval, PassedOn]:
        """The question, and how it would be passed on to this person now; with ``None``, to on-call.

        Raises:
            NotAllowed, AlreadyDecided, NotFound: as ``may`` does.
            NotYet: it can't go to this person; the message says why.
        """
        approval = await self.may(approval_id, actor)
        why_not = ""
        if to is not None:
            risky = approval.risky_callers
            why_not = not_the_next(approval.passed, actor, to, approval.callers, risky=risky)
        if why_not:
            await self._note(approval, "passing.impossible", actor, to, why_not)
            raise NotYet(why_not)
        return approval, PassedOn(by=actor, to=to, at=self._clock.now(), tag=self._tag(approval))

    async def __call__(
        self, approval_id: str, actor: Actor, to: Actor | None, *, since: datetime | None = None
    ) -> Approval:
        """Pass it on to this person; with ``None``, to on-call.

        Args:
            approval_id: the question.
            actor: who says that the VM is not theirs.
            to: whom they name.
            since: when they said so, if that was before. What they said at that time is done once.

        Raises:
            NotAllowed, AlreadyDecided, NotFound, NotYet: as ``may_to`` does.
        """

        async def attempt() -> Approval:
            before = await self._store.approval(approval_id)
            if any((one.at, one.by.slack_user) == (since, actor.slack_user) for one in before.passed):
                return before
            approval, step = await self.may_to(approval_id, actor, to)
            after = approval.passed_on(step if since is None else step.changed(at=since))
            await self._store.commit(
                Commit(
                    partition=partition_of_id(approval.id),
                    documents=(after,),
                    audit=(self._record(approval, "approval.passed_on", actor, to),),
                )
            )
            return after

        after = await until_written(attempt)
        nudge = Nudge(subject=Subject.APPROVAL, id=approval_id, version=after.version + 1)
        await after_write(approval_id, lambda: self._nudger.notices(nudge))
        return after

    def _tag(self, approval: Approval) -> str:
        """The tag that named the owner, or else the first that the policy looks at."""
        kind, _, tag = approval.owner.source.partition(" ")
        tags = self._policy().owner.tags
        return tag if kind == "tag" and tag in tags else next(iter(tags), "")

    async def _note(self, approval: Approval, kind: str, actor: Actor, to: Actor | None, why: str) -> None:
        record = self._record(approval, kind, actor, to)
        record = record.model_copy(update={"details": {**record.details, "because": why}})
        await self._store.commit(Commit(partition=partition_of_id(approval.id), audit=(record,)))

    def _record(self, approval: Approval, kind: str, actor: Actor, to: Actor | None) -> AuditRecord:
        return AuditRecord(
            kind=kind,
            at=self._clock.now(),
            about=approval.id,
            vm=approval.event.vm.key,
            by=actor.label,
            details={"to": to.label if to else "on-call", "hops": len(approval.passed) + 1},
        )
