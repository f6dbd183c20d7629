"""On-call is told of what was put aside: of everything, but not time and again."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.notices.dead_letters import MOST_COUNTED, QUIET, DeadLetterNotice, PutAside
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Subject
from workers.use_cases.sweeps.dead_letters import TellDeadLetters


class Queues:
    """What lies in the dead letters."""

    def __init__(self) -> None:
        self.letters: dict[str, list[PutAside]] = {"starts": [], "work": []}

    def put(self, *sequences: int, reason: str = "NoTime", queue: str = "starts") -> None:
        self.letters[queue] += [PutAside(sequence, reason) for sequence in sequences]

    async def __call__(self, *, most: int) -> Mapping[str, tuple[PutAside, ...]]:
        await asyncio.sleep(0)
        return {queue: tuple(letters[:most]) for queue, letters in self.letters.items()}


@pytest.fixture
def queues() -> Queues:
    return Queues()


def sweep(rig: Rig, queues: Queues) -> TellDeadLetters:
    return TellDeadLetters(reader=queues, store=rig.store, nudger=rig.nudger, clock=rig.clock, period_s=60)


async def told(rig: Rig) -> DeadLetterNotice:
    return await rig.store.dead_letter_notice()


async def test_where_nothing_was_put_aside_nobody_is_told(rig: Rig, queues: Queues) -> None:
    assert not await sweep(rig, queues)()
    assert (await told(rig)).version == 0
    assert not rig.nudger.to_notices


async def test_it_is_told_how_many_there_are_and_why_and_noted_in_the_audit(rig: Rig, queues: Queues) -> None:
    queues.put(1, 2)
    queues.put(9, reason="NotJson")
    queues.put(4, reason="MaxDeliveryCountExceeded", queue="work")

    assert await sweep(rig, queues)()

    notice = await told(rig)
    assert (notice.number, notice.fresh, notice.total) == (1, 4, 4)
    assert notice.counts == {"starts": {"NoTime": 2, "NotJson": 1}, "work": {"MaxDeliveryCountExceeded": 1}}
    assert [(n.subject, n.id, n.version) for n in rig.nudger.to_notices] == [(Subject.NOTICE, notice.id, 1)]
    (record,) = await rig.store.audit(partition_of_id(notice.id))
    assert (record.kind, record.details["fresh"]) == ("dead-letters.told", 4)


async def test_the_same_ones_are_told_once(rig: Rig, queues: Queues) -> None:
    queues.put(1)
    await sweep(rig, queues)()
    rig.clock.advance(QUIET * 3)
    assert not await sweep(rig, queues)()


async def test_more_of_them_wait_until_ten_minutes_have_passed_and_are_then_told_together(
    rig: Rig, queues: Queues
) -> None:
    queues.put(7)
    await sweep(rig, queues)()
    first = await told(rig)
    for sequence in range(8, 13):
        queues.put(sequence)
        rig.clock.advance(60)
        assert not await sweep(rig, queues)()
    rig.clock.to(first.at + QUIET) if first.at else None

    assert await sweep(rig, queues)()

    second = await told(rig)
    assert (second.fresh, second.total) == (5, 6)
    assert second.card_id != first.card_id, "a message of its own"


async def test_one_that_comes_late_with_a_lower_number_is_new_all_the_same(rig: Rig, queues: Queues) -> None:
    queues.put(50)
    await sweep(rig, queues)()
    queues.put(3)
    rig.clock.advance(QUIET)
    assert await sweep(rig, queues)()
    assert (await told(rig)).fresh == 1


async def test_several_workers_tell_it_once(rig: Rig, queues: Queues) -> None:
    queues.put(1)
    results = await asyncio.gather(*(sweep(rig, queues)() for _ in range(3)))
    assert sorted(results) == [False, False, True]
    assert len(rig.nudger.to_notices) == 1


async def test_more_than_are_counted_are_said_to_be_at_least_so_many(rig: Rig, queues: Queues) -> None:
    queues.put(*range(MOST_COUNTED + 5))
    await sweep(rig, queues)()
    notice = await told(rig)
    assert notice.total == MOST_COUNTED
    assert not notice.counted_all


async def test_a_crash_before_the_nudge_is_made_up_for(rig: Rig, queues: Queues) -> None:
    queues.put(1)
    rig.nudger.crashes = 1
    with pytest.raises(CrashError):
        await sweep(rig, queues)()
    rig.clock.advance(60)
    await rig.resync()
    assert [nudge.subject for nudge in rig.nudger.to_notices] == [Subject.NOTICE]
