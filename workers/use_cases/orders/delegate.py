"""Somebody answers in an owner's stead for a while: begun, ended, and looked up."""

from collections.abc import Callable
from datetime import datetime

from workers.domain.asking.access import AccessRequest, WantedDelegation
from workers.domain.asking.decisions import may_delegate
from workers.domain.asking.delegations import Delegation, Delegations
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.policy.ahead.settings import DelegatePolicy
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.conflicts import until_written
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.refuse import refuse_unless


class DelegateAnswers:
    """Does what ``/vm-delegate`` asks for."""

    def __init__(
        self, *, store: Store, clock: Clock, policy: Callable[[], Policy], second: AskSecond
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._second = second

    @property
    def takes_two(self) -> bool:
        """Whether somebody else has to approve it, so that it is asked for by ``ask``."""
        return self._second.needed

    async def begin(self, giver: Actor, to: Actor, until: datetime, reason: str = "") -> Delegation:
        """Have ``to`` answer in the stead of ``giver``, for whatever they own when it is asked.

        Raises:
            NotAllowed: the giver does not count; it is in the audit.
            TakesTwo: it takes two persons, so that one has to ``ask`` for it.
            NotYet: the policy has none, ``to`` does not count, or the end is too far; with the remedy.
        """
        await self._may(giver, to)
        self._second.refuse_alone()
        wanted = WantedDelegation(to=to, until=until, reason=reason.strip())

        async def write() -> Delegation:
            before, now = await self._store.delegations(), self._clock.now()
            after = delegating(before, giver, wanted, now, self._policy().delegate)
            await self._store.commit(delegation_begun(after, giver, now))
            return after.entries[-1]

        return await until_written(write)

    async def ask(self, giver: Actor, to: Actor, until: datetime, reason: str, *, via: str) -> AccessRequest:
        """Ask somebody of on-call for it; errors as those of ``begin``. Without a reason, too."""
        await self._may(giver, to)
        wanted = WantedDelegation(to=to, until=until, reason=reason.strip())
        before, now = await self._store.delegations(), self._clock.now()
        delegating(before, giver, wanted, now, self._policy().delegate)  # what can't be is said now
        return await self._second(giver, reason, via=via, delegates=wanted)

    async def _may(self, giver: Actor, to: Actor) -> None:
        await refuse_unless(
            may_delegate(giver),
            giver,
            store=self._store,
            clock=self._clock,
            kind="delegate.refused",
            wanted=to.label,
        )

    async def end(self, giver: Actor, to: str = "") -> tuple[Delegation, ...]:
        """End what this person has given, to all or to one (a Slack id). Answers those that it ended."""

        async def write() -> tuple[Delegation, ...]:
            before, now = await self._store.delegations(), self._clock.now()
            ended = tuple(one for one in before.given_by(giver.slack_user, now) if to in ("", one.to))
            if ended:
                after = before.ended(giver.slack_user, now, to)
                await self._store.commit(_written(after, "delegation.ended", giver, ended, now))
            return ended

        return await until_written(write)

    async def of(self, slack_user: str) -> tuple[Delegation, ...]:
        """What this person has given and was given."""
        found, now = await self._store.delegations(), self._clock.now()
        return (*found.given_by(slack_user, now), *found.given_to(slack_user, now))


def delegating(
    before: Delegations,
    giver: Actor,
    wanted: WantedDelegation,
    now: datetime,
    settings: DelegatePolicy,
    *,
    approved_by: str = "",
) -> Delegations:
    """All delegations, the last of which is what ``giver`` wants.

    Raises:
        NotYet: the policy has none, the other person does not count, or the end is too far; with the remedy.
    """
    if not settings.allowed:
        raise NotYet("The policy allows no delegations (delegate.allowed). Ask on-call to answer.")
    try:
        return before.begun(
            giver,
            wanted.to,
            now,
            wanted.until,
            settings.longest,
            reason=wanted.reason,
            approved_by=approved_by,
        )
    except ValueError as error:
        raise NotYet(f"{error}.") from None


def delegation_begun(after: Delegations, giver: Actor, now: datetime) -> Commit:
    """What is written of the last delegation."""
    return _written(after, "delegation.begun", giver, after.entries[-1:], now)


def _written(
    after: Delegations, kind: str, by: Actor, about: tuple[Delegation, ...], now: datetime
) -> Commit:
    records = tuple(
        AuditRecord(kind=kind, at=now, about=after.id, by=by.label, details=one.summary) for one in about
    )
    return Commit(partition=partition_of_id(after.id), documents=(after,), audit=records)
