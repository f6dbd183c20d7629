"""A further start of a VM while its question is open: it joins that question, and no other is asked."""

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.events import Access, Caller
from workers.domain.starts.risk import Level

MOST_LISTED = 50
"""So many a question lists; it counts all of them, and each has a document of its own."""


class JoinedStart(Stored):
    """What the question shows of it.

    Attributes:
        approval_id: of its own document.
        number: 2 for the first that joined, and so on.
        failed: it needs no answer.
        level: of its own risk.
    """

    approval_id: str
    number: int
    at: UtcTime
    caller: Caller
    access: Access | None = None
    failed: bool = False
    level: Level = Level.LOW
