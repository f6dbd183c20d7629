"""Look at a containment again: what a nudge about it leads to."""

from collections.abc import Callable, Sequence

import structlog

from workers.domain.errors import Conflict
from workers.domain.policy.model import Policy
from workers.domain.ports.azure.standing import StandingReader
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store
from workers.use_cases.containment.at_rest.expire_isolation import ExpireIsolation
from workers.use_cases.containment.at_rest.follow import Follow
from workers.use_cases.containment.at_rest.lapse import Lapse
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.containment.doing import Doing, Guarded
from workers.use_cases.containment.engine import Engine
from workers.use_cases.containment.undoing import Undoing

log = structlog.get_logger(__name__)


class Contain:
    """Carries containments out, and undoes those that are to be restored.

    Args:
        policy: in force; says whether a restore needs two persons.
        guarded: says why a VM must never be contained; without it no VM is guarded.
        brakes: what may hold containments back; by default a pause alone.
        standing: reads a VM once more before its isolation ends by itself; without it, on-call is asked.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        runners: Sequence[StepRunner],
        clock: Clock,
        policy: Callable[[], Policy],
        guarded: Guarded | None = None,
        brakes: Brakes,
        standing: StandingReader | None = None,
    ) -> None:
        by_name = {runner.name: runner for runner in runners}
        directions = (
            Doing(store=store, runners=by_name, guarded=guarded),
            Undoing(store=store, runners=by_name, two_persons=lambda: policy().two_person.restore),
        )
        self._engine = Engine(
            store=store,
            nudger=nudger,
            clock=clock,
            directions=directions,
            brakes=brakes,
        )
        self._expire = ExpireIsolation(store=store, nudger=nudger, clock=clock, standing=standing)
        self._lapse = Lapse(store=store, nudger=nudger, clock=clock)
        self._follow = Follow(store=store, nudger=nudger, runners=by_name, clock=clock)

    async def __call__(self, containment_id: str) -> None:
        """Do what can be done now. Early, late, duplicate and concurrent calls are harmless.

        Raises:
            NotFound: there is no such containment.
            DependencyAway: the store does not answer. Azure being away is noted in the document, and retried.
        """
        try:
            await self._engine(containment_id)
            await self._follow(containment_id)
            await self._lapse(containment_id)
            await self._expire(containment_id)
        except Conflict:
            # Another worker is at it, and its writes nudge again. No result of ours was lost: each is written
            # by itself, and tried again on conflict.
            log.info("containment is being worked on elsewhere", containment=containment_id)
