"""What is around a VM in Azure."""

from typing import Protocol

from workers.domain.starts.facts import Facts
from workers.domain.starts.surroundings import Surroundings
from workers.domain.starts.vm import VmRef


class SurroundingsReader(Protocol):
    """Reads more about a VM than facts hold."""

    async def read(self, vm: VmRef, facts: Facts, *, budget_s: float) -> Surroundings:
        """Read everything concurrently. What fails, or does not come in time, is named as unknown.

        Args:
            vm: which VM.
            facts: name what is read.
            budget_s: seconds to wait at most.
        """
        ...
