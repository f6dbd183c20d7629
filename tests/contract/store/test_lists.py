"""What every store promises of everything that it keeps beside the documents."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests import builders as a
from tests.contract.store.rig import VM, P, approval, commit, containment, record
from tests.doubles import FakeClock
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import Card
from workers.domain.asking.notices.dead_letters import PutAside
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.exchanges import MOST_KEPT
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import PARTITIONS, partition_of_id, partition_of_vm
from workers.domain.nudges import Scheduled
from workers.domain.ports.store import Commit, Said, Store
from workers.domain.starts.events import Phase, StartEnd
from workers.domain.starts.vm import VmRecord


class TestTurns:
    """The cap counts containments here, for all workers together."""

    HOUR = timedelta(hours=1)

    async def turn(self, store: Store, one: str, at: datetime = a.NOW, most: int = 2) -> datetime | None:
        return await store.take_turn(one, at, most=most, within=self.HOUR)

    async def test_so_many_have_a_turn_and_the_next_one_is_told_when_there_is_room(
        self, store: Store
    ) -> None:
        assert await self.turn(store, "a") is None
        assert await self.turn(store, "b", a.NOW + timedelta(minutes=10)) is None
        at = a.NOW + timedelta(minutes=20)
        assert await self.turn(store, "c", at) == a.NOW + self.HOUR
        assert await self.turn(store, "a", at) is None, "asking again counts once"
        assert await self.turn(store, "c", a.NOW + self.HOUR) is None
        assert await self.turn(store, "d", a.NOW + self.HOUR) == a.NOW + timedelta(minutes=70)

    async def test_of_many_at_the_same_moment_as_many_have_one_as_there_are(self, store: Store) -> None:
        found = await asyncio.gather(*(self.turn(store, f"c{n}", most=5) for n in range(40)))
        assert found.count(None) == 5


class TestExchanges:
    """What was sent to Azure, and answered, is kept beside its containment."""

    async def test_they_are_kept_in_order_with_the_record_that_names_them(self, store: Store) -> None:
        held = containment()
        await store.commit(commit(held, exchanges=("one", "two"), exchanges_of=held.id, audit=(record(),)))
        read = await store.containment(held.id)
        await store.commit(commit(read, exchanges=("three",), exchanges_of=held.id))
        assert list(await store.exchanges(held.id)) == ["one", "two", "three"]
        assert [one.kind for one in await store.audit(P)] == [record().kind], "they are no records"

    async def test_they_are_kept_without_a_write_of_the_containment_too(self, store: Store) -> None:
        held = containment()
        await store.commit(commit(exchanges=("one",), exchanges_of=held.id, audit=(record("step.wrote"),)))
        assert list(await store.exchanges(held.id)) == ["one"]

    async def test_a_commit_that_meets_a_conflict_keeps_none(self, store: Store) -> None:
        held = containment()
        await store.commit(commit(held))
        with pytest.raises(Conflict):
            await store.commit(commit(held, exchanges=("one",), exchanges_of=held.id))
        assert list(await store.exchanges(held.id)) == []

    async def test_of_many_the_newest_are_kept(self, store: Store) -> None:
        held = containment()
        for start in range(0, MOST_KEPT + 40, 20):
            texts = tuple(str(n) for n in range(start, start + 20))
            await store.commit(commit(exchanges=texts, exchanges_of=held.id))
        kept = list(await store.exchanges(held.id))
        assert (len(kept), kept[-1]) == (MOST_KEPT, str(MOST_KEPT + 39))


class TestSaid:
    """What the messages of a card say, by digest."""

    async def test_it_is_remembered_and_what_is_shown_no_longer_goes_in_the_end(self, store: Store) -> None:
        card_id = approval().id
        assert dict(await store.said(card_id)) == {}
        await store.commit(commit(said=Said(card_id, {"d0": "zero"})))
        for n in range(1, 100):
            texts = {f"d{n}": f"text {n} \u202e"}
            await store.commit(commit(said=Said(card_id, texts, ("d0",))))
        said = await store.said(card_id)
        assert (said["d0"], said["d99"]) == ("zero", "text 99 \u202e")
        assert len(said) < 40

    async def test_nothing_to_say_is_no_error(self, store: Store) -> None:
        await store.commit(commit(said=Said(approval().id, {})))
        assert dict(await store.said(approval().id)) == {}


class TestStanding:
    async def test_every_containment_that_is_not_restored_holds_its_vm(self, store: Store) -> None:
        other = a.vm_ref(name="other")
        here, there = containment(), containment(vm=other, state=ContainmentState.INCOMPLETE)
        await store.commit(commit(here, approval()))
        await store.commit(Commit(partition=partition_of_vm(other.key), documents=(there,)))
        assert set(await store.standing()) == {here.id, there.id}

    async def test_a_restored_one_holds_it_no_longer(self, store: Store) -> None:
        held = containment(state=ContainmentState.RESTORING)
        await store.commit(commit(held))
        read = await store.containment(held.id)
        await store.commit(commit(read.to(ContainmentState.RESTORED), shown=((held.id, 1),)))
        assert list(await store.standing()) == []


class TestOnce:
    async def test_the_second_time_writes_nothing_and_says_so(self, store: Store) -> None:
        assert await store.commit(commit(once="o", audit=(record(),)))
        asked = approval()
        assert not await store.commit(commit(asked, once="o", audit=(record(),)))
        with pytest.raises(NotFound):
            await store.approval(asked.id)
        assert len(await store.audit(P)) == 1

    async def test_another_key_or_another_partition_is_another_once(self, store: Store) -> None:
        assert await store.commit(commit(once="o"))
        assert await store.commit(commit(once="p"))
        assert await store.commit(Commit(partition=(P + 1) % PARTITIONS, once="o"))

    async def test_of_concurrent_ones_exactly_one_is_first(self, store: Store) -> None:
        results = await asyncio.gather(
            *(store.commit(commit(once="o", audit=(record(),))) for _ in range(25))
        )
        assert sorted(results) == [False] * 24 + [True]
        assert len(await store.audit(P)) == 1


class TestDue:
    async def test_what_is_due_is_found_from_that_moment_on(self, store: Store) -> None:
        asked = approval()
        await store.commit(commit(asked))
        due = asked.due_at()
        assert due is not None
        assert list(await store.past_due(due - timedelta(milliseconds=1))) == []
        assert list(await store.past_due(due)) == [asked.id]

    async def test_the_longest_overdue_comes_first_over_all_partitions(self, store: Store) -> None:
        expected = []
        for n in range(40):
            event = a.start_event(vm=a.vm_ref(name=f"vm-{n * 7 % 40}"))
            asked = a.approval(version=0, event=event, asked_at=a.NOW + timedelta(seconds=n))
            expected.append(asked.id)
            await store.commit(Commit(partition=partition_of_vm(event.vm.key), documents=(asked,)))
        at = a.NOW + timedelta(hours=1)
        assert list(await store.past_due(at)) == expected
        assert list(await store.past_due(at, limit=5)) == expected[:5]
        assert list(await store.past_due(a.NOW + timedelta(minutes=10, seconds=3))) == expected[:4]

    async def test_a_new_due_time_replaces_the_old_and_an_end_takes_it_off(self, store: Store) -> None:
        asked = approval()
        await store.commit(commit(asked))
        reminded = (await store.approval(asked.id)).reminded(a.NOW)
        await store.commit(commit(reminded))
        assert list(await store.past_due(asked.remind_at)) == []
        assert list(await store.past_due(asked.escalate_at)) == [asked.id]
        decided = (await store.approval(asked.id)).decided(a.decision())
        await store.commit(commit(decided))
        assert list(await store.past_due(a.NOW + timedelta(days=9))) == []

    async def test_cards_and_records_are_never_due(self, store: Store) -> None:
        await store.commit(commit(VmRecord(vm=VM), Card(id=approval().id)))
        assert list(await store.past_due(a.NOW + timedelta(days=9))) == []
        assert list(await store.unshown(a.NOW + timedelta(days=9))) == []

    async def test_writing_its_card_leaves_a_question_due_and_unshown(
        self, store: Store, clock: FakeClock
    ) -> None:
        asked = approval()
        await store.commit(commit(asked))
        await store.commit(commit(Card(id=asked.id), VmRecord(vm=VM, open_approvals=(asked.id,))))
        assert list(await store.past_due(asked.remind_at)) == [asked.id]
        assert list(await store.unshown(clock.now())) == [asked.id]

    async def test_a_start_that_has_joined_a_question_is_neither_due_nor_shown_by_itself(
        self, store: Store, clock: FakeClock
    ) -> None:
        asked = approval()
        joined = approval(1).joins(asked.id, a.NOW)
        await store.commit(commit(asked, joined))
        ended = (await store.approval(joined.id)).changed(ended=StartEnd(phase=Phase.SUCCEEDED, at=a.NOW))
        await store.commit(commit(ended))
        assert list(await store.unshown(clock.now() + timedelta(days=9))) == [asked.id]
        assert list(await store.past_due(a.NOW + timedelta(days=9))) == [asked.id]
        assert list(await store.open_approvals()) == [asked.id]

    async def test_open_approvals_are_those_that_wait_for_an_answer(self, store: Store) -> None:
        waiting, closed = approval(), approval(1, state=ApprovalState.CONFIRMED)
        await store.commit(commit(waiting, closed, containment()))
        assert list(await store.open_approvals()) == [waiting.id]


class TestScheduled:
    async def test_it_is_remembered_until_it_is_taken(self, store: Store) -> None:
        scheduled = Scheduled(sequence_number=2**53 + 1, due=a.NOW)
        await store.note_scheduled(approval().id, scheduled)
        assert await store.take_scheduled(approval(1).id) is None
        assert await store.take_scheduled(approval().id) == scheduled
        assert await store.take_scheduled(approval().id) is None


class TestShown:
    async def test_what_changed_is_unshown_from_that_moment_on(self, store: Store, clock: FakeClock) -> None:
        asked = approval()
        await store.commit(commit(asked))
        assert list(await store.unshown(clock.now() - timedelta(milliseconds=1))) == []
        assert list(await store.unshown(clock.now())) == [asked.id]

    async def test_showing_the_newest_version_settles_it(self, store: Store, clock: FakeClock) -> None:
        asked = approval()
        await store.commit(commit(asked))
        await store.commit(commit(shown=((asked.id, 1),)))
        assert list(await store.unshown(clock.now())) == []

    async def test_showing_an_older_version_settles_nothing(self, store: Store, clock: FakeClock) -> None:
        asked = approval()
        await store.commit(commit(asked))
        await store.commit(commit((await store.approval(asked.id)).changed(notice="newer")))
        await store.commit(commit(shown=((asked.id, 1),)))
        assert list(await store.unshown(clock.now())) == [asked.id]

    async def test_each_of_several_is_settled_by_its_own_version(
        self, store: Store, clock: FakeClock
    ) -> None:
        one, two, three = approval(), approval(1), containment()
        await store.commit(commit(one, two, three))
        await store.commit(commit((await store.approval(two.id)).changed(notice="newer")))
        card = Card(id=one.id)
        await store.commit(commit(card, shown=((one.id, 1), (two.id, 1), (three.id, 1))))
        assert list(await store.unshown(clock.now())) == [two.id]

    async def test_what_is_written_in_the_same_commit_counts(self, store: Store, clock: FakeClock) -> None:
        asked = approval()
        await store.commit(commit(asked, shown=((asked.id, 1),)))
        assert list(await store.unshown(clock.now())) == []

    async def test_showing_what_never_was_settles_nothing_else(self, store: Store, clock: FakeClock) -> None:
        asked = approval()
        await store.commit(commit(asked))
        assert await store.commit(commit(shown=((approval(1).id, 4),)))
        assert list(await store.unshown(clock.now())) == [asked.id]

    async def test_the_longest_unshown_comes_first(self, store: Store, clock: FakeClock) -> None:
        ids = []
        for n in (3, 1, 2):
            asked = approval(n)
            await store.commit(commit(asked))
            ids.append(asked.id)
            clock.advance(1)
        assert list(await store.unshown(clock.now())) == ids
        assert list(await store.unshown(clock.now(), limit=1)) == ids[:1]


class TestAudit:
    async def test_records_keep_their_order_within_and_across_commits(self, store: Store) -> None:
        for n in range(5):
            await store.commit(commit(audit=(record(by=f"{n}a"), record(by=f"{n}b"))))
        expected = [f"{n}{x}" for n in range(5) for x in "ab"]
        assert [r.by for r in await store.audit(P)] == expected
        assert [r.by for r in await store.audit(P, limit=3)] == expected[:3]

    async def test_partitions_are_apart(self, store: Store) -> None:
        await store.commit(commit(audit=(record(),)))
        for partition in range(PARTITIONS):
            assert len(await store.audit(partition)) == (partition == P)


async def test_the_notice_about_dead_letters_is_kept_by_compare_and_set_and_waits_to_be_shown(
    store: Store, clock: FakeClock
) -> None:
    empty = await store.dead_letter_notice()
    assert (empty.version, empty.number) == (0, 0)
    told = empty.told({"starts": (PutAside(1, "NoTime"),)}, clock.now())
    assert told is not None
    first = Commit(partition=partition_of_id(told.id), documents=(told,))

    await store.commit(first)
    with pytest.raises(Conflict):
        await store.commit(first)

    kept = await store.dead_letter_notice()
    assert kept == told.changed(version=1)
    clock.advance(1)
    assert list(await store.unshown(clock.now())) == [kept.id]
    await store.commit(Commit(partition=partition_of_id(told.id), shown=((kept.id, 1),)))
    assert list(await store.unshown(clock.now())) == []
    assert list(await store.standing()) == []


async def test_the_notice_about_the_policy_file_is_kept_and_waits_to_be_shown(
    store: Store, clock: FakeClock
) -> None:
    empty = await store.policy_notice()
    assert (empty.version, empty.number) == (0, 0)
    told = empty.refusing("workers", "bad", "4:1: wrong", in_force="good", at=clock.now())
    assert told is not None

    await store.commit(Commit(partition=partition_of_id(told.id), documents=(told,)))

    assert await store.policy_notice() == told.changed(version=1)
    clock.advance(1)
    assert list(await store.unshown(clock.now())) == [told.id]
