"""Notes that a card reached its owners in Slack. Deadlines count from then."""

from datetime import datetime

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.ids import partition_of_id
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.conflicts import until_written


class NoteAsked:
    """Called by the bot after it has posted a card to its owners; repeating it changes nothing.

    Deadlines don't wait for the channel's copy, which in a burst may come minutes later. A card without an
    owner to ask goes to the channel only, and its deadlines count from then.

    A caller that writes something of its own about the posting can have both in one write: it calls
    ``noting`` before that write, and ``noted`` after it.
    """

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._clock = clock

    async def __call__(
        self, approval_id: str, whom: tuple[str, ...], *, at: datetime | None = None, notice: str = ""
    ) -> None:
        """Note who was asked, and schedule a look at the first deadline.

        Args:
            approval_id: the approval whose card was posted.
            whom: Slack user ids that got a direct message; empty when only a channel got it.
            at: when it was sent; now by default.
            notice: why nobody could be asked directly, for the card.
        """
        at = at or self._clock.now()
        asked = await until_written(lambda: self._write(approval_id, whom, at, notice))
        if asked is not None:
            await self.noted(asked)

    def noting(self, asked: Approval) -> Commit:
        """The commit that notes it. It meets a conflict if the approval was changed since it was read.

        Args:
            asked: what ``approval.asked(…)`` made of the approval as it was read.
        """
        details = {"whom": list(asked.asked_whom), "notice": asked.notice}
        if asked.quiet_until is not None:
            details["quiet_until"] = asked.quiet_until.isoformat()
        return Commit(
            partition=partition_of_id(asked.id),
            documents=(asked,),
            audit=(
                AuditRecord(
                    kind="approval.hushed" if asked.asked_at is None else "approval.asked",
                    at=self._clock.now(),
                    about=asked.id,
                    vm=asked.event.vm.key,
                    details=details,
                ),
            ),
        )

    async def noted(self, asked: Approval) -> None:
        """That commit was written: schedule a look at the first deadline."""
        await self._deadlines.set(asked, version=asked.version + 1)

    async def _write(
        self, approval_id: str, whom: tuple[str, ...], at: datetime, notice: str
    ) -> Approval | None:
        approval = await self._store.approval(approval_id)
        if not approval.open:
            return None
        asked = approval.asked(at, whom, notice)
        if asked == approval:
            return None
        await self._store.commit(self.noting(asked))
        return asked
