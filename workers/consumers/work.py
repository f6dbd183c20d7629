"""The queue ``work``: look at an approval, a containment, a question or a request again."""

import structlog
from structlog.contextvars import bound_contextvars

from workers.domain.errors import NewerDocument, NotFound
from workers.domain.messages import Complete, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.use_cases.asking.expire import LookAtApproval
from workers.use_cases.containment.contain import Contain
from workers.use_cases.orders.access.expire import ExpireAccess
from workers.use_cases.orders.looking.answer_lookup import AnswerLookup
from workers.use_cases.read_nudge import put_off, read_nudge

log = structlog.get_logger(__name__)


class WorkConsumer:
    """Takes nudges."""

    def __init__(
        self,
        *,
        look_at_approval: LookAtApproval,
        contain: Contain,
        answer_lookup: AnswerLookup,
        expire_access: ExpireAccess,
    ) -> None:
        self._look_at_approval = look_at_approval
        self._contain = contain
        self._answer_lookup = answer_lookup
        self._expire_access = expire_access

    async def __call__(self, message: Message) -> Settlement:
        """Look at what the nudge names. A nudge is never proof of anything: the store is."""
        nudge = read_nudge(message)
        if not isinstance(nudge, Nudge):
            return nudge
        try:
            with bound_contextvars(**{str(nudge.subject): nudge.id}):
                match nudge.subject:
                    case Subject.APPROVAL:
                        await self._look_at_approval(nudge.id)
                    case Subject.CONTAINMENT:
                        await self._contain(nudge.id)
                    case Subject.LOOKUP:
                        await self._answer_lookup(nudge.id)
                    case Subject.ACCESS:
                        await self._expire_access(nudge.id)
        except NotFound:
            # Kept for a configured time and then gone; a nudge older than that has nothing to do.
            log.info("nothing to look at", subject=str(nudge.subject), id=nudge.id)
        except NewerDocument as newer:
            return put_off(message, newer)
        return Complete()
