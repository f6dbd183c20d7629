"""What Azure knows about a VM, gathered at once and within a budget.

The VM itself comes first, since it names the rest; beside it the subscription's locks, what roles the caller
has there, and one query of Resource Graph: what Defender for Cloud has found, the subscription's name, tags,
failed extensions and the last recovery point. Then the backup status and all NICs in
parallel, then their NSGs, subnets and public IPs in parallel. With one NIC that is at most ten reads for a
first start, and four within ten minutes of another one by the same caller. A load balancer adds two, itself
and its public IP, and the route table of a NIC that the Internet reaches one.

What is left of the ten goes to the VM's own Defender plan, unless the query tells that no VM has one, and
then to just-in-time access. Without room they are named as missing, and filled in later.
"""

import asyncio
import time
from datetime import datetime

import structlog

from workers.arm.read.gathering.gathering import Gathering
from workers.arm.read.sources import Sources
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import (
    Facts,
)
from workers.domain.starts.vm import VmRef

log = structlog.get_logger(__name__)

LONGEST_THROTTLED_S = 300.0
"""Whatever Azure asks for, it is asked again after this long."""


class ArmFacts:
    """The ``FactsReader`` of the domain, over ARM.

    While Azure throttles a subscription, nothing is asked there: it counts what it refuses, too, and other
    subscriptions have budgets of their own.

    Args:
        azure: the clients; reads that outlast a budget go on there.
        sources: where facts are read; made here if not given.
    """

    def __init__(self, azure: Azure, sources: Sources | None = None) -> None:
        self._azure = azure
        self._sources = sources or Sources(azure)
        self._throttled: dict[str, float] = {}

    async def gather(
        self,
        vm: VmRef,
        *,
        budget_s: float,
        since: datetime | None = None,
        start: StartEvent | None = None,
    ) -> Facts:
        """Everything about a VM that comes within ``budget_s`` seconds; the rest is named as missing.

        What comes too late is read to its end all the same, for whoever asks next. The power state may be
        UNKNOWN while many are gathered at once: Azure's lists don't tell it.

        Raises:
            DependencyAway: Azure refuses the very first read for now, or can't be reached.
        """
        self._check_throttled(vm.subscription_id.lower())
        gathering = Gathering(self._sources, vm, since, start)
        reading = self._azure.run(gathering.all())
        await asyncio.wait([reading], timeout=budget_s)
        if not reading.done():
            gathering.late(budget_s)
        try:
            return gathering.facts()
        except DependencyAway as away:
            if away.scope and away.retry_after_s is not None:
                wait = min(away.retry_after_s, LONGEST_THROTTLED_S)
                self._throttled[away.scope] = time.monotonic() + wait
            raise

    def _check_throttled(self, subscription_id: str) -> None:
        left = self._throttled.get(subscription_id, 0.0) - time.monotonic()
        if left > 0:
            raise DependencyAway(
                "azure",
                f"throttles reads in the subscription {subscription_id}",
                retry_after_s=left,
                scope=subscription_id,
            )
        self._throttled.pop(subscription_id, None)
