"""*Look at X again*: the only message on the internal queues."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from workers.domain.model import UtcTime
from workers.domain.schema import Numbered


class Subject(StrEnum):
    """What kind of document is to be looked at."""

    APPROVAL = "approval"
    CONTAINMENT = "containment"
    NOTICE = "notice"
    CAP = "cap"
    ACCESS = "access"
    LOOKUP = "lookup"
    POLICY = "policy"
    CANARY = "canary"
    REPORT = "report"


class Scheduled(Numbered):
    """A nudge that waits in Service Bus until it is due. Until then, its sequence number can cancel it."""

    document_kind: ClassVar[str] = "scheduled nudge"

    sequence_number: int
    due: UtcTime


class Nudge(Numbered):
    """Look at this document again, now or at ``due``."""

    document_kind: ClassVar[str] = "nudge"

    subject: Subject
    id: str
    version: int
    due: UtcTime | None = None

    @property
    def message_id(self) -> str:
        """``<id>:<version>:<due in ms>``; at most 128 characters, Service Bus's limit."""
        return f"{self.id}:{self.version}:{_ms(self.due)}"


def _ms(at: datetime | None) -> int:
    return 0 if at is None else int(at.timestamp() * 1000)
