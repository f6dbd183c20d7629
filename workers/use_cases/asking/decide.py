"""Somebody answers: may they, is it still open, and what follows? One decision wins."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer, Decision, Permission
from workers.domain.asking.joining import unseen
from workers.domain.asking.two_persons import ConfirmRequest
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Cause, CauseKind, Containment
from workers.domain.errors import AlreadyDecided, NeedsReason, Outdated
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.groups import Groups
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Document, Remembered, Store
from workers.domain.starts.past.entries import PastStart, What, of_answer
from workers.domain.starts.people import Actor
from workers.domain.starts.two_persons import not_the_second
from workers.telemetry.spans import following
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.closing import close_questions
from workers.use_cases.containment.request import request_containment, without
from workers.use_cases.refuse import refuse_unless, refuse_while_observing


class Decided(NamedTuple):
    """The approval as it now stands, the containment that a rejection set going, and what it withdrew."""

    approval: Approval
    containment: Containment | None = None
    withdrawn: tuple[Approval, ...] = ()


class Judged(NamedTuple):
    """A question, and who wants to answer it.

    Attributes:
        approval: the question.
        actor: the person, with those of its owner's groups that they are in.
        in_stead_of: the owner who has delegated it to them, if they may not by themselves.
    """

    approval: Approval
    actor: Actor
    in_stead_of: Actor | None = None


class Decide:
    """Records answers.

    Args:
        store: where questions and delegations are.
        nudger: tells the workers and the bot.
        clock: dates answers.
        groups: who is in the groups that own a VM.
        observes: whether the policy only observes; nobody answers then.
        person: who somebody is now, by their Slack id, so that nobody answers for a person who does not count
            any more. ``None`` where Slack is not at hand: they are as they were when they delegated it.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        groups: Groups,
        observes: Callable[[], bool],
        person: Callable[[str], Awaitable[Actor]] | None,
    ) -> None:
        self._groups = groups
        self._observes = observes
        self._store = store
        self._person = person
        self._nudger = nudger
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._clock = clock

    async def may(self, answer: Answer, approval_id: str, actor: Actor) -> Approval:
        """The approval, if this person may give this answer to it now. Also called before a dialog opens.

        Raises:
            NotAllowed: they may not; it is in the audit.
            AlreadyDecided: somebody else was faster.
            OnlyObserving: nobody is asked, as long as the policy only observes.
            NotFound: no such approval.
        """
        return (await self._may(answer, approval_id, actor)).approval

    async def permitted(self, answer: Answer, approval_id: str, actor: Actor) -> Judged:
        """The approval, open or not, and the person as the workers will judge them again.

        Raises:
            NotAllowed: they may not give this answer; it is in the audit.
            OnlyObserving: nobody is asked, as long as the policy only observes.
            NotFound: no such approval.
        """
        approval = await self._store.approval(approval_id)
        actor = await self._with_groups(answer, approval, actor)
        permission, giver = approval.permits(answer, actor), None
        if not permission.allowed and not actor.barred:
            permission, giver = await self._in_stead(answer, approval, actor, permission)
        await refuse_unless(
            permission,
            actor,
            store=self._store,
            clock=self._clock,
            kind="decision.refused",
            about=approval,
            answer=str(answer),
        )
        refuse_while_observing(self._observes)
        return Judged(approval, actor, giver)

    async def _with_groups(self, answer: Answer, approval: Approval, actor: Actor) -> Actor:
        """The person with those of the owner's groups that they are in."""
        owners = [one for one in (approval.owner, approval.owner_before) if one is not None]
        if not any(owner.groups for owner in owners):
            return actor
        return await self._groups.of(actor, *owners, now=answer is Answer.CONFIRM)

    async def _in_stead(
        self, answer: Answer, approval: Approval, actor: Actor, refused: Permission
    ) -> tuple[Permission, Actor | None]:
        """Whether somebody has delegated it to them; else why not, or why they may not by themselves."""
        delegations = await self._store.delegations()
        for one in delegations.given_to(actor.slack_user, self._clock.now()):
            giver = one.as_giver
            if self._person is not None:
                giver = (await self._person(one.giver)).changed(on_call=False)
            giver = await self._with_groups(answer, approval, giver)
            if not giver.owns(approval.owner):
                continue
            permission = approval.permits_for(answer, actor, giver)
            if permission.allowed:
                return permission, giver
            refused = permission
        return refused, None

    async def _may(self, answer: Answer, approval_id: str, actor: Actor) -> Judged:
        judged = await self.permitted(answer, approval_id, actor)
        if not judged.approval.open or (answer is Answer.CONFIRM and not judged.approval.asks):
            raise AlreadyDecided(judged.approval.outcome())
        return judged

    async def __call__(
        self,
        answer: Answer,
        approval_id: str,
        actor: Actor,
        *,
        shown: int = 1,
        reason: str = "",
        via: str = "card",
        words: str = "",
        since: datetime | None = None,
    ) -> Decided:
        """Confirm or reject. A rejection and its containment are one write.

        Where it takes two persons to confirm, the first one asks for it: the question stays open.

        A rejection contains the VM, whoever started it; one in the guarded set is left to on-call, and
        nothing is written to Azure. A confirmation covers what its giver was shown.

        Args:
            answer: what they say.
            approval_id: the question.
            actor: who answers; their permission is checked again here.
            shown: how many starts the question asked about when they were shown it.
            reason: their own words.
            via: where they answered, for the audit.
            words: the reply that was understood as this answer.
            since: when they gave it, if that was before: so long ago a second person was asked for, too, and
                what was asked for by one press has one time.

        Raises:
            NotAllowed, AlreadyDecided, NotFound: as ``may`` does.
            Outdated: somebody else has started the VM, too, since they were shown it.
            NeedsReason: it is a confirmation at high risk, without a reason.
        """

        async def attempt() -> Decided:
            approval, known, giver = await self._may(answer, approval_id, actor)
            if answer is Answer.CONFIRM and unseen(approval, shown):
                raise Outdated(
                    f"Somebody else has started {approval.event.vm.name}, too, since this was shown."
                )
            if answer is Answer.CONFIRM:
                await self._refuse_the_first(approval, known)
            if answer is Answer.CONFIRM and approval.needs_reason and not reason.strip():
                raise NeedsReason("This start is of high risk. Confirm it with the button, and say why.")
            decision = Decision(
                answer=answer,
                by=known,
                at=self._clock.now(),
                via=via,
                reason=reason.strip(),
                words=words,
                in_stead_of=giver,
            )
            with following("answer", approval.trace, approval=approval_id):
                if decision.confirms and approval.terms.second_within is not None:
                    return await self._by_two(approval, decision, shown, since or decision.at)
                return await self._write(approval, decision)

        decided = await until_written(attempt)
        with following("tell of the answer", decided.approval.trace, approval=approval_id):
            if await after_write(approval_id, lambda: self._nudge(decided)):
                for closed in (decided.approval, *decided.withdrawn):
                    await self._deadlines.clear(closed.id)
                if decided.approval.due_at() is not None:
                    await self._deadlines.set(decided.approval, version=decided.approval.version + 1)
        return decided

    async def _nudge(self, decided: Decided) -> None:
        approval, containment, withdrawn = decided
        if containment is not None:
            # Work on the VM comes before telling people.
            await self._nudger.work(
                Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version + 1)
            )
        await self._nudger.notices(
            *(
                Nudge(subject=Subject.APPROVAL, id=closed.id, version=closed.version + 1)
                for closed in (approval, *withdrawn)
            )
        )

    async def _by_two(self, approval: Approval, decision: Decision, shown: int, at: datetime) -> Decided:
        """Confirm what somebody else asked for, or ask for it. It stands as long as they could still confirm.

        Raises:
            NotAllowed: the same person asked for it.
        """
        request = self._standing(approval)
        if request is None:
            return await self._ask_for_second(approval, decision, shown, at)
        return await self._write(approval, decision.changed(requested=request))

    def _standing(self, approval: Approval) -> ConfirmRequest | None:
        """What the first of two persons asked for, as long as they could still confirm it themselves."""
        request = approval.waits_for_second
        if approval.terms.second_within is None or request is None:
            return None
        stands = (
            request.in_time(self._clock.now())
            and not unseen(approval, request.shown)
            and approval.permits(Answer.CONFIRM, request.by).allowed
        )
        return request if stands else None

    async def _refuse_the_first(self, approval: Approval, actor: Actor) -> None:
        """Whoever asked for a second person is none; told before they are asked for a reason."""
        request = self._standing(approval)
        refusal = not_the_second(request.by, actor, "this confirmation") if request is not None else ""
        await refuse_unless(
            Permission(allowed=not refusal, reason=refusal),
            actor,
            store=self._store,
            clock=self._clock,
            kind="decision.refused",
            about=approval,
            answer=str(Answer.CONFIRM),
        )

    async def _ask_for_second(
        self, approval: Approval, decision: Decision, shown: int, at: datetime
    ) -> Decided:
        request = ConfirmRequest(
            by=decision.by,
            at=at,
            reason=decision.reason,
            expires_at=at + (approval.terms.second_within or timedelta()),
            shown=shown,
        )
        asked = approval.requested(request)
        record = AuditRecord(
            kind="approval.confirm-requested",
            at=decision.at,
            about=approval.id,
            vm=approval.event.vm.key,
            by=decision.by.label,
            details={
                "via": decision.via,
                "reason": decision.reason,
                "starts": approval.starts,
                "expires_at": request.expires_at.isoformat(),
            },
        )
        await self._store.commit(
            Commit(partition=partition_of_id(approval.id), documents=(asked,), audit=(record,))
        )
        return Decided(asked)

    async def _write(self, approval: Approval, decision: Decision) -> Decided:
        vm = approval.event.vm
        documents: tuple[Document, ...]
        containment: Containment | None = None
        withdrawn: tuple[Approval, ...] = ()
        records: tuple[AuditRecord, ...] = ()
        if decision.confirms or approval.guarded:  # of a guarded VM, a rejection is on-call's to act on
            decided = approval.decided(decision)
            record = without(await self._store.vm_record(vm), approval)
            documents = (decided, record)
        else:
            cause = Cause(
                kind=CauseKind.REJECTION,
                at=decision.at,
                by=decision.by,
                reason=decision.reason,
                approval_id=approval.id,
            )
            request = await request_containment(
                self._store,
                vm,
                cause,
                approval.terms.lockdown,
                now=decision.at,
                plan=approval.plan,
                grace=approval.terms.grace,
            )
            by = decision.by.name or decision.by.email or "somebody"
            closing = await close_questions(
                self._store,
                request,
                f"another start of this VM was rejected by {by}",
                at=decision.at,
                by=decision.by.label,
                answered=approval.id,
            )
            containment, withdrawn, records = closing.containment, closing.withdrawn, closing.audit
            decided = approval.decided(decision, containment_id=containment.id)
            documents = (decided, *closing.documents)
        await self._store.commit(
            Commit(
                partition=partition_of_id(approval.id),
                documents=documents,
                audit=(
                    AuditRecord(
                        kind=f"approval.{decided.state.lower()}",
                        at=decision.at,
                        about=approval.id,
                        vm=vm.key,
                        by=decision.by.label,
                        details={
                            "via": decision.via,
                            "reason": decision.reason,
                            "starts": approval.starts,
                            "on_call": decision.by.on_call,
                            "owner": decision.by.owns(approval.owner),
                            **({"in_stead_of": decision.in_stead_of.label} if decision.in_stead_of else {}),
                            "containment": containment.id if containment else None,
                            **({"guarded": approval.guarded} if approval.guarded else {}),
                            **({"words": decision.words} if decision.words else {}),
                            **_first_person(decision),
                        },
                    ),
                    *records,
                ),
                past=Remembered(vm, _remembered(decided, decision)),
            )
        )
        return Decided(decided, containment, withdrawn)


def _remembered(approval: Approval, decision: Decision) -> PastStart:
    what = What.CONFIRMED if decision.confirms else What.REJECTED
    by = decision.by.name or decision.by.email
    return of_answer(what, decision.at, approval.id, approval.event, by)


def _first_person(decision: Decision) -> dict[str, str]:
    """For the audit: who asked for what took two persons, when and why."""
    request = decision.requested
    if request is None:
        return {}
    said = {"requested_by": request.by.label, "requested_at": request.at.isoformat()}
    return {**said, "requested_because": request.reason} if request.reason else said
