"""The steps of a containment and what they can say, for the tests of its way."""

from datetime import timedelta
from typing import Any

from tests.rig import Rig
from workers.domain.containment.containment import Containment, Progress, StepState
from workers.domain.containment.plans import StepName
from workers.domain.errors import DependencyAway
from workers.domain.ports.store import Commit

ISOLATE, STOP, BACKUP = StepName.ISOLATE, StepName.STOP, StepName.BACKUP
GOING_ON = Progress(done=False, token="t", look_again_after=timedelta(seconds=3), note="going on")
AWAY = DependencyAway("azure", "throttled", retry_after_s=17)


async def put(rig: Rig, *documents: Any) -> None:
    await rig.store.commit(Commit(partition=int(documents[0].id[1], 16), documents=documents))


def states(containment: Containment) -> list[StepState]:
    return [step.state for step in containment.steps]
