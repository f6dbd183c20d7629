"""On-call is paged outside Slack once for each call, in order, whatever a target does meanwhile."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import FakeClock
from workers.domain.asking.notices.pages import Action, Page, pages_of
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.domain.policy.paging import PageOn
from workers.domain.policy.people import OncallPolicy
from workers.domain.ports.paging import PageRefused, Written
from workers.domain.ports.store import Commit
from workers.store.in_memory.inventory import MemoryInventory
from workers.store.in_memory.store import MemoryStore
from workers.use_cases.sweeps.audit.pages import FIRST_PAUSE, SendPages

VM, APPROVAL, CONTAINMENT = a.vm_ref(), a.approval().id, a.containment().id
PARTITION = int(CONTAINMENT[1], 16)


def record(kind: str, about: str = CONTAINMENT, **details: object) -> AuditRecord:
    return AuditRecord(kind=kind, at=a.NOW, about=about, vm=VM.key, details=details)


def said(*records: AuditRecord) -> list[tuple[PageOn, Action]]:
    return [(page.on, page.action) for one in records for page in pages_of(one)]


class TestWhatCalls:
    def test_a_start_that_nobody_could_be_asked_about(self) -> None:
        assert said(record("approval.escalated", APPROVAL, asked_at=None)) == [
            (PageOn.UNDELIVERED, Action.TRIGGER)
        ]
        assert (PageOn.UNDELIVERED, Action.RESOLVE) in said(record("approval.asked", APPROVAL))

    def test_one_that_nobody_answers_is_another_call(self) -> None:
        asked = record("approval.escalated", APPROVAL, asked_at="2026-01-01T00:00:00+00:00")
        assert said(asked) == [(PageOn.UNANSWERED, Action.TRIGGER)]

    @pytest.mark.parametrize(("level", "count"), [("high", 1), ("medium", 0)])
    def test_a_start_of_high_risk(self, level: str, count: int) -> None:
        assert len(said(record("approval.opened", APPROVAL, risk={"level": level}))) == count

    @pytest.mark.parametrize("end", ["confirmed", "rejected", "expired", "withdrawn"])
    def test_an_end_of_the_question_ends_its_calls(self, end: str) -> None:
        ended = said(record(f"approval.{end}", APPROVAL))
        assert {(on, action) for on, action in ended} == {
            (PageOn.HIGH_RISK, Action.RESOLVE),
            (PageOn.UNDELIVERED, Action.RESOLVE),
            (PageOn.UNANSWERED, Action.RESOLVE),
        }

    def test_a_containment_from_incomplete_to_restored(self) -> None:
        kinds = ("containment.incomplete", "containment.retried", "containment.contained")
        assert said(*map(record, kinds)) == [
            (PageOn.INCOMPLETE, Action.TRIGGER),
            (PageOn.INCOMPLETE, Action.ACKNOWLEDGE),
            (PageOn.INCOMPLETE, Action.RESOLVE),
            (PageOn.CONTAINED, Action.TRIGGER),
        ]
        assert said(record("restore.requested"), record("containment.restored")) == [
            (PageOn.CONTAINED, Action.ACKNOWLEDGE),
            (PageOn.CONTAINED, Action.RESOLVE),
            (PageOn.INCOMPLETE, Action.RESOLVE),
        ]

    def test_a_call_and_its_end_share_a_key(self) -> None:
        (call,) = pages_of(record("containment.incomplete", left={"stop": "no"}))
        end = pages_of(record("containment.restored"))[1]
        assert call.key == end.key == f"startgate:incomplete:{CONTAINMENT}"
        assert call.summary == "vm-web-01 could not be contained completely: stop"

    def test_the_next_canary_that_is_seen_ends_the_call_about_one_that_was_silent(self) -> None:
        one, other = f"y0{'0' * 24}", f"y1{'0' * 24}"
        (call,), (end,) = pages_of(record("canary.silent", one)), pages_of(record("canary.seen", other))
        assert (call.key, call.action, end.action) == (end.key, Action.TRIGGER, Action.RESOLVE)

    def test_most_records_call_nobody(self) -> None:
        assert said(record("step.done"), record("page.sent"), record("start.passed", "")) == []


class Target:
    name = "pagerduty"

    def __init__(self) -> None:
        self.taken: list[Page] = []
        self.errors: list[Exception] = []

    async def send(self, page: Page) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(page)


class Memory:
    """Cursor, open pages and leases over the memory store's audit."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.places: dict[tuple[str, int], str] = {}
        self.open: set[tuple[str, str]] = set()
        self.free = True

    async def place(self, name: str, partition: int) -> str | None:
        return self.places.get((name, partition))

    async def move(self, name: str, partition: int, place: str) -> None:
        self.places[name, partition] = place

    async def newest(self, partition: int) -> str:
        return str(len(await self._store.audit(partition)))

    async def after(self, partition: int, place: str, *, limit: int) -> tuple[Written, ...]:
        records = await self._store.audit(partition)
        start = int(place)
        return tuple(Written(str(start + n), one) for n, one in enumerate(records[start : start + limit], 1))

    async def is_open(self, target: str, key: str) -> bool:
        return (target, key) in self.open

    async def opened(self, target: str, key: str) -> None:
        self.open.add((target, key))

    async def closed(self, target: str, key: str) -> None:
        self.open.discard((target, key))

    async def take(self, name: str, *, for_s: float) -> bool:
        del name, for_s
        return self.free


class Rig:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock, MemoryInventory())
        self.memory, self.target = Memory(self.store), Target()
        self.policy = a.policy(oncall=OncallPolicy(usergroup=a.ONCALL_GROUP, page=tuple(PageOn)))
        self.send = self.worker()

    def worker(self) -> SendPages:
        return SendPages(
            targets=[self.target],
            cursor=self.memory,
            open_pages=self.memory,
            leases=self.memory,
            store=self.store,
            clock=self.clock,
            policy=lambda: self.policy,
            period_s=10,
        )

    async def write(self, *kinds: str) -> None:
        audit = tuple(map(record, kinds))
        await self.store.commit(Commit(partition=PARTITION, audit=audit))

    async def audited(self, kind: str) -> list[AuditRecord]:
        return [one for one in await self.store.audit(PARTITION) if one.kind == kind]


@pytest.fixture
async def rig() -> Rig:
    made = Rig()
    await made.send()  # from here on
    return made


class TestSending:
    async def test_a_call_is_made_once_and_ended_once(self, rig: Rig) -> None:
        await rig.write("containment.incomplete", "containment.incomplete")
        assert await rig.send() == 1
        await rig.write("containment.restored", "containment.restored")
        assert await rig.send() == 1
        assert [page.action for page in rig.target.taken] == [Action.TRIGGER, Action.RESOLVE]
        assert len(await rig.audited("page.sent")) == 2

    async def test_what_nobody_was_called_for_is_not_ended(self, rig: Rig) -> None:
        await rig.write("containment.restored")
        assert await rig.send() == 0

    async def test_only_what_the_policy_names_calls(self, rig: Rig) -> None:
        rig.policy = a.policy(oncall=OncallPolicy(usergroup=a.ONCALL_GROUP, page=(PageOn.CONTAINED,)))
        await rig.write("containment.incomplete", "containment.contained")
        await rig.send()
        assert [page.on for page in rig.target.taken] == [PageOn.CONTAINED]

    async def test_what_was_before_pages_were_wanted_calls_nobody(self) -> None:
        rig = Rig()
        await rig.write("containment.incomplete")
        assert await rig.send() == 0
        assert await rig.send() == 0

    async def test_a_target_that_is_away_is_tried_again_later_and_later_and_loses_nothing(
        self, rig: Rig
    ) -> None:
        rig.target.errors = [DependencyAway("pagerduty", "503"), DependencyAway("pagerduty", "503")]
        await rig.write("containment.incomplete")
        for pause in (FIRST_PAUSE, 2 * FIRST_PAUSE):
            with pytest.raises(DependencyAway):
                await rig.send()
            rig.clock.advance(pause - timedelta(seconds=1))
            assert await rig.send() == 0
            rig.clock.advance(1)
        assert await rig.send() == 1

    async def test_it_waits_as_long_as_the_target_asks(self, rig: Rig) -> None:
        rig.target.errors = [DependencyAway("pagerduty", "429", retry_after_s=60)]
        await rig.write("containment.incomplete")
        with pytest.raises(DependencyAway):
            await rig.send()
        rig.clock.advance(59)
        assert await rig.send() == 0
        rig.clock.advance(1)
        assert await rig.send() == 1

    async def test_what_a_target_refuses_is_on_record_and_holds_nothing_up(self, rig: Rig) -> None:
        rig.target.errors = [PageRefused("answered 400")]
        await rig.write("containment.incomplete", "containment.contained")
        await rig.send()
        assert [page.on for page in rig.target.taken] == [PageOn.CONTAINED]
        (refused,) = await rig.audited("page.refused")
        assert refused.details["error"] == "answered 400"

    async def test_another_worker_goes_on_where_a_lost_one_stopped(self, rig: Rig) -> None:
        await rig.write("containment.incomplete")
        await rig.send()
        await rig.write("containment.contained")
        await rig.worker()()
        assert [page.action for page in rig.target.taken] == [
            Action.TRIGGER,
            Action.RESOLVE,
            Action.TRIGGER,
        ]

    async def test_one_worker_at_a_time_sends(self, rig: Rig) -> None:
        rig.memory.free = False
        await rig.write("containment.incomplete")
        assert await rig.send() == 0
