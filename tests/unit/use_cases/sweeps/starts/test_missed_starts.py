"""Starts that no event told of are found and asked about; one whose event comes late is asked about once."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.decisions import Answer
from workers.domain.errors import DependencyAway
from workers.domain.policy.model import Rule, Verdict
from workers.domain.ports.azure.start_log import Subscription
from workers.domain.starts.events import Caller, CallerKind, Phase, StartEvent
from workers.domain.starts.vm import PowerState, TurnedOn
from workers.use_cases.starts.outcome import Outcome
from workers.use_cases.sweeps.starts.missed_starts import LOG_IS_LATE, MissedStarts

AFTER = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
WEB = a.vm_ref()


class Leases:
    def __init__(self) -> None:
        self.free = True

    async def take(self, name: str, *, for_s: float) -> bool:
        assert (name, for_s) == ("missed-starts", 540)
        return self.free


class Log:
    """What the Activity Log has, or an error."""

    def __init__(self, *records: StartEvent | Exception) -> None:
        self.records = records
        self.asked: list[tuple[str, datetime, datetime]] = []

    async def __call__(
        self, subscription_id: str, since: datetime, until: datetime
    ) -> AsyncIterator[StartEvent]:
        self.asked.append((subscription_id, since, until))
        for record in self.records:
            if isinstance(record, Exception):
                raise record
            if record.vm.subscription_id == subscription_id and since <= record.at <= until:
                yield record


def sweep(
    rig: Rig, log: Log | None = None, *, leases: Leases | None = None, also: Sequence[str] = ()
) -> MissedStarts:
    async def subscriptions() -> list[Subscription]:
        return [Subscription(key, key[:4]) for key in (*also, WEB.subscription_id)]

    return MissedStarts(
        store=rig.store,
        inventory=rig.inventory,
        leases=leases or Leases(),
        subscriptions=subscriptions,
        start_log=log or Log(),
        open_approval=rig.open,
        clock=rig.clock,
        after=AFTER,
        period_s=600,
    )


def start(rig: Rig, ago: timedelta = 10 * MINUTE, **changes: object) -> StartEvent:
    return a.start_event(
        **{"at": rig.clock.now() - ago, "phase": Phase.SUCCEEDED, "shape": "activitylog"} | changes
    )


async def turned_on(rig: Rig, ago: timedelta = LOG_IS_LATE + MINUTE) -> TurnedOn:
    """The inventory saw the VM off and, five minutes later, on."""
    now = rig.clock.now() - ago
    await rig.inventory.put([a.known_vm(power=PowerState.DEALLOCATED, seen_at=now - 5 * MINUTE)])
    await rig.inventory.put([a.known_vm(power=PowerState.RUNNING, seen_at=now)])
    (line,) = await rig.inventory.of(WEB.subscription_id)
    assert line.turned_on is not None
    return line.turned_on


async def only(rig: Rig) -> str:
    (found,) = await rig.store.open_approvals()
    return found


class TestByTheLog:
    async def test_a_start_without_an_event_is_asked_about_with_its_caller_and_marked(self, rig: Rig) -> None:
        assert await sweep(rig, Log(start(rig, 11 * MINUTE, phase=Phase.STARTED), start(rig)))() == 1
        approval = await rig.store.approval(await only(rig))
        assert approval.event.swept
        assert approval.event.caller == a.caller()
        assert (await rig.audit())[0].details["found_by"] == "sweep"

    async def test_what_an_event_told_of_is_no_find(self, rig: Rig) -> None:
        record = start(rig)
        first = await rig.open(record.changed(shape="eventgrid", at=record.at + timedelta(milliseconds=40)))
        assert await sweep(rig, Log(record))() == 0
        assert await only(rig) == first.document_id

    async def test_what_passed_by_rule_is_not_put_on_record_again(self, rig: Rig) -> None:
        rig.policy = a.policy(rules=(Rule(name="all", when="true", verdict=Verdict.PASS),))
        record = start(rig)
        await rig.open(record.changed(shape="eventgrid", at=record.at + timedelta(milliseconds=40)))
        assert await sweep(rig, Log(record))() == 0
        assert await rig.kinds() == ["start.passed"]

    async def test_an_event_that_comes_late_asks_nobody_again(self, rig: Rig) -> None:
        record = start(rig)
        await sweep(rig, Log(record))()
        late = await rig.open(record.changed(shape="eventgrid", at=record.at + timedelta(milliseconds=40)))
        assert late == (Outcome.DUPLICATE, await only(rig))

    async def test_an_event_may_be_on_its_way_for_a_while(self, rig: Rig) -> None:
        record = start(rig, AFTER - MINUTE)
        look = sweep(rig, Log(record))
        assert await look() == 0
        rig.clock.advance(2 * MINUTE)
        assert await look() == 1

    async def test_a_start_that_failed_is_not_asked_about(self, rig: Rig) -> None:
        failed = start(rig, phase=Phase.FAILED)
        assert await sweep(rig, Log(start(rig, 11 * MINUTE, phase=Phase.STARTED), failed))() == 0
        assert await rig.store.open_approvals() == []

    async def test_a_subscription_that_cant_be_read_holds_no_other_up(self, rig: Rig) -> None:
        class Refusing(Log):
            async def __call__(
                self, subscription_id: str, since: datetime, until: datetime
            ) -> AsyncIterator[StartEvent]:
                if subscription_id == "refused":
                    raise DependencyAway("azure", "throttled", scope="refused")
                async for record in super().__call__(subscription_id, since, until):
                    yield record

        with pytest.raises(DependencyAway):
            await sweep(rig, Refusing(start(rig)), also=["refused"])()
        await only(rig)

    async def test_the_log_is_read_again_only_as_far_as_it_may_be_late(self, rig: Rig) -> None:
        log = Log()
        look = sweep(rig, log)
        await look()
        rig.clock.advance(600)
        await look()
        assert [until - since for _, since, until in log.asked] == [
            timedelta(hours=2) + LOG_IS_LATE - AFTER,
            timedelta(minutes=10) + LOG_IS_LATE - AFTER,
        ]

    async def test_one_worker_does_it(self, rig: Rig) -> None:
        leases, log = Leases(), Log(start(rig))
        leases.free = False
        assert await sweep(rig, log, leases=leases)() == 0
        assert log.asked == []


class TestByThePowerState:
    async def test_a_vm_that_is_on_and_that_nothing_tells_of_is_asked_about_without_a_name(
        self, rig: Rig
    ) -> None:
        seen = await turned_on(rig)
        assert await sweep(rig)() == 1
        approval = await rig.store.approval(await only(rig))
        assert (approval.event.swept, approval.event.between) == (True, seen)
        assert approval.event.caller.kind is CallerKind.UNKNOWN

    async def test_every_worker_finds_the_same_start(self, rig: Rig) -> None:
        await turned_on(rig)
        assert [await sweep(rig)(), await sweep(rig)()] == [1, 0]
        await only(rig)

    async def test_the_log_may_still_say_who_it_was(self, rig: Rig) -> None:
        await turned_on(rig, LOG_IS_LATE - MINUTE)
        assert await sweep(rig)() == 0

    async def test_a_start_that_an_event_told_of_is_no_find(self, rig: Rig) -> None:
        seen = await turned_on(rig)
        await rig.open(start(rig, at=seen.after + MINUTE))
        assert await sweep(rig)() == 0

    @pytest.mark.parametrize("answer", Answer)
    async def test_an_event_after_the_answer_asks_nobody_again(self, rig: Rig, answer: Answer) -> None:
        seen = await turned_on(rig)
        await sweep(rig)()
        found = await only(rig)
        await rig.note_asked(found, (a.ALICE,))
        await rig.decide(answer, found, a.actor())
        begun = a.start_event(at=seen.after + MINUTE)

        late = [
            await rig.open(begun),
            await rig.open(begun.changed(phase=Phase.SUCCEEDED, at=seen.until + MINUTE)),
        ]

        assert late == [(Outcome.DUPLICATE, found)] * 2
        assert (await rig.store.approval(found)).told_as == begun.correlation_id
        assert (await rig.kinds()).count("start.told-late") == 1

    async def test_an_event_before_the_answer_shows_who_it_was_on_the_same_card(self, rig: Rig) -> None:
        seen = await turned_on(rig)
        await sweep(rig)()
        found = await only(rig)
        late = await rig.open(start(rig, at=seen.after + MINUTE))
        assert late == (Outcome.JOINED, found)
        assert a.caller() in (await rig.store.approval(found)).callers

    async def test_a_second_start_in_that_time_is_asked_about(self, rig: Rig) -> None:
        seen = await turned_on(rig)
        await sweep(rig)()
        found = await only(rig)
        await rig.note_asked(found, (a.ALICE,))
        await rig.decide(Answer.CONFIRM, found, a.actor())
        await rig.open(start(rig, at=seen.after + MINUTE))

        other = await rig.open(start(rig, at=seen.after + 3 * MINUTE, correlation_id="another"))

        assert other.outcome is Outcome.ASKED

    async def test_a_contained_vm_is_left_to_whoever_holds_it(self, rig: Rig) -> None:
        held = await rig.rejected()
        rig.clock.advance(timedelta(hours=1))
        await turned_on(rig)
        assert (await rig.store.vm_record(WEB)).containment_id == held.id
        assert await sweep(rig)() == 0


class TestTheLine:
    """What a line of the inventory says of the power state before it."""

    def test_a_vm_whose_power_state_is_missing_for_a_while_was_still_started(self) -> None:
        line = a.known_vm(power=PowerState.DEALLOCATED, seen_at=a.NOW)
        for minutes, power in ((5, PowerState.UNKNOWN), (10, PowerState.RUNNING), (15, PowerState.RUNNING)):
            line = a.known_vm(power=power, seen_at=a.NOW + minutes * MINUTE).after(line)
        assert line.turned_on == TurnedOn(after=a.NOW, until=a.NOW + 10 * MINUTE)

    def test_a_vm_that_is_new_was_created_and_not_started(self) -> None:
        assert a.known_vm(power=PowerState.RUNNING).after(None).turned_on is None

    def test_a_listing_that_is_older_than_the_line_changes_nothing(self) -> None:
        on = a.known_vm(power=PowerState.RUNNING, seen_at=a.NOW)
        stale = a.known_vm(power=PowerState.DEALLOCATED, seen_at=a.NOW - MINUTE).after(on)
        assert a.known_vm(power=PowerState.RUNNING, seen_at=a.NOW + MINUTE).after(stale).turned_on is None

    def test_a_caller_who_is_unknown_is_nobodys_habit(self) -> None:
        between = TurnedOn(after=a.NOW, until=a.NOW + MINUTE)
        assert StartEvent.seen_by_power(WEB, between).caller == Caller()
