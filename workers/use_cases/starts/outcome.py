"""What one event of a start led to."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What one event led to."""

    ASKED = "asked"
    DUPLICATE = "duplicate"
    VANISHED = "vanished"
    FAILED_START = "failed start"
    RECONTAINED = "recontained"
    EXPECTED = "expected"
    PASSED = "passed"
    JOINED = "joined"
    CONTAINED = "contained by a rule"
    OBSERVED = "only observed"


class Opened(NamedTuple):
    """The outcome, and the id of the approval or containment, or empty if there is none."""

    outcome: Outcome
    document_id: str = ""
