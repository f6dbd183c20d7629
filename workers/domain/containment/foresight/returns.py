"""What a restore would bring back of each step, as Azure is now, and what somebody changed since."""

from workers.domain.containment.spec import StepName
from workers.domain.model import Stored


class Return(Stored):
    """One step's part of a restore. All lines are for people, and hostile text.

    Attributes:
        lines: what is now, and what it goes back to.
        drift: what somebody changed since the VM was contained, and what a restore does about it.
    """

    step: StepName
    lines: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
