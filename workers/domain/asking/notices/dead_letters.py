"""What on-call was told about messages that were put aside before anybody was asked."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

from pydantic import Field

from workers.domain.ids import DEAD_LETTER_NOTICE
from workers.domain.model import UtcTime
from workers.domain.schema import Numbered

QUIET = timedelta(minutes=10)
"""On-call is told at most once within this time, of all that came in it."""
MOST_COUNTED = 1000
"""Of each queue. More than these are told of as *at least* so many."""


class PutAside(NamedTuple):
    """One dead letter: its sequence number among them, and why it is there, in one or two words."""

    sequence: int
    reason: str


class DeadLetterNotice(Numbered):
    """The newest telling. There is one such document, and each telling has a card of its own in Slack.

    Attributes:
        number: how often on-call was told.
        at: when.
        fresh: how many dead letters were new then.
        counts: queue → reason → how many were there then.
        known: queue → sequence numbers of those.
    """

    document_kind: ClassVar[str] = "notice about dead letters"

    id: str = DEAD_LETTER_NOTICE
    version: int = 0
    number: int = 0
    at: UtcTime | None = None
    fresh: int = 0
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)
    known: dict[str, tuple[int, ...]] = Field(default_factory=dict)

    @property
    def card_id(self) -> str:
        """The card of this telling: a message of its own, since an edit of an older one calls nobody."""
        return f"{DEAD_LETTER_NOTICE[:2]}{self.number:0{len(DEAD_LETTER_NOTICE) - 2}}"

    @property
    def total(self) -> int:
        """How many were there."""
        return sum(count for reasons in self.counts.values() for count in reasons.values())

    @property
    def counted_all(self) -> bool:
        """Whether there may be no more than these."""
        return all(len(sequences) < MOST_COUNTED for sequences in self.known.values())

    def told(self, present: Mapping[str, tuple[PutAside, ...]], now: datetime) -> "DeadLetterNotice | None":
        """The next telling of what is there now; ``None`` if nothing is new, or it was told a moment ago."""
        fresh = sum(
            len({one.sequence for one in letters}.difference(self.known.get(queue, ())))
            for queue, letters in present.items()
        )
        if not fresh or (self.at is not None and now < self.at + QUIET):
            return None
        counts: dict[str, dict[str, int]] = {}
        for queue, letters in present.items():
            for one in letters:
                of_queue = counts.setdefault(queue, {})
                of_queue[one.reason] = of_queue.get(one.reason, 0) + 1
        return self.changed(
            number=self.number + 1,
            at=now,
            fresh=fresh,
            counts=counts,
            known={queue: tuple(one.sequence for one in letters) for queue, letters in present.items()},
        )
