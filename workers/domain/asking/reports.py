"""What on-call is told about the policy itself: a day that it only observed, or a rule that is drafted."""

from typing import ClassVar

from pydantic import Field

from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered


class ObservedDay(Stored):
    """What would have come of the starts of one day, had the policy been enforced.

    Attributes:
        day: in UTC, such as ``2026-11-24``.
        asked: so many would have been asked about.
        exposed: so many of those would have been contained, if nobody had answered.
        told: so many would have been announced.
        passed: so many passed, as they do in either mode.
        contained: so many VMs would have been contained by a rule.
        messages: whom that would have reached → how many messages at least: reminders are not counted.
    """

    day: str
    asked: int = 0
    exposed: int = 0
    told: int = 0
    passed: int = 0
    contained: int = 0
    messages: dict[str, int] = Field(default_factory=dict)

    @property
    def starts(self) -> int:
        """All of them."""
        return self.asked + self.told + self.passed + self.contained


class PolicyReport(Numbered):
    """One telling. It has a card of its own, and is never told twice: its id says what it is about.

    Attributes:
        at: when it was written.
        observed: what it tells of a day in which the policy only observed.
    """

    document_kind: ClassVar[str] = "report about the policy"

    id: str
    version: int = 0
    at: UtcTime
    observed: ObservedDay | None = None
