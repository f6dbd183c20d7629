"""Documents as they are in Redis: each read alone, or those that belong together at once."""

import contextlib
from collections.abc import Sequence
from typing import Any, TypeVar

import redis.asyncio as redis

from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Card
from workers.domain.asking.delegations import Delegations
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.errors import NotFound
from workers.domain.ids import (
    CAP_QUESTION,
    DEAD_LETTER_NOTICE,
    DELEGATIONS,
    EXPECTATIONS,
    PAUSE,
    POLICY_NOTICE,
    partition_of_id,
)
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.store import ShownQuestion
from workers.domain.schema import Numbered, read
from workers.domain.starts.ahead.expectations import Expectations
from workers.domain.starts.canary import Canary
from workers.domain.starts.past.entries import PastStart
from workers.domain.starts.vm import VmRecord, VmRef
from workers.store import keys
from workers.store.connection import redis_away
from workers.store.past import entries

D = TypeVar("D", bound=Numbered)


class RedisDocuments:
    """The reads of single documents.

    Args:
        client: made by ``workers.store.connection.connect``; answers bytes.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def approval(self, approval_id: str) -> Approval:
        """Raises ``NotFound`` if there is none."""
        return await self._read(Approval, keys.by_id(checked(approval_id, "a")), approval_id)

    async def shown_question(self, approval_id: str) -> ShownQuestion:
        """All of it in one round trip; raises ``NotFound`` if there is no approval."""
        async with redis_away(self._redis), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hget(keys.by_id(checked(approval_id, "a")), "d")
            pipeline.hget(keys.card(approval_id), "d")
            pipeline.hget(keys.by_id(PAUSE), "d")
            pipeline.hget(keys.by_id(DELEGATIONS), "d")
            approval, card, pause, delegations = await pipeline.execute()
        if approval is None:
            raise NotFound(f"there is no approval {approval_id}")
        return ShownQuestion(
            read(Approval, approval),
            read(Card, card) if card is not None else Card(id=approval_id),
            read(Pause, pause) if pause is not None else Pause(),
            read(Delegations, delegations) if delegations is not None else Delegations(),
        )

    async def containment(self, containment_id: str) -> Containment:
        """Raises ``NotFound`` if there is none."""
        return await self._read(Containment, keys.by_id(checked(containment_id, "c")), containment_id)

    async def lookup(self, lookup_id: str) -> Lookup:
        """Raises ``NotFound`` if there is none."""
        return await self._read(Lookup, keys.by_id(checked(lookup_id, "q")), lookup_id)

    async def canary(self, canary_id: str) -> Canary:
        """Raises ``NotFound`` if there is none."""
        return await self._read(Canary, keys.by_id(checked(canary_id, "y")), canary_id)

    async def card(self, card_id: str) -> Card:
        """The card, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(Card, keys.card(card_id), card_id)
        return Card(id=card_id)

    async def dead_letter_notice(self) -> DeadLetterNotice:
        """The notice, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(DeadLetterNotice, keys.by_id(DEAD_LETTER_NOTICE), DEAD_LETTER_NOTICE)
        return DeadLetterNotice()

    async def report(self, report_id: str) -> PolicyReport:
        """Raises ``NotFound`` if there is none."""
        return await self._read(PolicyReport, keys.by_id(checked(report_id, "o")), report_id)

    async def access_request(self, request_id: str) -> AccessRequest:
        """Raises ``NotFound`` if there is none."""
        return await self._read(AccessRequest, keys.by_id(checked(request_id, "g")), request_id)

    async def pause(self) -> Pause:
        """The pause, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(Pause, keys.by_id(PAUSE), PAUSE)
        return Pause()

    async def cap_question(self) -> CapQuestion:
        """The question, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(CapQuestion, keys.by_id(CAP_QUESTION), CAP_QUESTION)
        return CapQuestion()

    async def expectations(self) -> Expectations:
        """The document, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(Expectations, keys.by_id(EXPECTATIONS), EXPECTATIONS)
        return Expectations()

    async def delegations(self) -> Delegations:
        """The document, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(Delegations, keys.by_id(DELEGATIONS), DELEGATIONS)
        return Delegations()

    async def policy_notice(self) -> PolicyNotice:
        """The notice, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(PolicyNotice, keys.by_id(POLICY_NOTICE), POLICY_NOTICE)
        return PolicyNotice()

    async def vm_record(self, vm: VmRef) -> VmRecord:
        """The VM's record, or an empty one of version 0."""
        with contextlib.suppress(NotFound):
            return await self._read(VmRecord, keys.vm_record(vm), vm.key)
        return VmRecord(vm=vm)

    async def past_of_caller(self, who: str) -> Sequence[PastStart]:
        """What this caller did."""
        async with redis_away(self._redis):
            return entries(await self._redis.zrange(keys.past_of_caller(who), 0, -1, withscores=True))

    async def past_of(self, vm: VmRef) -> Sequence[PastStart]:
        """What happened with this VM."""
        async with redis_away(self._redis):
            return entries(await self._redis.zrange(keys.past_of_vm(vm), 0, -1, withscores=True))

    async def forget_caller(self, who: str) -> int:
        """Remove what is remembered of a caller, by ``caller_key``; how many starts that were."""
        async with redis_away(self._redis):
            return int(await self._redis.zremrangebyrank(keys.past_of_caller(who), 0, -1))

    async def _read(self, kind: type[D], key: str, name: str) -> D:
        async with redis_away(self._redis):
            data: Any = await self._redis.hget(key, "d")
        if data is None:
            raise NotFound(f"there is no {kind.document_kind} {name}")
        return read(kind, data)


def checked(document_id: str, kind: str) -> str:
    """Ids come back from Slack and from operators: an impossible one is simply not found."""
    try:
        partition_of_id(document_id)
    except ValueError as error:
        raise NotFound(str(error)) from None
    if document_id[0] != kind:
        raise NotFound(f"{document_id} is not the id of that kind of document")
    return document_id
