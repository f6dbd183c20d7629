"""What Azure itself has on record: which subscriptions there are, their starts, and who is told of them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from workers.domain.starts.events import StartEvent


class Subscription(NamedTuple):
    """A subscription that we see."""

    id: str
    name: str


class Subscriptions(Protocol):
    """Which subscriptions we see."""

    async def __call__(self) -> Sequence[Subscription]:
        """Those whose resources can be read.

        Raises:
            DependencyAway: Azure does not answer.
            StepFailed: we may not list them.
        """
        ...


class StartLog(Protocol):
    """The starts that Azure has on record, whether an event told of them or not."""

    def __call__(self, subscription_id: str, since: datetime, until: datetime) -> AsyncIterator[StartEvent]:
        """Each record of a start in this time, in any order.

        Raises:
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: we may not read it.
        """
        ...


class EventSources(Protocol):
    """Whether Event Grid tells of the starts of a subscription."""

    async def __call__(self, subscription_id: str) -> str:
        """Why it does not, in words; empty if it does.

        Raises:
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: we may not read it.
        """
        ...
