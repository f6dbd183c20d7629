"""An owner who has many open questions gets further ones as rows of one card, which is edited: a digest.

It is the card of a burst whose starts need not look alike, and works the same way. Its lead is the first
question of the owner's that was one too many: until another follows, its card is like any other.
"""

import asyncio

from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import (
    DIGEST,
    DIGEST_REMEMBERED,
    BurstStart,
    is_high,
    lists_more,
    may_be_listed,
    owner_key,
)
from workers.domain.asking.cards import Card, Copy, CopyKind
from workers.domain.errors import NotFound
from workers.domain.policy.limits import BurstPolicy
from workers.domain.ports.store import Store


class Digests:
    """Finds the digest that asks about a question."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @staticmethod
    def counts(approval: Approval, policy: BurstPolicy) -> str:
        """Names the owner whose open questions are to be counted; empty if this one is not for a digest."""
        return owner_key(approval) if policy.digest_over and may_be_listed(approval) else ""

    async def lead_of(self, approval: Approval, owner: str, policy: BurstPolicy) -> str:
        """The id of the card that asks about this question: a digest's, or its own.

        Raises:
            DependencyAway: the store does not answer.
        """
        if 1 + await self._others_open(approval, owner) <= policy.digest_over:
            return approval.id
        start = BurstStart(owner, DIGEST, approval.id, approval.event.at, kept=DIGEST_REMEMBERED)
        lead = (await self._store.join_burst(start)).leads[DIGEST]
        if lead == approval.id or await self._takes(lead):
            return lead
        await self._store.join_burst(start, leads=True)
        return approval.id

    async def _others_open(self, approval: Approval, owner: str) -> int:
        """How many other questions of the owner's are open; those that are not are noted no more."""
        noted = [one for one in await self._store.noted_of(owner) if one != approval.id]
        waits = await asyncio.gather(*map(self._waits, noted))
        if closed := [one for one, open_ in zip(noted, waits, strict=True) if not open_]:
            await self._store.forget_noted(owner, closed)
        return sum(waits)

    async def _waits(self, approval_id: str) -> bool:
        try:
            return (await self._store.approval(approval_id)).asks
        except NotFound:
            return False

    async def _takes(self, lead: str) -> bool:
        """Whether this card can list one more, and is no burst's, nor about a risk that has risen."""
        try:
            first, card, *_ = await self._store.shown_question(lead)
        except NotFound:
            return False
        if card.part_of or is_high(first) or first.passed or first.reminded_at is not None:
            return False
        return (card.digest and lists_more(card.members)) if card.members else first.asks


def shows_digest(card: Card, copy: Copy, approval: Approval) -> bool:
    """Whether this copy lists all that waits for the owner.

    On-call, and whoever the first question was passed on to, are asked about that one alone.
    """
    named = {one.to.slack_user for one in approval.passed if one.to is not None}
    return card.digest and bool(card.members) and copy.kind is not CopyKind.ONCALL and copy.asked not in named


def by_itself(approval: Approval, card: Card) -> bool:
    """Whether a question that a digest lists has a card of its own for others: on-call, or a named person."""
    return card.digest and (approval.escalated_at is not None or bool(approval.passed))
