"""Who gets a copy of a card: the owner, the approvals channel, and on-call when they are needed."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from bot.cards.blocks.kit import listed
from bot.cards.blocks.text import mention, mention_group, message_link
from bot.slack.channels import Channels, trouble_of
from bot.slack.directory import Directory, names_others
from bot.slack.errors import Refused
from bot.slack.quiet import NobodyQuiet, Quiet
from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.bursts import is_high, stands_alone
from workers.domain.asking.cards import Card, Copy, CopyKind, Post
from workers.domain.asking.delegations import Delegation
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.errors import DependencyAway, NotFound
from workers.domain.policy.model import Policy
from workers.domain.policy.notice import PolicyNotice
from workers.domain.policy.people import OncallPolicy
from workers.domain.policy.quiet import LONGEST_QUIET
from workers.domain.ports.clock import Clock
from workers.domain.starts.people import NO_SLACK, Owner
from workers.domain.starts.risk import Level
from workers.telemetry.health import Health
from workers.use_cases.orders.reading.also_started import AllStarted

log = structlog.get_logger(__name__)

MOST_ASKED = 5
"""Owners who get a message of their own; all of them may answer."""
_MOST_UNREAD = 5
_STALE = timedelta(seconds=5)
"""If a card has not reached Slack this long after its first try, its deadlines start again."""


Notice = DeadLetterNotice | CapQuestion | PolicyNotice | PolicyReport | AccessRequest
"""What is about no single VM."""


class Subjects(NamedTuple):
    """What a card is about: an approval, its containment, or a containment or a notice alone.

    ``pause`` is the one that is on, which every card shows that something may still come of.
    ``delegations`` say who answers for whom while the question is open. ``also`` is what else the caller of a
    rejected start has started shortly before.
    """

    approval: Approval | None
    containment: Containment | None
    notice: Notice | None = None
    pause: Pause | None = None
    delegations: tuple[Delegation, ...] = ()
    also: AllStarted = AllStarted()

    @property
    def documents(
        self,
    ) -> tuple[Approval | Containment | Notice, ...]:
        """What the card shows by itself."""
        return tuple(d for d in (self.approval, self.containment, self.notice) if d is not None)

    @property
    def waiting(self) -> bool:
        """Whether something may still be done to the VM, so that a pause matters."""
        asked = self.approval is not None and self.approval.open
        return asked or (self.containment is not None and self.containment.active)

    def need_containment(self) -> Containment:
        """The containment of a card that has no approval."""
        if self.containment is None:
            raise NotFound("a card without approval needs a containment")
        return self.containment


def as_asked(approval: Approval, card: Card) -> Approval:
    """The approval as it will be once its card is in Slack, so that the first post shows it so."""
    if not approval.open or card.asked_at is None:
        return approval
    if approval.asked_at is None and card.quiet_until is not None and not card.asks_owners:
        return approval.hushed(card.quiet_until, card.notices)
    whom = tuple(copy.asked for copy in card.copies if copy.asked and not copy.refused)
    asked = approval.asked(card.asked_at, whom, card.notices)
    return asked.changed(quiet_until=card.quiet_until, remind_not_before=card.remind_not_before)


def oncall_mention(oncall: OncallPolicy) -> str:
    """Mrkdwn that mentions on-call: the group, or each person."""
    if oncall.usergroup is not None:
        return mention_group(oncall.usergroup)
    return " ".join(mention(user) for user in oncall.users)


class Audience:
    """Decides who gets a copy."""

    def __init__(
        self,
        directory: Directory,
        channels: Channels,
        policy: Callable[[], Policy],
        clock: Clock,
        health: Health | None = None,
        *,
        quiet: Quiet | None = None,
    ) -> None:
        self._quiet = quiet or NobodyQuiet()
        self._directory = directory
        self._channels = channels
        self._policy = policy
        self._clock = clock
        self._health = health or Health()
        self._workspace_url = ""

    def asks_nobody(self, approval: Approval) -> bool:
        """Whether the policy only observes, so that an open question reaches nobody; it is withdrawn soon."""
        return approval.open and self._policy().observes

    def oncall_mention(self) -> str:
        """Mrkdwn that mentions on-call."""
        return oncall_mention(self._policy().oncall)

    def card_link(self, copy: Copy) -> str:
        """Mrkdwn that links this copy; empty where Slack has not told our workspace's address."""
        return message_link(self._workspace_url, copy.channel, copy.thread, "the card")

    async def with_copies(self, card: Card, subjects: Subjects) -> Card:
        """The card with a copy for everybody who should have one. Only copies nobody got are taken away.

        Where a channel refuses its copy, the policy's other channel gets one instead.

        Raises:
            DependencyAway: Slack does not answer.
        """
        approval, containment = subjects.approval, subjects.containment
        if (
            not self._workspace_url
            and approval is not None
            and (approval.reminded_at or approval.escalated_at)
        ):
            self._workspace_url = await self._directory.workspace_url()
        policy = self._policy()
        card = self._found(card)
        if approval is None:
            owner = containment.owner if containment is not None else None
            if owner is not None and owner.known and card.sought != owner:
                card = await self._sought(card, owner)
            card = self._added(card, Copy(kind=CopyKind.ONCALL, channel=policy.oncall.channel))
            if isinstance(subjects.notice, AccessRequest) and not subjects.notice.active:
                card = await self._first_of_two(card, subjects.notice)
            return self._elsewhere(card)
        if card.part_of and not is_high(approval):
            return self._elsewhere(await self._beside(card, approval))
        if approval.open or not card.copies:
            if card.sought != approval.owner or self._quiet_is_over(card, approval):
                card = await self._sought(card, approval.owner, approval, subjects.delegations)
            card = self._added(card, Copy(kind=CopyKind.CHANNEL, channel=policy.owner.fallback))
        if approval.open or card.waits:
            card = await self._passed_on(card, approval)
        card = self._clock_started(card)
        if (
            card.needs_oncall
            or _oncall_at_once(approval, card)
            or (containment is not None and containment.needs_oncall)
        ):
            card = self._added(card, Copy(kind=CopyKind.ONCALL, channel=policy.oncall.channel))
        return self._elsewhere(card)

    async def _beside(self, card: Card, approval: Approval) -> Card:
        """The card with copies for those whom the card that lists its question does not tell."""
        if approval.open:
            card = await self._passed_on(card, approval)
        if stands_alone(approval) or approval.escalated_at is not None:
            card = self._added(card, Copy(kind=CopyKind.ONCALL, channel=self._policy().oncall.channel))
        return card

    async def _first_of_two(self, card: Card, ended: AccessRequest) -> Card:
        """The card with a copy for whoever asked for a second person, now that something has become of it."""
        user = ended.request.by.slack_user
        if user.startswith(NO_SLACK) or any(copy.asked == user for copy in card.copies):
            return card
        try:
            channel = await self._directory.direct_message(user)
        except Refused as refused:  # on-call's channel says it
            log.warning("Slack lets the bot not write to a person", user=user, error=refused.code)
            return card
        return card.with_copy(Copy(kind=CopyKind.OWNER, channel=channel, asked=user))

    def _quiet_is_over(self, card: Card, approval: Approval) -> bool:
        """Whether those who were in quiet hours have to be looked at again: they may be asked now."""
        until = card.quiet_until
        return until is not None and (not _may_wait(card, approval) or self._clock.now() >= until)

    async def _sought(
        self,
        card: Card,
        owner: Owner,
        approval: Approval | None = None,
        delegations: Sequence[Delegation] = (),
    ) -> Card:
        """The card with a copy for each of the first owners whom Slack lets the bot write to.

        Whoever answers in their stead at the moment gets one, too. Whoever is in quiet hours gets none yet
        where the approval's risk is low.
        """
        waited = card.quiet_until is not None and not card.asks_owners
        quiet: dict[str, datetime] = {}
        waits = approval is not None and _may_wait(card, approval)
        latest = approval.opened_at + LONGEST_QUIET if approval is not None and waits else None
        remind_at, reminding = self._remind_at(approval), set[datetime]()
        whole, unknown = await self._directory.with_members(owner)
        asked = set[str]()
        refusing: dict[str, str] = {}
        notices: list[str] = [unknown]
        for part in whole.in_parts(MOST_ASKED):
            found = await self._directory.owners(part)
            notices.append(found.notice)
            for user, named in found.users.items():
                if len(asked) == MOST_ASKED:
                    break
                email = found.emails.get(user, "")
                until = self._before(latest, await self._quiet.until(user, email) if latest else None)
                if until is not None:
                    quiet[named] = until
                    continue
                try:
                    channel = await self._directory.direct_message(user)
                except Refused as refused:  # the others are asked all the same
                    log.warning("Slack lets the bot not write to an owner", user=user, error=refused.code)
                    refusing[named] = f"whom Slack does not let the bot write to ({refused.code})"
                    continue
                asked.add(user)
                if latest and (ends := await self._quiet.until(user, email, at=remind_at)):
                    reminding.add(min(ends, latest))
                copy = Copy(kind=CopyKind.OWNER, channel=channel, asked=user, named=named, email=email)
                card = card if card.copy_of(copy.key) else card.with_copy(copy)
            if len(asked) == MOST_ASKED:
                break
        card = await self._delegates(card, delegations, asked)
        for channel in owner.channels:
            if (until := self._before(latest, self._quiet.of_channel(channel))) is not None:
                quiet[channel] = until
                continue
            card = self._added(card, Copy(kind=CopyKind.CHANNEL, channel=channel, named=channel))
        notices += [names_others(owner, refusing), *_of_others(whole, len(asked))]
        card = card.changed(
            notice="; ".join(filter(None, dict.fromkeys(notices))),
            sought=owner,
            quiet_until=min(quiet.values(), default=None),
            hushed=tuple(quiet),
            remind_not_before=max(reminding, default=None),
        )
        # Deadlines count from when the first owner is asked, not from when the channel saw it.
        return card.changed(asked_at=None) if waited and card.asks_owners else card

    def _remind_at(self, approval: Approval | None) -> datetime:
        """When those who are asked now will be reminded, if nothing is quiet then."""
        now = self._clock.now()
        if approval is None:
            return now
        return max(now, (approval.asked_at or now) + approval.terms.remind_after)

    def _before(self, latest: datetime | None, until: datetime | None) -> datetime | None:
        """When quiet hours end, and at the latest then; ``None`` if they don't count, or are over."""
        if latest is None or until is None:
            return None
        ends = min(until, latest)
        return ends if self._clock.now() < ends else None

    async def _passed_on(self, card: Card, approval: Approval) -> Card:
        """The card with a copy for each person to whom the question, or several of its own, was passed on."""
        for person in (one.to for one in (*approval.passed, *card.passed) if one.to is not None):
            user = person.slack_user
            if any(copy.asked == user for copy in card.copies):
                continue
            try:
                channel = await self._directory.direct_message(user)
            except Refused as refused:  # on-call is asked when nobody answers
                log.warning("Slack lets the bot not write to a person", user=user, error=refused.code)
                continue
            copy = Copy(kind=CopyKind.OWNER, channel=channel, asked=user, named=user, email=person.email)
            card = card if card.copy_of(copy.key) else card.with_copy(copy)
        return card

    async def _delegates(self, card: Card, delegations: Sequence[Delegation], asked: set[str]) -> Card:
        """The card with a copy for each who answers in an owner's stead."""
        for one in delegations:
            if one.giver not in asked or one.to in asked:
                continue
            try:
                channel = await self._directory.direct_message(one.to)
            except Refused as refused:  # the owner is asked alone then
                log.warning("Slack lets the bot not write to a delegate", user=one.to, error=refused.code)
                continue
            copy = Copy(kind=CopyKind.OWNER, channel=channel, asked=one.to, named=one.to)
            card = card if card.copy_of(copy.key) else card.with_copy(copy)
        return card

    def _clock_started(self, card: Card) -> Card:
        now = self._clock.now()
        if card.asked_at is not None and (
            any(copy.sent for copy in card.copies) or now - card.asked_at < _STALE
        ):
            return card
        return card.changed(asked_at=now)

    def _added(self, card: Card, copy: Copy) -> Card:
        """The card with this copy, whose ``channel`` may be a name.

        On-call is paged by a message of its own, even in a channel that has a copy already.
        """
        name = copy.channel
        try:
            copy = copy.changed(channel=self._channels.id_of(name))
        except DependencyAway:  # the name is still being looked for, and the copy waits
            return card if card.copy_of(copy.key) else card.with_copy(copy)
        except NotFound as missing:
            if self._channels.of_policy(name):
                self._health.trouble(trouble_of(name), str(missing))
            return self._unfound(card, copy)
        if copy.channel != name:
            self._health.trouble_over(trouble_of(name))
            card = card.without_copy(f"{copy.kind}:{name}")
        return card if card.copy_of(copy.key) else card.with_copy(copy)

    def _found(self, card: Card) -> Card:
        """The card with channels in the place of names that its copies wait for, where they are known by now.

        What a copy is for may be over meanwhile, so that nothing else would ask for its channel again.
        """
        for copy in card.copies:
            if copy.channel.startswith("#") and copy.root is None:
                card = self._added(card, copy)
        return card

    def _unfound(self, card: Card, copy: Copy) -> Card:
        """The card with a copy that counts as refused, since Slack does not show its channel to the bot."""
        now, known = self._clock.now(), card.post_of(copy.key)
        if known is not None and now < known.again_at:
            return card
        log.error("a channel of the policy can't be used", channel=copy.channel, card=card.id)
        post = known or Post(intent="", intended_at=now)
        return card.with_copy(copy.changed(root=post.not_taken("channel_not_found", now)))

    def _elsewhere(self, card: Card) -> Card:
        """The card with a copy in the policy's other channel for each one that a channel refused."""
        policy = self._policy()
        other = {
            CopyKind.CHANNEL: policy.oncall.channel,
            CopyKind.ONCALL: policy.owner.fallback,
        }
        for refused in card.copies:
            if refused.root is None or not refused.refused or refused.instead_of:
                continue
            if (name := other.get(refused.kind)) is None or name == refused.channel:
                continue
            copy = Copy(
                kind=refused.kind, channel=name, instead_of=refused.channel, because=refused.root.refused
            )
            card = self._added(card, copy)
        return card


def _may_wait(card: Card, approval: Approval) -> bool:
    """Whether quiet hours count: the risk of every question on the card is low."""
    return approval.may_wait and all(one.level is Level.LOW for one in card.members if one.open)


def _oncall_at_once(approval: Approval, card: Card) -> bool:
    """Whether on-call gets the card: it was escalated or rejected, a rule contains, or no owner can be asked.

    While facts are still missing, the owner may be found with them, so on-call waits for that.
    """
    if approval.escalated_at is not None or approval.state in (ApprovalState.REJECTED, ApprovalState.RULED):
        return True
    if approval.waits_for_second is not None:
        return True  # they can be the second person
    settled = approval.owner.known or approval.facts.machine is not None or approval.fill_in_at is None
    return approval.asks and not card.asks_owners and card.quiet_until is None and settled


def _of_others(owner: Owner, asked: int) -> list[str]:
    """What is to be said of those who get no message, and of what is no person."""
    said: list[str] = []
    if asked == MOST_ASKED and len(owner.emails) + len(owner.slack_users) > MOST_ASKED:
        said.append(f"only the first {MOST_ASKED} owners got a message, and any owner may answer")
    if owner.unread:
        said.append(f"these name nobody: {listed(owner.unread, _MOST_UNREAD, 'text')}")
    return said
