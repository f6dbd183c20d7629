"""What a containment would do to a VM as it is at this moment. Reads Azure, and changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from workers.domain.containment.by_hand import Words
from workers.domain.containment.plans import Plan
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.errors import NotFound
from workers.domain.ports.azure.facts import FactsReader
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.azure.surroundings import SurroundingsReader
from workers.domain.ports.clock import Clock
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef
from workers.use_cases.asking.assess import Assess

BUDGET_S = 20.0
"""Somebody is waiting, but not an owner who is to be asked."""


class Foreseen(NamedTuple):
    """The facts as they were read, the plan made of them, and the commands that do each step by hand.

    ``guarded`` says why the policy never contains this VM, in sentences; empty if it may.
    """

    facts: Facts
    plan: Plan
    by_hand: Mapping[StepName, tuple[Words, ...]]
    guarded: str = ""


class Foresee:
    """Makes fresh plans.

    Args:
        runners: one for each step that a profile may list.
        surroundings: reads what costs more than an ask may.
        guarded: says of a VM with these facts why it is never contained.
        budget_s: seconds that each of both reads may take.
    """

    def __init__(
        self,
        *,
        facts: FactsReader,
        surroundings: SurroundingsReader,
        assess: Assess,
        runners: Sequence[StepRunner],
        clock: Clock,
        guarded: Callable[[VmRef, Facts], str],
        budget_s: float = BUDGET_S,
    ) -> None:
        self._facts = facts
        self._surroundings = surroundings
        self._assess = assess
        self._runners = {runner.name: runner for runner in runners}
        self._clock = clock
        self._guarded = guarded
        self._budget_s = budget_s

    async def __call__(self, vm: VmRef, profile: LockdownProfile, *, closer: bool = True) -> Foreseen:
        """What this profile would do to this VM now.

        Args:
            vm: which VM.
            profile: what a lockdown would do.
            closer: also read what is around the VM.

        Raises:
            NotFound: Azure says that the VM does not exist.
            DependencyAway: Azure does not answer, or throttles.
        """
        facts = await self._facts.gather(vm, budget_s=self._budget_s)
        if facts.gone:
            raise NotFound(f"{vm.name} no longer exists, so there is nothing to contain.")
        if closer:
            around = await self._surroundings.read(vm, facts, budget_s=self._budget_s)
            facts = facts.changed(surroundings=around)
        return Foreseen(
            facts=facts,
            plan=self._assess.plan(vm, facts, profile, self._clock.now()),
            by_hand={name: self._runners[name].by_hand(vm, facts, profile) for name in profile.steps},
            guarded=self._guarded(vm, facts),
        )
