"""Withdraws a question that has become pointless: its VM stopped, vanished, or never started."""

from collections.abc import Callable

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.request import without


class Withdraw:
    """Withdraws one approval."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)

    async def __call__(
        self, approval_id: str, because: str, *, only_if: Callable[[Approval], bool] = lambda _: True
    ) -> bool:
        """Withdraw it if it is still open; returns whether it was.

        Args:
            approval_id: it need not exist.
            because: the reason in words, for the card.
            only_if: says of the approval, as it is when it would be written, whether to.
        """
        withdrawn = await until_written(lambda: self._write(approval_id, because, only_if))
        if withdrawn is None:
            return False
        await self._nudger.notices(
            Nudge(subject=Subject.APPROVAL, id=approval_id, version=withdrawn.version + 1)
        )
        await self._deadlines.clear(approval_id)
        return True

    async def _write(
        self, approval_id: str, because: str, only_if: Callable[[Approval], bool]
    ) -> Approval | None:
        try:
            approval = await self._store.approval(approval_id)
        except NotFound:
            return None
        if not approval.open or not only_if(approval):
            return None
        now = self._clock.now()
        withdrawn = approval.withdrawn(now, because)
        record = without(await self._store.vm_record(approval.event.vm), approval)
        await self._store.commit(
            Commit(
                partition=partition_of_id(approval_id),
                documents=(withdrawn, record),
                audit=(
                    AuditRecord(
                        kind="approval.withdrawn",
                        at=now,
                        about=approval_id,
                        vm=approval.event.vm.key,
                        details={"because": because},
                    ),
                ),
            )
        )
        return withdrawn
