"""Starts of several VMs by one caller for one owner, and the bot that asks about them on one card."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot.cards.renderer import Renderer
from tests import builders as a
from tests.unit.bot.cards.posting_rig import DM, Posting
from workers.domain.asking.approvals import Approval
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.ids import approval_id
from workers.domain.messages import Complete, Later, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.starts.events import Caller
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal


class Burst(Posting):
    """Starts of several VMs, each with its question, not rendered yet."""

    async def opened(
        self,
        number: int,
        *,
        level: Level = Level.LOW,
        signals: Sequence[Signal] = (),
        after_s: float = 0,
        caller: Caller | None = None,
        **changes: Any,
    ) -> Approval:
        vm = a.vm_ref(name=f"vm-{number:03}")
        event = a.start_event(vm=vm, correlation_id=str(number), at=a.NOW + timedelta(seconds=after_s))
        event = event if caller is None else event.changed(caller=caller)
        approval = a.approval(
            id=approval_id(vm.key, event.dedupe_key),
            version=0,
            event=event,
            risk=Risk(level=level, signals=tuple(signals)),
            asked_at=None,
            asked_whom=(),
            **changes,
        )
        await self.change(approval)
        return await self.store.approval(approval.id)

    async def burst(self, count: int, **changes: Any) -> list[Approval]:
        return [await self.opened(number, **changes) for number in range(count)]

    async def asked(self, count: int, **changes: Any) -> list[Approval]:
        """So many questions on one card, which is posted."""
        approvals = await self.burst(count, **changes)
        await self.until_at_rest(*approvals)
        return approvals

    async def stored(self, approvals: Sequence[Approval]) -> list[Approval]:
        """As they are now."""
        return [await self.store.approval(one.id) for one in approvals]

    async def shown(self, approval: Approval, bot: Renderer | None = None) -> Settlement:
        nudge = Nudge(subject=Subject.APPROVAL, id=approval.id, version=1)
        return await (bot or self.renderer)(Message(body=nudge.model_dump_json().encode()))

    async def until_at_rest(self, *approvals: Approval, bots: Sequence[Renderer] = ()) -> None:
        """Work on a nudge about each until all is shown, in the order and at the times that they ask for."""
        waiting = list(approvals)
        for _ in range(200):
            if not waiting:
                return
            left: list[Approval] = []
            for place, approval in enumerate(waiting):
                bot = bots[place % len(bots)] if bots else self.renderer
                try:
                    settled = await self.shown(approval, bot)
                except (DependencyAway, Conflict):
                    settled = Later(after_s=1.0)
                if not isinstance(settled, Complete):
                    left.append(approval)
            waiting = left
            self.clock.advance(1)
        raise AssertionError("it does not come to rest")

    def cards(self, channel: str = DM) -> list[str]:
        """What the cards in a conversation say, in order; no replies."""
        ts = [one for one in self.slack.shows if one.startswith(f"{channel}-")]
        threads = dict(zip(ts, self.slack.threads.get(channel, []), strict=True))
        return [self.slack.shows[one].says for one in ts if threads[one] is None]

    async def every_asked(self, approvals: Sequence[Approval]) -> None:
        """Each was asked exactly once, by one card."""
        cards = [await self.store.card(one.id) for one in approvals]
        posted = [card for card in cards if any(copy.sent for copy in card.copies)]
        assert len(posted) == len(self.cards())
        for approval in approvals:
            stored = await self.store.approval(approval.id)
            assert stored.asked_at is not None, approval.event.vm.name
            records = [r for p in range(16) for r in await self.store.audit(p) if r.about == approval.id]
            assert [r.kind for r in records].count("approval.asked") == 1
            asking = [card for card in posted if card.id == approval.id or card.member(approval.id)]
            assert len(asking) == 1, [card.id for card in asking]
        assert not await self.unshown()
