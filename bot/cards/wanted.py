"""One message that should be in Slack, and whether it has to be sent or edited."""

from typing import NamedTuple

from bot.cards.audience import Subjects
from bot.cards.blocks.message import Message
from workers.domain.asking.cards import REFUSED, Card, CopyKind


class Wanted(NamedTuple):
    """One message that should be there: the card itself (``reply`` empty), or a reply in its thread."""

    channel: str
    copy: str
    reply: str
    message: Message
    first: int  # how urgent it is; see ``pace``

    def key(self, card: Card) -> str:
        """This message's key among all that go to Slack."""
        return f"{card.id} {self.copy} {self.reply}"


def differs(card: Card, wanted: Wanted, subjects: Subjects) -> bool:
    """Whether it is not there yet, shows something else, or was refused where it is still needed."""
    post = card.post_of(wanted.copy, wanted.reply)
    if post is not None and post.ts == REFUSED:
        if wanted.reply:
            return False
        # What is there since before is edited, too: no button of a closed question may stay.
        outdated = post.was != "" and post.shows != wanted.message.digest
        return outdated or still_needed(card, wanted, subjects)
    return post is None or post.ts is None or post.shows != wanted.message.digest


def still_needed(card: Card, wanted: Wanted, subjects: Subjects) -> bool:
    """Whether a copy that its channel refused has to be tried again, there or elsewhere."""
    copy = card.copy_of(wanted.copy)
    if copy is None or copy.kind is CopyKind.OWNER:
        return False
    if copy.kind is CopyKind.ONCALL and not any(c.sent for c in card.copies if c.kind is CopyKind.ONCALL):
        return True
    approval, containment = subjects.approval, subjects.containment
    return (approval is not None and approval.open) or (containment is not None and containment.working)


def only_progress(subjects: Subjects) -> bool:
    """Whether a containment is under way, so that its messages change again soon."""
    return subjects.containment is not None and subjects.containment.working
