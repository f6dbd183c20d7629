"""The card reached Slack: the owner's clock starts."""

from datetime import datetime

from workers.domain.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.ids import partition_of_id
from workers.domain.ports import Clock, Commit, Nudger, Store
from workers.use_cases.conflicts import until_written
from workers.use_cases.deadlines import Deadlines


class NoteAsked:
    """Called by the bot after it has posted a card; repeating it changes nothing."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._clock = clock

    async def __call__(
        self, approval_id: str, whom: tuple[str, ...], *, at: datetime | None = None, notice: str = ""
    ) -> None:
        """Note who was asked, and have the first deadline looked at when it comes.

        Args:
            approval_id: the approval whose card was posted.
            whom: Slack user ids that got a direct message; empty when only a channel got it.
            at: when it was sent; by default now.
            notice: why nobody could be asked directly, for the card.
        """
        written = await until_written(lambda: self._write(approval_id, whom, at or self._clock.now(), notice))
        if written is None:
            return
        await self._deadlines.set(written, version=written.version + 1)

    async def _write(
        self, approval_id: str, whom: tuple[str, ...], at: datetime, notice: str
    ) -> Approval | None:
        approval = await self._store.approval(approval_id)
        if not approval.open:
            return None
        asked = approval.asked(at, whom, notice)
        if asked == approval:
            return None
        await self._store.commit(
            Commit(
                partition=partition_of_id(approval_id),
                documents=(asked,),
                audit=(
                    AuditRecord(
                        kind="approval.asked",
                        at=self._clock.now(),
                        about=approval_id,
                        vm=approval.event.vm.key,
                        details={"whom": list(asked.asked_whom), "notice": asked.notice},
                    ),
                ),
            )
        )
        return asked
