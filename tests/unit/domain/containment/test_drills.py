"""What a drill says in one line."""

from tests import builders as a
from workers.domain.containment.foresight.drills import Drill, Obstacle, takes_s
from workers.domain.containment.plans import Change, Plan, PlannedStep
from workers.domain.containment.spec import StepName
from workers.domain.starts.facts import MissingFact

ISOLATE, STOP, BACKUP = StepName.ISOLATE, StepName.STOP, StepName.BACKUP


def plan(**changes: Change) -> Plan:
    given = {
        "isolate": Change(summary="isolate 2 NICs"),
        "stop": Change(summary="deallocate the VM"),
    } | changes
    return Plan(
        profile="standard",
        steps=tuple(PlannedStep(step=StepName(name), change=one) for name, one in given.items()),
        as_of=a.NOW,
    )


def obstacle(step: StepName, why: str) -> Obstacle:
    return Obstacle(step=step, why=why)


def test_what_would_be_done_what_would_not_and_how_long() -> None:
    drill = Drill(plan=plan(), obstacles=(obstacle(STOP, "a resource lock"),))
    assert drill.line == "would isolate 2 NICs; cannot stop: a resource lock; about 5 s"
    assert drill.stopped == (STOP,)


def test_two_reasons_of_one_step_are_said_once_each() -> None:
    both = (obstacle(STOP, "a lock"), obstacle(STOP, "a right"), obstacle(STOP, "a lock"))
    assert Drill(plan=plan(), obstacles=both).cannot == "cannot stop: a lock and a right"


def test_what_is_so_already_takes_no_time() -> None:
    done = Change(summary="deallocated already", nothing_to_do=True)
    assert Drill(plan=plan(stop=done)).line == "would isolate 2 NICs; about 5 s"
    nothing = {"isolate": done, "stop": done}
    assert Drill(plan=plan(**nothing)).line == "would change nothing"


def test_steps_side_by_side_take_as_long_as_the_longest_way() -> None:
    assert takes_s([ISOLATE, STOP]) == STOP.spec.takes_s
    assert takes_s([BACKUP, STOP, ISOLATE]) == STOP.spec.takes_s + BACKUP.spec.takes_s
    assert takes_s([BACKUP]) == BACKUP.spec.takes_s
    assert takes_s([]) == 0


def test_only_what_counts_makes_it_unsure() -> None:
    missing = (MissingFact(name="subnet x", reason="late"), MissingFact(name="machine", reason="not allowed"))
    assert Drill(plan=plan(), missing=missing[:1]).unsure == ""
    assert Drill(plan=plan(), missing=missing).unsure == "machine: not allowed"
