"""The card reached its owners in Slack: their clock starts."""

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

    The channel's copy may still wait for its turn: deadlines don't wait for it, or in a burst they would by
    minutes. A card without an owner to ask is the channel's alone, and counts from there.

    Two ways: by itself, or in one write with what the caller notes of its posting, as ``noting`` before that
    write and ``noted`` after it.
    """

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
        at = at or self._clock.now()
        asked = await until_written(lambda: self._write(approval_id, whom, at, notice))
        if asked is not None:
            await self.noted(asked)

    def noting(self, asked: Approval) -> Commit:
        """The write that notes it. A conflict if the approval was changed since it was read.

        Args:
            asked: what ``approval.asked(…)`` made of the approval as it was read.
        """
        return Commit(
            partition=partition_of_id(asked.id),
            documents=(asked,),
            audit=(
                AuditRecord(
                    kind="approval.asked",
                    at=self._clock.now(),
                    about=asked.id,
                    vm=asked.event.vm.key,
                    details={"whom": list(asked.asked_whom), "notice": asked.notice},
                ),
            ),
        )

    async def noted(self, asked: Approval) -> None:
        """That write was made: have the first deadline looked at when it comes."""
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
