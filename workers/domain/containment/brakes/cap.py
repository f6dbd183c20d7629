"""The cap on containments an hour: what goes beyond it waits, and on-call is asked in one message.

Many containments at once are an attack, or a mistake of ours or of the policy's: a person tells which.
What waits goes on as soon as on-call says so, or by itself when the hour has room again.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from workers.domain.errors import AlreadyDecided
from workers.domain.ids import CAP_QUESTION
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.people import Actor

WITHIN = timedelta(hours=1)
"""The time in which containments are counted, and for which on-call can hold back what waits."""
MOST_WAITING = 500
"""So many a question lists. Whatever else waits asks again once these are answered."""
MOST_RELEASED = 1000


class Waiting(Stored):
    """A containment that waits. ``number`` counts them within one question: an answer covers those shown."""

    number: int
    id: str
    vm: str


class CapAnswer(Stored):
    """What on-call said.

    Attributes:
        go_on: whether those that were shown go on.
        until: for how long everything that waits is held back; ``None`` where it goes on.
        count: how many were shown.
    """

    go_on: bool
    by: Actor
    at: UtcTime
    until: UtcTime | None = None
    count: int = 0


class CapAsked(Stored):
    """One question to on-call: one message in Slack.

    Attributes:
        number: which one it is.
        most: how many containments an hour the policy takes.
        waiting: what waits now, the newest last.
        highest: the highest number that was given to any of them.
        answer: the last one; going on ends the question.
    """

    number: int
    at: UtcTime
    most: int
    waiting: tuple[Waiting, ...] = ()
    highest: int = 0
    answer: CapAnswer | None = None

    @property
    def card_id(self) -> str:
        """The card of this question: a message of its own, since an edit of an older one calls nobody."""
        return f"{CAP_QUESTION[:2]}{self.number:0{len(CAP_QUESTION) - 2}}"

    @property
    def released(self) -> bool:
        """Whether on-call had what it showed go on, which ends it."""
        return self.answer is not None and self.answer.go_on

    def held(self, now: datetime) -> datetime | None:
        """Until when on-call holds back what waits; ``None`` if nobody does."""
        until = self.answer.until if self.answer is not None else None
        return until if until is not None and now < until else None

    def outcome(self) -> str:
        """What on-call said, as a sentence without mark-up."""
        if self.answer is None:
            return "Nobody has answered yet."
        by = self.answer.by.name or "Somebody"
        return (
            f"{by} had {self.answer.count} of them go on." if self.answer.go_on else f"{by} holds them back."
        )


class CapQuestion(Numbered):
    """The question that is open or was asked last, and the one before it. There is one such document.

    Attributes:
        released: ids that on-call had go on, the newest last.
    """

    document_kind: ClassVar[str] = "question about the cap"

    id: str = CAP_QUESTION
    version: int = 0
    asked: CapAsked | None = None
    before: CapAsked | None = None
    released: tuple[str, ...] = ()

    def of(self, card_id: str) -> CapAsked | None:
        """The question that this card shows, as far as it is still known."""
        return next((one for one in (self.asked, self.before) if one and one.card_id == card_id), None)

    def waits(self, containment_id: str) -> bool:
        """Whether it is among those that on-call is asked about."""
        return self.asked is not None and any(one.id == containment_id for one in self.asked.waiting)

    def held(self, containment_id: str, now: datetime) -> datetime | None:
        """Until when on-call holds this one back; ``None`` if nobody does."""
        return self.asked.held(now) if self.asked is not None and self.waits(containment_id) else None

    def with_waiting(self, containment_id: str, vm: str, most: int, now: datetime) -> "CapQuestion":
        """Asked about this one, too: in the open question, or in a new one where that was answered."""
        asked = self.asked
        if asked is not None and not asked.released:
            hold_is_over = asked.answer is not None and asked.held(now) is None
            if not hold_is_over and (self.waits(containment_id) or len(asked.waiting) >= MOST_WAITING):
                return self
            if not hold_is_over:
                one = Waiting(number=asked.highest + 1, id=containment_id, vm=vm)
                grown = asked.changed(waiting=(*asked.waiting, one), highest=one.number, most=most)
                return self.changed(asked=grown)
        left = asked.waiting if asked is not None else ()
        names = {one.id: one.vm for one in left} | {containment_id: vm}
        waiting = tuple(
            Waiting(number=n, id=key, vm=names[key]) for n, key in enumerate(list(names)[:MOST_WAITING], 1)
        )
        fresh = CapAsked(
            number=asked.number + 1 if asked is not None else 1,
            at=now,
            most=most,
            waiting=waiting,
            highest=len(waiting),
        )
        return self.changed(asked=fresh, before=asked)

    def without(self, containment_id: str) -> "CapQuestion":
        """It went on by itself, or will never be."""
        if self.asked is None or not self.waits(containment_id):
            return self
        left = tuple(one for one in self.asked.waiting if one.id != containment_id)
        return self.changed(asked=self.asked.changed(waiting=left))

    def answered(self, number: int, shown: int, by: Actor, now: datetime, *, go_on: bool) -> "CapQuestion":
        """On-call's answer to this question, about the containments up to the number ``shown``.

        Raises:
            AlreadyDecided: another question is open by now, or somebody had them go on.
        """
        asked = self.asked
        if asked is None or asked.number != number or asked.released:
            known = next((one for one in (asked, self.before) if one and one.number == number), None)
            raise AlreadyDecided(known.outcome() if known is not None else "That was some time ago.")
        covered = tuple(one.id for one in asked.waiting if one.number <= shown)
        if not go_on:
            hold = CapAnswer(go_on=False, by=by, at=now, until=now + WITHIN, count=len(asked.waiting))
            return self.changed(asked=asked.changed(answer=hold))
        left = tuple(one for one in asked.waiting if one.number > shown)
        answer = CapAnswer(go_on=True, by=by, at=now, count=len(covered))
        return self.changed(
            asked=asked.changed(answer=answer, waiting=left),
            released=tuple(dict.fromkeys((*self.released, *covered)))[-MOST_RELEASED:],
        )
