"""What one owner is shown: the posted copies of a card, and the replies in their threads."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from workers.domain.asking.bursts import Member, Ordered
from workers.domain.asking.passing import PassedAll, PassedOn
from workers.domain.errors import Conflict
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.people import Owner

REFUSED = "refused"
"""In place of a ``ts``: Slack did not take this message there."""

_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=30), timedelta(minutes=15)


class CopyKind(StrEnum):
    """Why a copy was posted where it is."""

    OWNER = "owner"
    CHANNEL = "channel"
    ONCALL = "oncall"


class Post(Stored):
    """One message in Slack: intended first, then sent, then edited until it shows what it should.

    Attributes:
        intent: written before the message is sent and carried in its metadata: after a crash in between,
            the message is found by it instead of being posted twice.
        intended_at: when this process set out to send it.
        ts: Slack's timestamp of the message, its id in the channel; ``None`` until it is sent.
        shows: a digest of what it shows.
        edited_at: when it was edited last; of a reply, also when it was posted. When it was refused.
        refused: why Slack did not take it, by its code.
        refusals: how often it did not.
        was: the ``ts`` of the message that is there since before the channel refused what came after it.
    """

    intent: str
    intended_at: UtcTime
    ts: str | None = None
    shows: str = ""
    edited_at: UtcTime | None = None
    refused: str = ""
    refusals: int = 0
    was: str = ""

    def not_taken(self, code: str, at: datetime) -> "Post":
        """Slack refused it; a message that is there already stays."""
        return self.changed(ts=self.ts or REFUSED, refused=code, refusals=self.refusals + 1, edited_at=at)

    @property
    def again_at(self) -> datetime:
        """When a refused message is tried again: somebody may have invited the bot meanwhile."""
        doubled: int = 1 << min(max(self.refusals - 1, 0), 10)
        pause = min(_FIRST_RETRY * doubled, _LAST_RETRY)
        return (self.edited_at or self.intended_at) + pause


class Copy(Stored):
    """A card in one channel, with the replies in its thread by key.

    Attributes:
        channel: a Slack conversation id; the ``#name`` of a channel that Slack does not show to the bot.
        asked: the Slack user a direct message went to.
        named: how the owner's tag or the policy names them; of a channel, only where it is the owner.
        email: their address, where it is known and counts.
        instead_of: the channel that refused it, where this copy stands for another.
        because: Slack's code of that refusal.
    """

    kind: CopyKind
    channel: str
    asked: str = ""
    named: str = ""
    email: str = ""
    instead_of: str = ""
    because: str = ""
    root: Post | None = None
    replies: dict[str, Post] = Field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether Slack would not take it here at all."""
        return self.root is not None and self.root.ts == REFUSED

    @property
    def sent(self) -> bool:
        """Whether it is in Slack."""
        return self.root is not None and self.root.ts is not None and not self.refused

    @property
    def thread(self) -> str | None:
        """The ``ts`` that replies go below, as far as it is known."""
        return self.root.ts if self.root is not None else None

    @property
    def key(self) -> str:
        """Unique within a card."""
        return f"{self.kind}:{self.channel}"


class Card(Numbered):
    """All copies of one card; ``id`` is that of the approval or containment that it shows.

    Attributes:
        asked_at: when the first copies were sent.
        notice: why nobody, or not everybody, could be asked directly.
        sought: the owner who was looked up in Slack for it.
        quiet_until: when the first owner who is in quiet hours gets a message; ``None`` if nobody is.
        hushed: those owners, as the tag or the policy names them.
        remind_not_before: when the last of the asked owners may be disturbed again, where the reminder would
            come in somebody's quiet hours.
        part_of: the id of the card that asks about this question, with others; empty for one of its own.
        members: what this card asks about, where that is several questions, its own the first of them.
        differing: in words, how starts of the same burst differ that have cards of their own.
        ordered: an answer to several of its questions that not all of them have yet.
        passing: somebody else is to be asked several of its questions, and not all are passed on yet.
        passed: who said that none of the VMs is theirs, and whom they named, the last one last.
    """

    document_kind: ClassVar[str] = "card"

    id: str
    version: int = 0
    copies: tuple[Copy, ...] = ()
    asked_at: UtcTime | None = None
    notice: str = ""
    sought: Owner | None = None
    quiet_until: UtcTime | None = None
    hushed: tuple[str, ...] = ()
    remind_not_before: UtcTime | None = None

    @property
    def asks_owners(self) -> bool:
        """Whether an owner reads a copy of it: in person, or in a channel that is named as the owner."""
        return any((c.kind is CopyKind.OWNER or c.named) and not c.refused for c in self.copies)

    part_of: str = ""
    members: tuple[Member, ...] = ()
    differing: tuple[str, ...] = ()
    ordered: Ordered | None = None
    passing: PassedAll | None = None
    passed: tuple[PassedOn, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether some of its several questions wait for an answer; its own may be closed by then."""
        return any(one.open for one in self.members)

    @property
    def needs_oncall(self) -> bool:
        """Whether on-call has to answer some of its questions, or can be the second person for them."""
        return any(one.open and (one.escalated or one.waits_for_second is not None) for one in self.members)

    def member(self, approval_id: str) -> Member | None:
        """What it shows of this question, if that is one of several."""
        return next((one for one in self.members if one.approval_id == approval_id), None)

    def with_members(self, *changed: Member) -> "Card":
        """This card with these members replaced or added; what was told of one stays on record."""
        members = {one.approval_id: one for one in self.members}
        for one in changed:
            known = members.get(one.approval_id)
            if known is None or one.version >= known.version:
                kept = {"told": known.told, "hushed": known.hushed} if known else {"told": 0}
                members[one.approval_id] = one.changed(**kept)
        return self.changed(members=tuple(members.values()))

    @property
    def notices(self) -> str:
        """Why not everybody could be asked directly, with the people whose message Slack refused."""
        refused = [
            f"Slack refused the message to {copy.named or copy.asked} ({copy.root.refused})"
            for copy in self.copies
            if copy.asked and copy.root is not None and copy.refused and copy.root.refused
        ]
        return "; ".join(filter(None, [self.notice, *refused]))

    def copy_of(self, key: str) -> Copy | None:
        """The copy of this key, if it was set out."""
        return next((c for c in self.copies if c.key == key), None)

    @property
    def reached(self) -> bool:
        """Whether everybody was asked who can be: a copy is in Slack, and none for an owner is on its way.

        The channel's may follow later: many cards go there, and Slack takes one a second.
        """
        owners = [c for c in self.copies if c.kind is CopyKind.OWNER]
        return any(c.sent for c in self.copies) and all(c.sent or c.refused for c in owners)

    def post_of(self, copy: str, reply: str = "") -> Post | None:
        """What was posted, or set out to be: the copy of this key, or a reply in its thread."""
        found = self.copy_of(copy)
        if found is None:
            return None
        return found.replies.get(reply) if reply else found.root

    def with_post(self, copy: str, reply: str, post: Post | None) -> "Card":
        """This card with one post replaced, added or, with ``None``, taken out.

        Raises:
            Conflict: it has no such copy.
        """
        found = self.copy_of(copy)
        if found is None:
            raise Conflict(f"card {self.id} has no copy {copy}")
        if not reply:
            return self.with_copy(found.changed(root=post))
        others = {key: other for key, other in found.replies.items() if key != reply}
        return self.with_copy(found.changed(replies=others if post is None else {**others, reply: post}))

    def without_replies(self, past: Callable[[str], bool]) -> "Card":
        """This card without the replies whose keys are past: they stay in Slack as they are."""
        if not any(past(key) for copy in self.copies for key in copy.replies):
            return self
        return self.changed(
            copies=tuple(
                copy.changed(replies={key: post for key, post in copy.replies.items() if not past(key)})
                for copy in self.copies
            )
        )

    def without_copy(self, key: str) -> "Card":
        """This card without one copy."""
        return self.changed(copies=tuple(copy for copy in self.copies if copy.key != key))

    def with_copy(self, changed: Copy) -> "Card":
        """This card with one copy replaced or added."""
        if self.copy_of(changed.key) is None:
            return self.changed(copies=(*self.copies, changed))
        return self.changed(copies=tuple(changed if c.key == changed.key else c for c in self.copies))
