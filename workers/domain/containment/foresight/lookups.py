"""A look at Azure that the bot asks the workers for, since it may not look itself. Nothing is changed."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from workers.domain.containment.foresight.drills import Drill
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.plans import Plan
from workers.domain.containment.profile import LockdownProfile
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.facts import MissingFact
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef

ANSWERED_WITHIN = timedelta(seconds=15)
"""What takes longer is told to whoever waits; the answer is shown all the same if it still comes."""
WAITED_FOR = timedelta(minutes=2)
"""Nobody has the dialog open any longer than this without an answer, so none is looked up."""


class LookupKind(StrEnum):
    """What is asked."""

    PLAN = "plan"
    DRILL = "drill"
    RESTORE = "restore"
    REJECTION = "rejection"


class Foresight(Stored):
    """The answer: what would be done now, what would stop it, and what Azure did not tell.

    ``drill`` is there only if it was asked for; ``guarded`` says why the policy never contains the VM.
    """

    plan: Plan
    missing: tuple[MissingFact, ...] = ()
    drill: Drill | None = None
    guarded: str = ""


class OfRestore(Stored):
    """What a question about a restore is about, and what the dialog that shows it began with.

    Attributes:
        demand: the containment's ``demand`` when it was shown.
        start: the VM was to be started, too.
        dry_run: the dialog only shows, and nothing can be ordered in it.
    """

    containment_id: str
    demand: str
    start: bool = False
    reason: str = ""
    dry_run: bool = False


class OfLockdown(Stored):
    """What the dialog that asks before a lockdown began with.

    Attributes:
        reason: what was typed already.
        note: what to say beside what will be done, such as why it is asked all the same.
    """

    reason: str = ""
    note: str = ""


class Lookup(Numbered):
    """One question of one person about one VM, and its answer.

    Attributes:
        id: also the external id of the dialog in Slack that shows it.
        by: who asked; their permission is checked again before Azure is asked.
        restore: what a question of the kind ``RESTORE`` is about.
        returns: its answer.
        lockdown: what a question of the kind ``PLAN`` is asked before; ``None`` for a dry run.
        approval_id: the question that a question of the kind ``REJECTION`` is about.
        failed: why there is no answer, as a sentence; empty while there may be one.
    """

    document_kind: ClassVar[str] = "lookup"

    id: str
    version: int = 0
    kind: LookupKind = LookupKind.PLAN
    vm: VmRef
    profile: LockdownProfile
    by: Actor
    asked_at: UtcTime
    answered_at: UtcTime | None = None
    foresight: Foresight | None = None
    restore: OfRestore | None = None
    returns: tuple[Return, ...] = ()
    lockdown: OfLockdown | None = None
    approval_id: str = ""
    failed: str = ""

    def waits(self, now: datetime) -> bool:
        """Whether somebody still waits for its answer."""
        return self.answered_at is None and now < self.asked_at + WAITED_FOR

    def answered(self, at: datetime, foresight: Foresight) -> "Lookup":
        """With what was found."""
        return self.changed(answered_at=at, foresight=foresight)

    def returning(self, at: datetime, returns: tuple[Return, ...]) -> "Lookup":
        """With what a restore would bring back."""
        return self.changed(answered_at=at, returns=returns)

    def failed_because(self, at: datetime, why: str) -> "Lookup":
        """With the reason why nothing was found out."""
        return self.changed(answered_at=at, failed=why)
