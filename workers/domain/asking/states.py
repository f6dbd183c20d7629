"""Where an approval can stand, and where it can go from there."""

from enum import StrEnum

from workers.domain.policy.model import Verdict


class ApprovalState(StrEnum):
    """Where an approval stands; only ``PENDING`` and ``TOLD`` are open."""

    PENDING = "PENDING"
    TOLD = "TOLD"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    JOINED = "JOINED"
    RULED = "RULED"
    OBSERVED = "OBSERVED"


TRANSITIONS: dict[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.PENDING: frozenset(
        {
            ApprovalState.CONFIRMED,
            ApprovalState.REJECTED,
            ApprovalState.EXPIRED,
            ApprovalState.WITHDRAWN,
            ApprovalState.JOINED,
        }
    ),
    ApprovalState.TOLD: frozenset(
        {
            ApprovalState.PENDING,
            ApprovalState.REJECTED,
            ApprovalState.EXPIRED,
            ApprovalState.WITHDRAWN,
            ApprovalState.JOINED,
        }
    ),
    ApprovalState.CONFIRMED: frozenset({ApprovalState.PENDING}),
    ApprovalState.REJECTED: frozenset(),
    ApprovalState.EXPIRED: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
    ApprovalState.JOINED: frozenset(),
    ApprovalState.RULED: frozenset(),
    ApprovalState.OBSERVED: frozenset(),
}
"""From → to. Everything else is refused.

TOLD: the start is announced. It can be rejected, and there is nothing to confirm; silence leaves the VM.
TOLD → PENDING: facts that came late show a high risk, so somebody has to answer after all.
CONFIRMED → PENDING: whoever confirmed in words takes it back, within two minutes.
JOINED: the VM's question was open already, and asks about this start, too. It has no card of its own.
RULED: a rule of the policy contains the VM without asking.
OBSERVED: the policy only observes. It is put on record, and has no card.
"""

FIRST = {
    Verdict.ASK: ApprovalState.PENDING,
    Verdict.TELL: ApprovalState.TOLD,
    Verdict.CONTAIN: ApprovalState.RULED,
}
"""In which state an approval begins, by what the policy says of the start."""

OUTCOMES = {
    **dict.fromkeys(ApprovalState, "Still open"),
    ApprovalState.TOLD: "Announced only: there is nothing to confirm",
    ApprovalState.EXPIRED: "Expired: nobody answered in time",
    ApprovalState.WITHDRAWN: "Withdrawn: {because}",
    ApprovalState.JOINED: "Asked about together with an earlier start",
    ApprovalState.RULED: "Not asked about: {because}",
    ApprovalState.OBSERVED: "Only observed: nobody was asked",
}
"""How it stands where nobody decided it, as a sentence; ``because`` is why it is closed."""
