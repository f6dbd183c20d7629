"""The audit: who did what, when, and under which permission."""

from typing import Any, ClassVar

from pydantic import Field

from workers.domain.model import UtcTime
from workers.domain.schema import Numbered


class AuditRecord(Numbered):
    """One entry of the append-only audit, written in the same store call as the change that it describes.

    Attributes:
        kind: past tense, such as ``approval.opened``, ``decision.refused``, ``step.done``.
        about: id of the approval or containment; empty for refused commands.
        vm: the VM's key, or empty.
        by: who, as ``name (id)``; ``startgate`` for the product itself.
        details: JSON-ready; never a secret or a token.
    """

    document_kind: ClassVar[str] = "audit record"

    kind: str
    at: UtcTime
    about: str = ""
    vm: str = ""
    by: str = "startgate"
    details: dict[str, Any] = Field(default_factory=dict)
