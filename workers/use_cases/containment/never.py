"""Whether a VM is in the guarded set: asked by whoever is about to contain it, so that none slips through."""

from collections.abc import Callable

import structlog

from workers.domain.containment.containment import Containment
from workers.domain.errors import DependencyAway
from workers.domain.policy.guards import Guards, VmInput, why_never
from workers.domain.policy.model import Policy
from workers.domain.policy.owners import owner_of
from workers.domain.ports.azure.facts import FactsReader
from workers.domain.ports.inventory import Inventory
from workers.domain.starts.facts import Facts, MachineFacts
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import VmRef

log = structlog.get_logger(__name__)

BUDGET_S = 10.0
"""As long as a look at a containment may wait for the facts about its VM."""
AGAIN_S = 5.0


class GuardedInAzure:
    """Judges by what Azure says at this moment, for the workers. Without guards it costs nothing.

    Args:
        policy: gives the policy in force.
        facts: read only where a guard asks for more than the VM's id tells.
    """

    def __init__(self, policy: Callable[[], Policy], facts: FactsReader) -> None:
        self._policy = policy
        self._facts = facts
        self._guards = _InForce(policy)

    async def __call__(self, containment: Containment) -> str:
        """Why this VM must not be contained, in sentences; empty if it may be.

        The facts are read once for each time that it is ordered or done anew; see ``Containment.unguarded``.

        Raises:
            DependencyAway: it can't be told yet. Nothing may be done until it can.
        """
        vm = containment.vm
        judged = self._guards().judge(VmInput(vm))
        if judged.doubt and containment.unguarded != containment.demand:
            facts = await self._facts.gather(vm, budget_s=BUDGET_S)
            judged = self._guards().judge(VmInput(vm, facts, _owner(self._policy(), vm, facts)))
            if judged.doubt and not facts.gone:
                raise DependencyAway("azure", judged.doubt, retry_after_s=AGAIN_S)
        return why_never(vm.name, judged.guard) if judged.guard else ""


class GuardedByInventory:
    """Judges by the inventory, for the bot, which can't ask Azure: the workers judge again."""

    def __init__(self, policy: Callable[[], Policy], inventory: Inventory) -> None:
        self._policy = policy
        self._inventory = inventory
        self._guards = _InForce(policy)

    async def __call__(self, vm: VmRef) -> str:
        """Why this VM must not be contained, in sentences; empty if nothing is known that says so."""
        policy = self._policy()
        if not policy.never:
            return ""
        try:
            known = (await self._inventory.lines([vm])).get(vm.key)
        except Exception as error:
            log.warning("the inventory can't be read", vm=vm.name, because=str(error))
            known = None
        facts = None
        if known is not None:
            machine = MachineFacts(location=known.location, tags=known.tags, power=known.power)
            facts = Facts(subscription_name=known.subscription_name, machine=machine)
        judged = self._guards().judge(VmInput(vm, facts, _owner(policy, vm, facts) if facts else None))
        return why_never(vm.name, judged.guard) if judged.guard else ""


class GuardedByFacts:
    """Judges by facts that were read already, for whoever only looks."""

    def __init__(self, policy: Callable[[], Policy]) -> None:
        self._policy = policy
        self._guards = _InForce(policy)

    def __call__(self, vm: VmRef, facts: Facts) -> str:
        """Why this VM must not be contained, in sentences; empty if nothing says so."""
        judged = self._guards().judge(VmInput(vm, facts, _owner(self._policy(), vm, facts)))
        return why_never(vm.name, judged.guard) if judged.guard else ""


class _InForce:
    """The guards of the policy in force, compiled once."""

    def __init__(self, policy: Callable[[], Policy]) -> None:
        self._policy = policy
        self._known: tuple[Policy, Guards] | None = None

    def __call__(self) -> Guards:
        policy = self._policy()
        if self._known is None or self._known[0] is not policy:
            self._known = (policy, Guards(policy.never))
        return self._known[1]


def _owner(policy: Policy, vm: VmRef, facts: Facts) -> Owner:
    return owner_of(policy.owner, vm, facts.tags, tags_known=facts.machine is not None)
