"""Why a VM is contained."""

from enum import StrEnum

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.people import Actor


class CauseKind(StrEnum):
    """What a containment rests on."""

    REJECTION = "rejection"
    LOCKDOWN = "lockdown"
    SILENCE = "silence"
    RULE = "rule"


class Cause(Stored):
    """Why a VM is contained. ``by`` is ``None`` only where the policy itself decided."""

    kind: CauseKind
    at: UtcTime
    by: Actor | None = None
    reason: str = ""
    approval_id: str | None = None

    @property
    def by_policy(self) -> bool:
        """Whether the policy decided: on silence, or by a rule that does not ask."""
        return self.kind in (CauseKind.SILENCE, CauseKind.RULE)
