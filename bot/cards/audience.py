"""Who gets a copy of a card: the owner, the approvals channel, and on-call when they are needed."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import structlog

from bot.cards.blocks.text import mention, mention_group
from bot.slack.directory import Directory
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Card, Copy, CopyKind
from workers.domain.asking.dead_letters import DeadLetterNotice
from workers.domain.containment.containment import Containment
from workers.domain.errors import NotFound
from workers.domain.policy.model import OncallPolicy, Policy
from workers.domain.ports.clock import Clock

log = structlog.get_logger(__name__)

_STALE = timedelta(seconds=5)
"""If a card has not reached Slack this long after its first try, its deadlines start again."""


class Subjects(NamedTuple):
    """What a card is about: an approval, its containment, or a containment or a notice alone."""

    approval: Approval | None
    containment: Containment | None
    notice: DeadLetterNotice | None = None

    def need_containment(self) -> Containment:
        """The containment of a card that has no approval."""
        if self.containment is None:
            raise NotFound("a card without approval needs a containment")
        return self.containment


def as_asked(approval: Approval, card: Card) -> Approval:
    """The approval as it will be once its card is in Slack, so that the first post shows it so."""
    if not approval.open or card.asked_at is None:
        return approval
    whom = tuple(copy.asked for copy in card.copies if copy.asked and not copy.refused)
    return approval.asked(card.asked_at, whom, card.notice)


def oncall_mention(oncall: OncallPolicy) -> str:
    """Mrkdwn that mentions on-call: the group, or each person."""
    if oncall.usergroup is not None:
        return mention_group(oncall.usergroup)
    return " ".join(mention(user) for user in oncall.users)


class Audience:
    """Decides who gets a copy."""

    def __init__(self, directory: Directory, policy: Callable[[], Policy], clock: Clock) -> None:
        self._directory = directory
        self._policy = policy
        self._clock = clock

    def oncall_mention(self) -> str:
        """Mrkdwn that mentions on-call."""
        return oncall_mention(self._policy().oncall)

    async def with_copies(self, card: Card, subjects: Subjects) -> Card:
        """The card with a copy for everybody who should have one. Copies are never taken away.

        Raises:
            DependencyAway: Slack does not answer.
            NotFound: the bot can see none of the policy's channels.
        """
        approval, containment, _ = subjects
        if approval is None:
            return await self._added(card, CopyKind.ONCALL, self._policy().oncall.channel)
        if card.sought != approval.owner and (approval.open or not card.copies):
            card = await self._sought(card, approval)
        card = self._clock_started(card)
        if approval.escalated_at is not None or (containment is not None and containment.needs_oncall):
            card = await self._added(card, CopyKind.ONCALL, self._policy().oncall.channel)
        return card

    async def _sought(self, card: Card, approval: Approval) -> Card:
        found = await self._directory.owners(approval.owner)
        for user in found.users:
            channel = await self._directory.direct_message(user)
            copy = Copy(kind=CopyKind.OWNER, channel=channel, asked=user)
            card = card if card.copy_of(copy.key) else card.with_copy(copy)
        card = card.changed(notice=found.notice, sought=approval.owner)
        return await self._added(card, CopyKind.CHANNEL, self._policy().owner.fallback)

    def _clock_started(self, card: Card) -> Card:
        sent = any(copy.root is not None and copy.root.ts is not None for copy in card.copies)
        now = self._clock.now()
        if card.asked_at is not None and (sent or now - card.asked_at < _STALE):
            return card
        return card.changed(asked_at=now)

    async def _added(self, card: Card, kind: CopyKind, name: str) -> Card:
        try:
            channel = await self._directory.channel(name)
        except NotFound as missing:
            # The card must reach somebody: take the other channel of the policy.
            policy = self._policy()
            other = policy.oncall.channel if name == policy.owner.fallback else policy.owner.fallback
            log.error(
                "a channel of the policy can't be used", channel=name, because=str(missing), instead=other
            )
            channel = await self._directory.channel(other)
        copy = Copy(kind=kind, channel=channel)
        # On-call is paged by a message of its own, even in a channel that has a copy already.
        return card if card.copy_of(copy.key) else card.with_copy(copy)
