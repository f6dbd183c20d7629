"""The safety net: whatever should have been looked at by now is nudged again.

So a crash between a write and its nudge, or a lost message, costs a delay and nothing else.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.containment import Containment
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=5)
"""Younger changes are on their way by their own nudge."""

Shown = Approval | Containment | DeadLetterNotice | CapQuestion | PolicyNotice | PolicyReport | AccessRequest
"""What has cards."""

_MOST = 1000
"""Far more than are overdue at once, so that what must wait (Slack is away) doesn't crowd out other work."""


class Resynced(NamedTuple):
    """How many documents were nudged."""

    overdue: int
    unshown: int


class Resync:
    """Run by every worker. Several at the same time do no harm: a nudge too many finds nothing to do."""

    name = "resync"

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock, period_s: float = 30.0) -> None:
        self.period_s = period_s
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self) -> Resynced:
        """Nudge what is past due, and what no card shows yet."""
        before = self._clock.now() - GRACE
        overdue = await self._nudges(await self._store.past_due(before, limit=_MOST))
        unshown = await self._nudges(await self._store.unshown(before, limit=_MOST))
        await self._nudger.work(*overdue)
        await self._nudger.notices(*unshown)
        return Resynced(len(overdue), len(unshown))

    async def _nudges(self, ids: Sequence[str]) -> list[Nudge]:
        found: list[Nudge] = []
        for document_id in ids:
            try:
                document = await self._read(document_id)
            except NotFound:
                continue
            except (NewerDocument, ValidationError) as error:
                # A newer version's document, which its own processes nudge, or a broken one: it must not
                # hold the others up.
                log.warning("a document can't be read", id=document_id, error=str(error)[:300])
                continue
            found.append(Nudge(subject=_subject(document), id=document_id, version=document.version))
        return found

    async def _read(self, document_id: str) -> Shown:
        store = self._store
        if document_id.startswith("n"):
            return await store.dead_letter_notice()
        if document_id.startswith("k"):
            return await store.cap_question()
        if document_id.startswith("f"):
            return await store.policy_notice()
        by_id: dict[str, Callable[[str], Awaitable[Shown]]] = {
            "a": store.approval,
            "o": store.report,
            "g": store.access_request,
        }
        return await by_id.get(document_id[:1], store.containment)(document_id)


def _subject(document: Shown) -> Subject:
    if isinstance(document, DeadLetterNotice):
        return Subject.NOTICE
    if isinstance(document, PolicyReport):
        return Subject.REPORT
    if isinstance(document, CapQuestion):
        return Subject.CAP
    if isinstance(document, AccessRequest):
        return Subject.ACCESS
    if isinstance(document, PolicyNotice):
        return Subject.POLICY
    return Subject.APPROVAL if isinstance(document, Approval) else Subject.CONTAINMENT
