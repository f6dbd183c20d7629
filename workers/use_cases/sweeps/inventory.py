"""The inventory: all VMs are listed, and open questions are compared with what Azure lists."""

from workers.domain.errors import DependencyAway
from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.vm_lister import VmLister
from workers.telemetry.health import Health
from workers.use_cases.sweeps.reconcile import Reconcile


class TakeInventory:
    """Lists the VMs of every subscription, so that a name resolves without asking Azure.

    Args:
        list_vms: asks Azure.
        inventory: takes what is listed; what a subscription no longer lists goes.
        reconcile: withdraws questions about VMs that have stopped or vanished.
        health: hears whether Azure answers, with the first subscription already: readiness waits for that.
        period_s: seconds between two listings.
    """

    name = "inventory"

    def __init__(
        self,
        *,
        list_vms: VmLister,
        inventory: Inventory,
        reconcile: Reconcile,
        health: Health,
        clock: Clock,
        period_s: float,
    ) -> None:
        self._list_vms = list_vms
        self._inventory = inventory
        self._reconcile = reconcile
        self._health = health
        self._clock = clock
        self.period_s = period_s

    async def __call__(self) -> None:
        """List once.

        Raises:
            DependencyAway: Azure or Redis does not answer; health has heard of it.
            StepFailed: we may not list the subscriptions.
        """
        begun = self._clock.now()
        try:
            async for subscription_id, vms in self._list_vms(begun):
                self._health.ok("azure")
                await self._inventory.put(vms, whole_subscription=subscription_id)
                await self._reconcile(subscription_id, vms, begun)
        except DependencyAway as away:
            self._health.away(away.service, str(away), retry_after_s=away.retry_after_s)
            raise
