"""Somebody answers in an owner's stead for a while: begun, ended, and looked up."""

from collections.abc import Callable
from datetime import datetime

from workers.domain.asking.decisions import may_delegate
from workers.domain.asking.delegations import Delegation, Delegations
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless


class DelegateAnswers:
    """Does what ``/vm-delegate`` asks for."""

    def __init__(self, *, store: Store, clock: Clock, policy: Callable[[], Policy]) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    async def begin(self, giver: Actor, to: Actor, until: datetime) -> Delegation:
        """Have ``to`` answer in the stead of ``giver``, for whatever they own when it is asked.

        Raises:
            NotAllowed: the giver does not count; it is in the audit.
            NotYet: the policy has none, ``to`` does not count, or the end is too far; with the remedy.
        """
        await refuse_unless(
            may_delegate(giver),
            giver,
            store=self._store,
            clock=self._clock,
            kind="delegate.refused",
            wanted=to.label,
        )
        settings = self._policy().delegate
        if not settings.allowed:
            raise NotYet("The policy allows no delegations (delegate.allowed). Ask on-call to answer.")

        async def write() -> Delegation:
            before, now = await self._store.delegations(), self._clock.now()
            try:
                after = before.begun(giver, to, now, until, settings.longest)
            except ValueError as error:
                raise NotYet(f"{error}.") from None
            begun = after.entries[-1]
            await self._commit(after, "delegation.begun", giver, [begun])
            return begun

        return await until_written(write)

    async def end(self, giver: Actor, to: str = "") -> tuple[Delegation, ...]:
        """End what this person has given, to all or to one (a Slack id). Answers those that it ended."""

        async def write() -> tuple[Delegation, ...]:
            before, now = await self._store.delegations(), self._clock.now()
            ended = tuple(one for one in before.given_by(giver.slack_user, now) if to in ("", one.to))
            if ended:
                after = before.ended(giver.slack_user, now, to)
                await self._commit(after, "delegation.ended", giver, list(ended))
            return ended

        return await until_written(write)

    async def of(self, slack_user: str) -> tuple[Delegation, ...]:
        """What this person has given and was given."""
        found, now = await self._store.delegations(), self._clock.now()
        return (*found.given_by(slack_user, now), *found.given_to(slack_user, now))

    async def _commit(self, after: Delegations, kind: str, by: Actor, about: list[Delegation]) -> None:
        records = tuple(
            AuditRecord(kind=kind, at=self._clock.now(), about=after.id, by=by.label, details=one.summary)
            for one in about
        )
        await self._store.commit(
            Commit(partition=partition_of_id(after.id), documents=(after,), audit=records)
        )
