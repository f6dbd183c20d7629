"""An isolation that ends by itself: announced to on-call, and only while the VM was not started meanwhile."""

from datetime import datetime, timedelta

from workers.domain.model import Stored, UtcTime

ANNOUNCED_BEFORE = timedelta(hours=1)
"""On-call has so long to keep the VM isolated, or to end it at once."""


class Expiry(Stored):
    """What was said and done about it.

    Attributes:
        announced_at: when on-call was to be told.
        ends_at: when the network is restored; never sooner than ``ANNOUNCED_BEFORE`` after that.
        held_at: when on-call was asked instead, so that nothing happens by itself any more.
        held_because: why, as a sentence without a capital; may hold hostile text.
    """

    announced_at: UtcTime
    ends_at: UtcTime
    held_at: UtcTime | None = None
    held_because: str = ""


def announced(now: datetime, ends_at: datetime) -> Expiry:
    """On-call is told now."""
    return Expiry(announced_at=now, ends_at=max(ends_at, now + ANNOUNCED_BEFORE))


def next_expiry_look(began: datetime, after: timedelta, expiry: Expiry | None) -> datetime | None:
    """When something has to be said or done about an isolation next; ``None`` for nothing more.

    Args:
        began: when its time began to count.
        after: how long it lasts.
        expiry: what was said so far.
    """
    if expiry is None:
        return began + after - ANNOUNCED_BEFORE
    return expiry.ends_at if expiry.held_at is None else None
