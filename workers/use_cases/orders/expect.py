"""Starts that are expected: somebody announces them, lists them, or withdraws one."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from workers.domain.asking.access import AccessRequest, Owners
from workers.domain.asking.decisions import may_expect, may_withdraw_expectation
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound, NotYet
from workers.domain.ids import partition_of_id
from workers.domain.policy.ahead.settings import WhoExpects
from workers.domain.policy.cel.conditions import Condition, InvalidCondition
from workers.domain.policy.model import Policy, Rule, Verdict
from workers.domain.policy.reading.warnings import too_easy
from workers.domain.ports.clock import Clock
from workers.domain.ports.groups import Groups
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.ahead.expectations import Expectation, Expectations, expectation
from workers.domain.starts.ahead.windows import window
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.owners.tags_before import owner_change, tags_before
from workers.domain.starts.people import NO_SLACK, Actor, Owner
from workers.domain.starts.vm import KnownVm, VmRef
from workers.use_cases.conflicts import until_written
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.refuse import refuse_unless


class ExpectStarts:
    """Does what ``startgate expect`` and ``/vm-expect`` ask for.

    Whoever types at a command line holds the store's password, and could write there anyway: only people in
    Slack are asked for their permission.
    """

    def __init__(
        self, *, store: Store, clock: Clock, policy: Callable[[], Policy], second: AskSecond, groups: Groups
    ) -> None:
        self._groups = groups
        self._store = store
        self._clock = clock
        self._policy = policy
        self._second = second

    @property
    def takes_two(self) -> bool:
        """Whether somebody else has to approve it, so that it is asked for by ``ask``."""
        return self._second.needed

    async def may(self, actor: Actor, known: KnownVm | None, *, wanted: str) -> Actor:
        """Refuse whoever may not announce a start of this VM, with a record in the audit.

        Gives the person back, with those of its owner's user groups that they are in.

        Args:
            actor: who asks.
            known: the VM's line in the inventory, by whose tags they own it; ``None`` for a condition.
            wanted: what they typed, for the audit.

        Raises:
            NotAllowed: with who may.
        """
        owner, former, may = owners_of(known, self._policy(), self._clock.now())
        actor = await self._groups.of(actor, owner, former, now=True)
        await refuse_unless(
            may_expect(actor, owner, former, owners=may),
            actor,
            store=self._store,
            clock=self._clock,
            kind="expect.refused",
            wanted=wanted,
        )
        return actor

    async def announce(
        self,
        written: str,
        reason: str,
        *,
        by: str,
        vm: VmRef | None = None,
        when: str = "",
        caller: str = "",
        by_user: str = "",
        zone: tzinfo | None = None,
    ) -> Expectation:
        """Expect a start from now on.

        Args:
            written: the window, as ``windows.window`` reads it.
            reason: why, in their own words.
            by: who, for the audit and for cards.
            vm: the VM.
            when: a condition in its place.
            caller: an e-mail address or the id of an application or identity; empty for whoever it is.
            by_user: their Slack id.
            zone: of times of day; by default the policy's.

        Raises:
            NotYet: the window, the condition or the reason is none, or there are too many; with the remedy.
            TakesTwo: it takes two persons, so that one has to ``ask`` for it.
        """
        self._second.refuse_alone()
        _check(when)

        async def write() -> Expectation:
            added = self._expectation(
                written, reason, by=by, vm=vm, when=when, caller=caller, by_user=by_user, zone=zone
            )
            before, longest = await self._store.expectations(), self._policy().expect.longest
            await self._store.commit(expecting(before, added, self._clock.now(), longest))
            return added

        return await until_written(write)

    async def ask(
        self,
        written: str,
        reason: str,
        actor: Actor,
        *,
        via: str,
        vm: VmRef | None = None,
        when: str = "",
        caller: str = "",
        zone: tzinfo | None = None,
    ) -> AccessRequest:
        """Ask a second person for it; arguments and errors as those of ``announce``.

        Its window is that of this moment: what is approved is exactly what the second person was shown.
        """
        _check(when)
        user = "" if actor.slack_user.startswith(NO_SLACK) else actor.slack_user
        added = self._expectation(
            written, reason, by=actor.label, vm=vm, when=when, caller=caller, by_user=user, zone=zone
        )
        before, longest = await self._store.expectations(), self._policy().expect.longest
        expecting(before, added, self._clock.now(), longest)  # what can't be is said now
        return await self._second(actor, added.reason, via=via, expects=added)

    def _expectation(
        self,
        written: str,
        reason: str,
        *,
        by: str,
        vm: VmRef | None,
        when: str,
        caller: str,
        by_user: str,
        zone: tzinfo | None,
    ) -> Expectation:
        now = self._clock.now()
        try:
            span = window(written, now, zone or ZoneInfo(self._policy().expect.zone))
        except ValueError as error:
            raise NotYet(f"{error}.") from None
        return expectation(
            secrets.token_hex(3),
            span,
            by=by,
            reason=reason,
            at=now,
            vm=vm,
            when=when,
            caller=caller,
            by_user=by_user,
        )

    async def current(self) -> tuple[Expectation, ...]:
        """Those that have not ended."""
        return (await self._store.expectations()).current(self._clock.now())

    async def withdraw(self, expectation_id: str, *, by: str, actor: Actor | None = None) -> Expectation:
        """End one before its time.

        Args:
            expectation_id: which one.
            by: who, for the audit.
            actor: the person in Slack, who has to be allowed to; ``None`` at a command line.

        Raises:
            NotFound: there is none of this id, or it has ended.
            NotAllowed: with who may.
        """

        async def write() -> Expectation:
            before, now = await self._store.expectations(), self._clock.now()
            found = before.find(expectation_id, now)
            if found is None:
                raise NotFound(f"no start is expected under {expectation_id[:40]!r}")
            if actor is not None:
                permission = may_withdraw_expectation(actor, found.by_user)
                kind, wanted = "expect.refused", f"withdraw {found.id}"
                await refuse_unless(
                    permission, actor, store=self._store, clock=self._clock, kind=kind, wanted=wanted
                )
            await self._store.commit(
                _written(before.without(found.id, now), "expect.withdrawn", found, by, now)
            )
            return found

        return await until_written(write)


def owners_of(known: KnownVm | None, policy: Policy, now: datetime) -> Owners:
    """Who owns a VM whose start is to be expected, and whether owners may expect it at all.

    By the tags of now, and by those of a day ago: who is named only since then owns nothing.
    """
    names = policy.owner.tags
    may = policy.expect.who is WhoExpects.OWNERS and known is not None
    if known is None or not known.tags_known:
        nobody = Owner(source="the VM's tags are not known")
        return Owners(nobody, nobody, may)
    owner = owner_from_tags(known.tags, names, tags_known=True)
    change = owner_change(tags_before(known, known.tags, now), owner, names)
    return Owners(owner, change.former if change else owner, may)


def expecting(before: Expectations, added: Expectation, now: datetime, longest: timedelta) -> Commit:
    """What is written so that this start is expected.

    Raises:
        NotYet: it is too long, or there are too many; with the remedy.
    """
    try:
        after = before.with_one(added, now, longest)
    except ValueError as error:
        raise NotYet(f"{error}.") from None
    return _written(after, "expect.announced", added, added.by, now)


def _written(after: Expectations, kind: str, about: Expectation, by: str, now: datetime) -> Commit:
    record = AuditRecord(
        kind=kind,
        at=now,
        about=after.id,
        vm=about.vm.key if about.vm else "",
        by=by,
        details=about.summary,
    )
    return Commit(partition=partition_of_id(after.id), documents=(after,), audit=(record,))


def _check(when: str) -> None:
    """A condition is one of the policy's rules, and says enough of who or of which VM.

    Raises:
        NotYet: with what is wrong and the remedy.
    """
    if not when:
        return
    try:
        Condition(when)
    except InvalidCondition as invalid:
        raise NotYet(f"The condition is invalid: {invalid}.") from None
    for problem, remedy in too_easy(Rule.model_construct(name="expected", when=when, verdict=Verdict.PASS)):
        raise NotYet(f"The condition {problem}. {remedy}")
