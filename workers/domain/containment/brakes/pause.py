"""The kill switch: while it is on, nothing is written to Azure. It ends by itself."""

from datetime import datetime, timedelta
from typing import ClassVar

from workers.domain.ids import PAUSE
from workers.domain.model import UtcTime
from workers.domain.schema import Numbered

DEFAULT_PAUSE = timedelta(hours=1)
LONGEST_PAUSE = timedelta(hours=24)
"""Whoever needs more says so again: a pause that was forgotten leaves VMs that nobody contains."""
LONGEST_REASON = 300


class Pause(Numbered):
    """The pause that is on, or the last one. There is one such document.

    Attributes:
        by: who paused, as the audit names them.
        approved_by: the second person, where it takes two.
        reason: their own words.
        at: when.
        until: when it ends by itself; ``None`` once it has ended, and before there was any.
    """

    document_kind: ClassVar[str] = "pause"

    id: str = PAUSE
    version: int = 0
    by: str = ""
    approved_by: str = ""
    reason: str = ""
    at: UtcTime | None = None
    until: UtcTime | None = None

    def on(self, now: datetime) -> bool:
        """Whether nothing may be written to Azure at this moment."""
        return self.until is not None and now < self.until

    def over(self, now: datetime) -> bool:
        """Whether it has come to its end, and that is not noted yet."""
        return self.until is not None and now >= self.until

    def begun(
        self, by: str, reason: str, now: datetime, span: timedelta, *, approved_by: str = ""
    ) -> "Pause":
        """A pause from now on, in the place of one that is on.

        Raises:
            ValueError: it is longer than ``LONGEST_PAUSE``, or has no reason.
        """
        if not timedelta(0) < span <= LONGEST_PAUSE:
            hours = LONGEST_PAUSE / timedelta(hours=1)
            raise ValueError(f"a pause lasts at most {hours:g} hours; pause again when it ends")
        if not reason.strip():
            raise ValueError("a pause needs a reason: everybody who waits for it reads it")
        return self.changed(
            by=by,
            approved_by=approved_by,
            reason=reason.strip()[:LONGEST_REASON],
            at=now,
            until=now + span,
        )

    def ended(self) -> "Pause":
        """Writes go on."""
        return self.changed(until=None)
