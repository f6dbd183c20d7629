"""The card reached Slack: the owner's clock starts."""

from datetime import datetime

from workers.domain.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict
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
        self,
        approval_id: str,
        whom: tuple[str, ...],
        *,
        at: datetime | None = None,
        notice: str = "",
        known: Approval | None = None,
    ) -> None:
        """Note who was asked, and have the first deadline looked at when it comes.

        Args:
            approval_id: the approval whose card was posted.
            whom: Slack user ids that got a direct message; empty when only a channel got it.
            at: when it was sent; by default now.
            notice: why nobody could be asked directly, for the card.
            known: the approval as the caller read it, if its card shows it as it will be once this is noted.
        """
        at = at or self._clock.now()
        try:
            read = known or await self._store.approval(approval_id)
            written = await self._write(read, whom, at, notice, shown=known is not None)
        except Conflict:
            written = await until_written(lambda: self._write_anew(approval_id, whom, at, notice))
        if written is None:
            return
        await self._deadlines.set(written, version=written.version + 1)

    async def _write_anew(
        self, approval_id: str, whom: tuple[str, ...], at: datetime, notice: str
    ) -> Approval | None:
        return await self._write(await self._store.approval(approval_id), whom, at, notice, shown=False)

    async def _write(
        self, approval: Approval, whom: tuple[str, ...], at: datetime, notice: str, *, shown: bool
    ) -> Approval | None:
        if not approval.open:
            return None
        asked = approval.asked(at, whom, notice)
        if asked == approval:
            return None
        await self._store.commit(
            Commit(
                partition=partition_of_id(approval.id),
                documents=(asked,),
                # Written only if nothing else changed it: then the card shows this version already.
                shown=((asked.id, asked.version + 1),) if shown else (),
                audit=(
                    AuditRecord(
                        kind="approval.asked",
                        at=self._clock.now(),
                        about=approval.id,
                        vm=approval.event.vm.key,
                        details={"whom": list(asked.asked_whom), "notice": asked.notice},
                    ),
                ),
            )
        )
        return asked
