"""What looks at Azure and changes nothing, over a test's ports."""

from collections.abc import Sequence

from tests.rig import Rig
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.drills import Obstacle
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.starts.facts import Facts
from workers.domain.starts.surroundings import Surroundings
from workers.domain.starts.vm import VmRef
from workers.use_cases.containment.never import GuardedByFacts
from workers.use_cases.orders.looking.answer_lookup import AnswerLookup
from workers.use_cases.orders.looking.foresee import Foresee
from workers.use_cases.orders.looking.look_up import LookUp
from workers.use_cases.orders.looking.rehearse import Rehearse


class FakeSurroundings:
    """Nothing is around the VM."""

    async def read(self, vm: VmRef, facts: Facts, *, budget_s: float) -> Surroundings:
        del vm, facts, budget_s
        return Surroundings()


class FakeObstacles:
    """Finds what it is given."""

    def __init__(self, *found: Obstacle) -> None:
        self._found = found

    async def read(
        self, vm: VmRef, facts: Facts, profile: LockdownProfile, steps: Sequence[StepName]
    ) -> Sequence[Obstacle]:
        del vm, facts, profile, steps
        return self._found


class FakeReturns:
    """Brings back what it is given."""

    def __init__(self, *returns: Return) -> None:
        self._returns = returns

    async def read(self, containment: Containment) -> Sequence[Return]:
        del containment
        return self._returns


def look_up(rig: Rig) -> LookUp:
    return LookUp(store=rig.store, nudger=rig.nudger, clock=rig.clock)


def answer_lookup(rig: Rig, *found: Obstacle, returns: tuple[Return, ...] = ()) -> AnswerLookup:
    runners = list(rig.runners.values())
    foresee = Foresee(
        facts=rig.facts,
        surroundings=FakeSurroundings(),
        assess=rig.assess,
        runners=runners,
        clock=rig.clock,
        guarded=GuardedByFacts(lambda: rig.policy),
    )
    rehearse = Rehearse(foresee=foresee, obstacles=FakeObstacles(*found))
    return AnswerLookup(
        store=rig.store,
        nudger=rig.nudger,
        foresee=foresee,
        rehearse=rehearse,
        returns=FakeReturns(*returns),
        clock=rig.clock,
    )
