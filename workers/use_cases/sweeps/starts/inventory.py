"""The inventory: all VMs are listed, and open questions are compared with what Azure lists."""

from datetime import datetime

from workers.domain.errors import DependencyAway
from workers.domain.ports.azure.vm_lister import Listing, VmLister
from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.starts.vm import KnownVm
from workers.telemetry.health import Health
from workers.use_cases.sweeps.starts.reconcile import Reconcile


class TakeInventory:
    """Lists the VMs of every subscription, so that a name resolves without asking Azure.

    Args:
        list_vms: asks Azure.
        inventory: takes what is listed; what a subscription no longer lists goes.
        reconcile: withdraws questions about VMs that have stopped or vanished.
        health: hears whether Azure answers, with the first subscription already: readiness waits for that;
            and which lists are missing.
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
            async for listing in self._list_vms(begun):
                await self._take(listing, begun)
        except DependencyAway as away:
            self._health.away(away.service, str(away), retry_after_s=away.retry_after_s)
            raise

    async def _take(self, listing: Listing, begun: datetime) -> None:
        unread = tuple(why for why in (listing.unread, listing.classics_unread) if why)
        if unread:
            self._health.sweep_failed(self.name, "; ".join(unread))
        if listing.unread and listing.classics_unread:
            return
        self._health.ok("azure")
        kept = await self._still_known(listing) if unread else []
        await self._inventory.put([*listing.vms, *kept], whole_subscription=listing.subscription_id)
        if not listing.unread:
            await self._reconcile(listing.subscription_id, listing.vms, begun)

    async def _still_known(self, listing: Listing) -> list[KnownVm]:
        """What was known of the list that is missing: that it can't be read doesn't delete a VM."""
        known = await self._inventory.of(listing.subscription_id)
        return [vm for vm in known if (listing.classics_unread if vm.ref.classic else listing.unread)]
