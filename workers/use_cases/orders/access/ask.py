"""The first of two persons asks for what would give a right away, or turn the guard down."""

from collections.abc import Callable

from workers.domain.asking.access import AccessRequest, WantedDelegation, WantedPause
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet, TakesTwo
from workers.domain.ids import access_id, partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.people import Actor
from workers.domain.starts.two_persons import Request
from workers.use_cases.after_write import after_write


class AskSecond:
    """Writes such requests down.

    Args:
        store: takes them.
        clock: dates them.
        policy: says whether it takes two persons, and how long a request can be approved.
        nudger: has them shown, and looked at when their time is over. Without it, the resync does.
    """

    def __init__(
        self, *, store: Store, clock: Clock, policy: Callable[[], Policy], nudger: Nudger | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._nudger = nudger

    @property
    def needed(self) -> bool:
        """Whether it takes two persons."""
        return self._policy().two_person.access

    def refuse_alone(self) -> None:
        """Refuse to do at one person's word what takes two.

        Raises:
            TakesTwo: it does.
        """
        if self.needed:
            raise TakesTwo(
                "The policy wants two persons for this (two_person: access). Ask for it in Slack, or sign in "
                "at the command line."
            )

    async def __call__(
        self,
        by: Actor,
        reason: str,
        *,
        via: str,
        expects: Expectation | None = None,
        delegates: WantedDelegation | None = None,
        pauses: WantedPause | None = None,
    ) -> AccessRequest:
        """Write it down, and have a second person asked. Nothing else changes yet.

        Args:
            by: who asks. That they may is for the caller to see to; it is looked at again at the approval.
            reason: their own words, for the second person.
            via: where they asked, for the audit.
            expects: a start that is to be expected; else
            delegates: a delegation; else
            pauses: a pause.

        Raises:
            NotYet: it gives no reason, by which somebody else could judge it.
        """
        if not reason.strip():
            raise NotYet("A second person decides by your reason. Say why.")
        now, within = self._clock.now(), self._policy().two_person.expire_after
        asked = AccessRequest(
            id=access_id(),
            request=Request(by=by, at=now, reason=reason.strip(), expires_at=now + within),
            expects=expects,
            delegates=delegates,
            pauses=pauses,
        )
        record = AuditRecord(
            kind="access.requested",
            at=now,
            about=asked.id,
            vm=asked.vm_key,
            by=by.label,
            details={
                **asked.summary,
                "reason": asked.request.reason,
                "via": via,
                "expires_at": asked.request.expires_at.isoformat(),
            },
        )
        await self._store.commit(
            Commit(partition=partition_of_id(asked.id), documents=(asked,), audit=(record,))
        )
        asked = asked.changed(version=asked.version + 1)
        await after_write(asked.id, lambda: self._nudge(asked))
        return asked

    async def _nudge(self, asked: AccessRequest) -> None:
        if self._nudger is None:
            return
        nudge = Nudge(subject=Subject.ACCESS, id=asked.id, version=asked.version)
        await self._nudger.notices(nudge)
        await self._nudger.work(nudge.changed(due=asked.request.expires_at))
