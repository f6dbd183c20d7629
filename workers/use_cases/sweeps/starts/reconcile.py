"""Withdraws questions about VMs that have stopped or vanished meanwhile."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.errors import DependencyAway, NewerDocument, NotFound
from workers.domain.ports.azure.facts import FactsReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store
from workers.domain.starts.events import Phase
from workers.domain.starts.vm import KnownVm
from workers.use_cases.asking.withdraw import Withdraw

log = structlog.get_logger(__name__)

SETTLED_AFTER = timedelta(seconds=60)
"""Azure is late: a VM that was just started may still be told as stopped."""
SETTLED_ONCE_STARTED = timedelta(seconds=10)
"""Of a start that has succeeded: what is read as stopped after it was stopped since."""
READ_BUDGET_S = 5.0


class Reconcile:
    """Compares open questions about a subscription's VMs with what Azure has just listed."""

    def __init__(self, *, store: Store, nudger: Nudger, facts: FactsReader, clock: Clock) -> None:
        self._store = store
        self._facts = facts
        self._clock = clock
        self._withdraw = Withdraw(store=store, nudger=nudger, clock=clock)

    async def __call__(self, subscription_id: str, listed: Sequence[KnownVm], at: datetime) -> int:
        """Withdraw questions that have become pointless; returns how many.

        Args:
            subscription_id: whose VMs were listed.
            listed: all of them.
            at: when the listing began.
        """
        power = {vm.ref.key: vm.power for vm in listed}
        count = 0
        for approval_id in await self._store.open_approvals():
            try:
                approval = await self._store.approval(approval_id)
            except NotFound:
                continue
            except NewerDocument as newer:
                log.info("left to a newer version", approval=approval_id, because=str(newer))
                continue
            vm = approval.event.vm
            if vm.subscription_id.lower() != subscription_id.lower() or vm.classic:
                continue
            looks_off = vm.key not in power or power[vm.key].off
            if not looks_off or not _settled(approval, at):
                continue
            because = await self._read(approval)
            if because and await self._withdraw(approval_id, because):
                count += 1
        return count

    async def _read(self, approval: Approval) -> str:
        """Why the question is pointless, or empty. The list may be stale, so the VM itself is read."""
        try:
            facts = await self._facts.gather(approval.event.vm, budget_s=READ_BUDGET_S)
        except DependencyAway as away:
            log.info("can't tell whether the VM still runs", approval=approval.id, error=str(away))
            return ""
        if facts.gone:
            return "the VM no longer exists"
        if facts.machine is not None and facts.machine.power.off:
            return f"the VM is {facts.machine.power}"
        return ""


def _settled(approval: Approval, at: datetime) -> bool:
    """Whether Azure tells of the VM after the start, not of the time before it."""
    ended = approval.ended
    if ended is not None and ended.phase is Phase.SUCCEEDED:
        return at - max(approval.opened_at, ended.at) >= SETTLED_ONCE_STARTED
    return at - approval.opened_at >= SETTLED_AFTER
