"""The daily line of a policy that only observes: what it would have done, told once."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bot.cards.blocks.oncall.report_card import report_card
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.notices.reports import ObservedDay, PolicyReport
from workers.domain.errors import NotFound
from workers.domain.ids import PARTITIONS, report_id
from workers.domain.nudges import Subject
from workers.domain.policy.model import Defaults, Mode, OnSilence, Rule, Verdict
from workers.store.in_memory.store import MemoryStore
from workers.use_cases.sweeps.policy.observed_day import TellObservedDay

RULES = tuple(
    Rule(name=verdict.value, when=f'event.correlation_id == "{verdict.value}"', verdict=verdict)
    for verdict in (Verdict.TELL, Verdict.PASS, Verdict.CONTAIN)
)
DAY = a.NOW.date().isoformat()
ONE = report_id(f"observed {DAY}")


class AuditOf:
    """The audit of a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.reads = 0

    async def records(self, since: datetime) -> AsyncIterator[str]:
        self.reads += 1
        found = [one for p in range(PARTITIONS) for one in await self.store.audit(p) if one.at >= since]
        for record in sorted(found, key=lambda one: one.at):
            yield record.model_dump_json()


class Observing(Rig):
    def __init__(self) -> None:
        defaults = Defaults(on_silence=OnSilence.CONTAIN)
        super().__init__(a.policy(mode=Mode.OBSERVE, rules=RULES, defaults=defaults))
        self.read = AuditOf(self.store)
        self.tell = self.another()

    def another(self) -> TellObservedDay:
        return TellObservedDay(
            store=self.store,
            nudger=self.nudger,
            audit=self.read,
            clock=self.clock,
            observes=lambda: self.policy.observes,
        )

    async def started(self, *correlation_ids: str) -> None:
        for correlation_id in correlation_ids:
            await self.open(a.start_event(correlation_id=correlation_id))


async def test_it_counts_what_would_have_happened_and_whom_that_would_have_reached() -> None:
    rig = Observing()
    await rig.started("one", "two", "tell", "pass", "contain")
    rig.clock.advance(timedelta(days=1))
    await rig.started("of the next day")

    assert await rig.tell() is True

    observed = (await rig.store.report(ONE)).observed
    assert observed == ObservedDay(
        day=DAY,
        asked=2,
        exposed=2,
        told=1,
        passed=1,
        contained=1,
        messages={"alice@contoso.com": 4, "on-call": 1},
    )
    (nudge,) = rig.nudger.to_notices
    assert (nudge.subject, nudge.id) == (Subject.REPORT, ONE)


async def test_it_is_told_once_whichever_worker_comes_first() -> None:
    rig = Observing()
    await rig.started("one")
    rig.clock.advance(timedelta(days=1))
    assert [await worker() for worker in (rig.tell, rig.tell, rig.another(), rig.another())] == [
        True,
        False,
        False,
        False,
    ]
    assert rig.read.reads == 1


async def test_the_day_itself_is_not_told_before_it_is_over() -> None:
    rig = Observing()
    await rig.started("one")
    rig.clock.advance(timedelta(minutes=5))
    await rig.tell()
    with pytest.raises(NotFound):
        await rig.store.report(ONE)


async def test_a_day_on_which_the_policy_was_enforced_is_not_told_of() -> None:
    rig = Observing()
    rig.policy = rig.policy.changed(mode=Mode.ENFORCE)
    await rig.started("one", "pass")
    rig.clock.advance(timedelta(days=1))
    assert await rig.tell() is False
    rig.policy = rig.policy.changed(mode=Mode.OBSERVE)
    assert await rig.tell() is False


def test_the_line_says_it_all_and_mentions_nobody() -> None:
    day = ObservedDay(
        day=DAY, asked=2, exposed=1, told=1, passed=1, contained=1, messages={"<!channel>": 4, "on-call": 1}
    )
    message = report_card(PolicyReport(id=ONE, at=a.NOW, observed=day))
    assert check_blocks(message.blocks, "message") == []
    (said,) = [block["text"]["text"] for block in message.blocks]
    assert "of 5 starts, 2 would have been asked about (1 of them contained if nobody answered)" in said
    assert "1 told of, 1 passed and 1 contained by a rule" in said
    assert "<!channel>" not in said
    assert "Nobody was asked and nothing was changed" in said
