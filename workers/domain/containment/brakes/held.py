"""That a containment does not go on for now, and why."""

from enum import StrEnum

from workers.domain.model import Stored, UtcTime


class HeldBy(StrEnum):
    """What holds a containment back."""

    PAUSE = "pause"
    CAP = "cap"
    MODE = "mode"


class Held(Stored):
    """It does not go on for now: nothing is begun, and what is under way is only looked at.

    Attributes:
        by: what holds it back.
        since: from when on.
        until: when that ends by itself, as it stands.
    """

    by: HeldBy
    since: UtcTime
    until: UtcTime
