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


class RuleDraft(Stored):
    """A rule that would have let pass what people confirmed again and again. Texts in it are hostile.

    Attributes:
        name: of the rule.
        yaml: the rule as it goes under ``rules:``.
        before: the rule of the policy that it has to stand before; empty if it can be the last one.
        caller: whose starts, by name.
        place: the VM, or the resource group.
        one_vm: whether it is about one VM.
        confirmed: so many confirmations led to it.
        passed: so many starts on record it would have let pass, none of which was rejected.
        days: of so many days.
    """

    name: str
    yaml: str
    before: str = ""
    caller: str = ""
    place: str = ""
    one_vm: bool = True
    confirmed: int = 0
    passed: int = 0
    days: int = 0


class PolicyReport(Numbered):
    """One telling. It has a card of its own, and is never told twice: its id says what it is about.

    Attributes:
        at: when it was written.
        observed: what it tells of a day in which the policy only observed.
        draft: a rule that it offers.
    """

    document_kind: ClassVar[str] = "report about the policy"

    id: str
    version: int = 0
    at: UtcTime
    observed: ObservedDay | None = None
    draft: RuleDraft | None = None
