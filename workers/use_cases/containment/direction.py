"""The two directions of a containment, as the engine sees them: its steps are done, or they are undone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.outcomes import Outcome
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Progress, Step, Steps
from workers.domain.errors import StepFailed
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.store import Document, Store


class AuditKinds(NamedTuple):
    """The kinds of the audit records about a whole direction, such as ``containment.contained``."""

    late: str
    refused: str
    incomplete: str
    proven: str


class Direction(ABC):
    """What differs between doing and undoing. ``engine`` does everything that doesn't.

    Attributes:
        states: the states of a containment that goes this way.
        end: the state once it is proven that all steps ended well.
        kinds: what the audit calls its ends.
    """

    states: frozenset[ContainmentState]
    end: ContainmentState
    kinds: AuditKinds

    def __init__(self, *, store: Store, runners: Mapping[StepName, StepRunner]) -> None:
        self._store = store
        self._runners = runners

    @abstractmethod
    async def refusal(self, containment: Containment) -> str:
        """Why this must not go on, as a sentence; empty when it may.

        Raises:
            DependencyAway: of ``azure``, if it can't be told yet. Nothing is begun until it can.
        """

    def permitted(self, containment: Containment) -> Containment:
        """The containment with the note that it may go on, where that is worth a note."""
        return containment

    # The steps

    @abstractmethod
    def steps(self, containment: Containment) -> Steps:
        """The steps as they stand in this direction."""

    @abstractmethod
    def with_step(self, containment: Containment, step: Step) -> Containment:
        """The containment with one of those steps replaced by its next state."""

    @abstractmethod
    def began(self, containment: Containment) -> datetime:
        """When it was ordered: its time counts from there."""

    @abstractmethod
    def paged(self, containment: Containment, now: datetime) -> Containment:
        """The containment with the note that on-call is told how long it takes."""

    def giving_way(self, containment: Containment) -> tuple[Outcome, ...]:
        """Steps that have to be done again, because one that they block is to be done first."""
        del containment
        return ()

    @abstractmethod
    def resumed(self, containment: Containment, now: datetime) -> Containment:
        """The containment with its steps going on after they were held back."""

    @abstractmethod
    def ready(self, containment: Containment, now: datetime) -> tuple[Step, ...]:
        """Steps to begin now, or to skip: not begun, their needs ended, and not waiting for a retry."""

    @abstractmethod
    def begin(self, containment: Containment, step: Step, now: datetime) -> Outcome:
        """The step as it is written down before it is begun, or skipped or failed if it must not be begun."""

    @abstractmethod
    async def act(self, containment: Containment, step: Step) -> Progress:
        """Begin the step on Azure or, when it carries a token, see how far it is. Returns at once.

        Raises:
            StepFailed, DependencyAway: as ``StepRunner`` does.
        """

    def named(self, outcome: Outcome) -> Outcome:
        """The outcome under the name that the audit has for it in this direction."""
        return outcome

    def failure(self, error: Exception) -> StepFailed | None:
        """What ``act`` raised, as the step's failure; ``None`` for a defect of ours."""
        return error if isinstance(error, StepFailed) else None

    # The proof

    @abstractmethod
    def read_back(self, name: StepName) -> bool:
        """Whether this step is read back once more at the end."""

    @abstractmethod
    async def prove(self, containment: Containment, step: Step) -> Progress:
        """Read a step back that is done; ``done`` says that it still holds. Raises as ``act`` does."""

    @abstractmethod
    def unproven(self, step: Step, why: Exception | Progress, now: datetime) -> Outcome:
        """A step that was done does not read back as done: it is done again, or it has failed."""

    # Other documents that are written in the same commit

    async def written_with_begun(
        self, containment: Containment, begun: Sequence[StepName], now: datetime
    ) -> Sequence[Document]:
        """Documents to write with the note that these steps are begun."""
        del containment, begun, now
        return ()

    async def written_with_progress(self, containment: Containment, progress: Progress) -> Sequence[Document]:
        """Documents to write with a step's result."""
        del containment, progress
        return ()

    async def written_with_end(self, containment: Containment, now: datetime) -> Sequence[Document]:
        """Documents to write with the end; ``containment`` is in its last state already."""
        del containment, now
        return ()
