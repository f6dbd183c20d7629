"""Beyond so many containments an hour the next ones wait, and on-call is asked in one message."""

import asyncio
from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import put
from workers.domain.containment.brakes.cap import WITHIN
from workers.domain.containment.brakes.held import HeldBy
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import AlreadyDecided, NotAllowed
from workers.domain.ids import CAP_QUESTION, partition_of_id
from workers.domain.nudges import Subject
from workers.use_cases.containment.brakes import LOOK_AGAIN
from workers.use_cases.containment.contain import Contain
from workers.use_cases.orders.cap import AnswerCap

CAP = 2


class CapRig(Rig):
    """A policy that takes two containments an hour."""

    def worker(self) -> Contain:
        brakes = acting.brakes(store=self.store, clock=self.clock, nudger=self.nudger, cap=lambda: CAP)
        runners = list(self.runners.values())
        return Contain(
            store=self.store,
            nudger=self.nudger,
            runners=runners,
            clock=self.clock,
            policy=lambda: self.policy,
            brakes=brakes,
        )

    @property
    def answer(self) -> AnswerCap:
        return AnswerCap(store=self.store, nudger=self.nudger, clock=self.clock)

    async def ordered(self, count: int) -> list[Containment]:
        found = []
        for n in range(count):
            vm = a.vm_ref(name=f"vm-{len(await self.store.standing()) + n}")
            locked = await self.lock_down(vm, a.oncall(), LockdownProfile())
            found.append(locked.containment)
        self.nudger.clear()
        return found

    async def looked(self, *ones: Containment) -> list[Containment]:
        for one in ones:
            await self.contain(one.id)
        return [await self.store.containment(one.id) for one in ones]

    async def on_record(self) -> list[str]:
        return [record.kind for record in await self.store.audit(partition_of_id(CAP_QUESTION))]


@pytest.fixture
def rig() -> CapRig:
    return CapRig()


def begun(rig: CapRig) -> int:
    return len(rig.runners[a.StepName.STOP].begun)


async def test_the_next_ones_wait_and_one_message_asks_about_all_of_them(rig: CapRig) -> None:
    ones = await rig.looked(*await rig.ordered(5))
    assert [one.state for one in ones[:CAP]] == [ContainmentState.RUNNING] * CAP
    assert {one.state for one in ones[CAP:]} == {ContainmentState.PLANNED}
    assert {one.held.by for one in ones[CAP:] if one.held} == {HeldBy.CAP}
    assert begun(rig) == CAP
    question = await rig.store.cap_question()
    assert question.asked is not None
    assert (question.asked.number, question.asked.most) == (1, CAP)
    assert [one.id for one in question.asked.waiting] == [one.id for one in ones[CAP:]]
    asked = {n.id for n in rig.nudger.to_notices if n.subject is Subject.CAP}
    assert asked == {question.asked.card_id}
    await rig.looked(*ones[CAP:])
    assert await rig.on_record() == ["cap.asked", "cap.waits", "cap.waits"], "looking again says nothing new"


async def test_what_on_call_was_shown_goes_on_at_once_and_what_came_later_asks_anew(rig: CapRig) -> None:
    ones = await rig.looked(*await rig.ordered(4))
    rig.nudger.clear()
    answered = await rig.answer(1, 1, a.oncall(), go_on=True)
    assert answered.released == (ones[2].id,)
    assert {n.id for n in rig.worked(Subject.CONTAINMENT)} == {ones[2].id, ones[3].id}
    third, fourth = await rig.looked(ones[2], ones[3])
    assert (third.state, fourth.state) == (ContainmentState.RUNNING, ContainmentState.PLANNED)
    question = await rig.store.cap_question()
    assert question.asked is not None
    assert (question.asked.number, [one.id for one in question.asked.waiting]) == (2, [fourth.id])
    record = (await rig.store.audit(partition_of_id(CAP_QUESTION)))[-2]
    assert (record.kind, record.by) == ("cap.released", a.oncall().label)
    assert record.details["containments"] == [third.id]


async def test_nobody_answers_and_each_goes_on_once_the_hour_has_room(rig: CapRig) -> None:
    *_, third, fourth = await rig.looked(*await rig.ordered(4))
    rig.clock.advance(WITHIN - LOOK_AGAIN)
    await rig.looked(third, fourth)
    assert begun(rig) == CAP
    rig.clock.advance(LOOK_AGAIN)
    third, fourth = await rig.looked(third, fourth)
    assert {third.state, fourth.state} == {ContainmentState.RUNNING}
    question = await rig.store.cap_question()
    assert question.asked is not None
    assert question.asked.waiting == ()


async def test_what_is_held_back_waits_for_an_hour_though_there_is_room_and_is_asked_about_again(
    rig: CapRig,
) -> None:
    *_, third = await rig.looked(*await rig.ordered(3))
    rig.clock.advance(timedelta(minutes=50))
    await rig.answer(1, 1, a.oncall(), go_on=False)
    rig.clock.advance(timedelta(minutes=20))
    (third,) = await rig.looked(third)
    assert third.state is ContainmentState.PLANNED, "the hour has room, and on-call said no"
    rig.clock.advance(timedelta(minutes=40))
    (third,) = await rig.looked(third)
    assert third.state is ContainmentState.RUNNING
    assert (await rig.on_record())[1] == "cap.held"


async def test_waiting_makes_nothing_late_and_gives_nothing_up(rig: CapRig) -> None:
    *_, third = await rig.looked(*await rig.ordered(3))
    for _ in range(55):
        rig.clock.advance(LOOK_AGAIN)
        await rig.looked(third)
    await rig.answer(1, 1, a.oncall(), go_on=True)
    ended = await rig.until_rest(third.id)
    assert ended.state is ContainmentState.CONTAINED
    kinds = {record.kind for record in await rig.audit(third.vm)}
    assert not kinds & {"containment.late", "step.late", "step.given-up"}


async def test_a_vm_that_is_contained_again_counts_no_second_time(rig: CapRig) -> None:
    one, two = await rig.looked(*await rig.ordered(2))
    for each in (one, two):
        await rig.until_rest(each.id)
        again = (await rig.store.containment(each.id)).once_more(rig.clock.now())
        await put(rig, again)
    rig.runners[a.StepName.STOP].begun.clear()
    await rig.looked(one, two)
    assert begun(rig) == 2


async def test_a_vm_that_is_contained_again_does_not_wait_though_the_hour_is_full(rig: CapRig) -> None:
    (one,) = await rig.looked(*await rig.ordered(1))
    await rig.until_rest(one.id)
    rig.clock.advance(WITHIN)
    await rig.looked(*await rig.ordered(CAP))
    await put(rig, (await rig.store.containment(one.id)).once_more(rig.clock.now()))
    rig.runners[a.StepName.STOP].begun.clear()
    (one,) = await rig.looked(one)
    assert (begun(rig), one.held) == (1, None)


async def test_several_workers_count_together(rig: CapRig) -> None:
    ones = await rig.ordered(8)
    workers = [rig.worker() for _ in range(3)]
    await asyncio.gather(*(worker(one.id) for one in ones for worker in workers))
    states = [(await rig.store.containment(one.id)).state for one in ones]
    assert states.count(ContainmentState.RUNNING) == CAP


async def test_an_answer_whose_nudge_was_lost_reaches_what_waits_within_a_minute(rig: CapRig) -> None:
    *_, third = await rig.looked(*await rig.ordered(3))
    rig.nudger.crashes = 1
    with pytest.raises(CrashError):
        await rig.answer(1, 1, a.oncall(), go_on=True)
    held = await rig.store.containment(third.id)
    due = held.due_at()
    assert due is not None
    assert due <= rig.clock.now() + LOOK_AGAIN
    rig.clock.to(due)
    (third,) = await rig.looked(third)
    assert third.state is ContainmentState.RUNNING


async def test_on_call_alone_answers_and_each_refusal_is_on_record(rig: CapRig) -> None:
    *_, third = await rig.looked(*await rig.ordered(3))
    with pytest.raises(NotAllowed, match="Only on-call can decide about containments that wait"):
        await rig.answer(1, 1, a.actor(), go_on=True)
    (third,) = await rig.looked(third)
    assert third.state is ContainmentState.PLANNED


async def test_the_second_answer_is_told_of_the_first(rig: CapRig) -> None:
    await rig.looked(*await rig.ordered(3))
    await rig.answer(1, 1, a.oncall(), go_on=True)
    with pytest.raises(AlreadyDecided, match="Olga Oncall had 1 of them go on"):
        await rig.answer(1, 1, a.oncall(), go_on=False)


async def test_on_call_is_not_asked_about_what_will_never_be_begun(rig: CapRig) -> None:
    *_, third = await rig.looked(*await rig.ordered(3))
    cause = third.cause.changed(by=a.actor())
    await put(rig, third.changed(cause=cause))  # the order turns out to be nobody's who may give it
    (third,) = await rig.looked(third)
    assert third.state is ContainmentState.INCOMPLETE
    question = await rig.store.cap_question()
    assert question.asked is not None
    assert question.asked.waiting == ()
    assert (await rig.on_record())[-1] == "cap.dropped"
