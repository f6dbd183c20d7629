"""A drill: a containment that is gone through up to its first write, and what would stop it there."""

from collections.abc import Iterable

from workers.domain.containment.plans import Plan
from workers.domain.containment.spec import StepName
from workers.domain.model import Stored
from workers.domain.starts.facts import MissingFact

LOCKS_AND_RIGHTS = "locks and rights"
_COUNTS = frozenset({"machine", LOCKS_AND_RIGHTS})
"""Facts without which nobody can say whether a containment would go through."""


class Obstacle(Stored):
    """Why a step would fail, in a few words for people; and what to do about it, or empty."""

    step: StepName
    why: str
    remedy: str = ""


class Drill(Stored):
    """What was found about one VM.

    Attributes:
        obstacles: what would make steps fail, as far as locks and rights tell.
        missing: what could not be read, so that there may be more of them.
        guarded: why the policy never contains this VM, in sentences; then nothing else is checked.
    """

    plan: Plan
    obstacles: tuple[Obstacle, ...] = ()
    missing: tuple[MissingFact, ...] = ()
    guarded: str = ""

    @property
    def stopped(self) -> tuple[StepName, ...]:
        """Steps that would fail, in their order."""
        names = {obstacle.step for obstacle in self.obstacles}
        return tuple(planned.step for planned in self.plan.steps if planned.step in names)

    @property
    def would(self) -> str:
        """What would be done."""
        if self.guarded:
            return f"would change nothing: {self.guarded}"
        doing = (one.change.summary for one in self.plan.steps if one.step in self._done)
        return f"would {', '.join(doing) or 'change nothing'}"

    @property
    def cannot(self) -> str:
        """What would fail and why; empty if nothing would."""
        return "; ".join(f"cannot {step.spec.verb}: {self._why(step)}" for step in self.stopped)

    @property
    def unsure(self) -> str:
        """Why there may be more that would fail; empty if what counts was read."""
        counts = [one for one in self.missing if one.name in _COUNTS]
        return "; ".join(f"{one.name}: {one.reason}" for one in counts)

    @property
    def about_s(self) -> float:
        """Roughly how long it would take, in seconds: the longest way through the steps."""
        return takes_s(self._done)

    @property
    def line(self) -> str:
        """All of it, such as ``would isolate 2 NICs; cannot stop: a resource lock; about 35 s``."""
        parts = (self.would, self.cannot, f"about {self.about_s:.0f} s" if self._done else "")
        return "; ".join(filter(None, parts))

    @property
    def _done(self) -> tuple[StepName, ...]:
        if self.guarded:
            return ()
        return tuple(
            one.step
            for one in self.plan.steps
            if one.step not in self.stopped and not one.change.nothing_to_do and not one.change.skipped
        )

    def _why(self, step: StepName) -> str:
        return " and ".join(dict.fromkeys(one.why for one in self.obstacles if one.step is step))


def takes_s(steps: Iterable[StepName]) -> float:
    """Roughly how long these steps take together, each beginning when those that it needs have ended."""
    ended: dict[StepName, float] = {}
    for step in sorted(steps, key=list(StepName).index):
        begins = max((ended[need] for need in step.needs if need in ended), default=0.0)
        ended[step] = begins + step.spec.takes_s
    return max(ended.values(), default=0.0)
