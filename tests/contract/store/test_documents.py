"""What every store promises of documents: versions, and that they change together or not at all."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.contract.store.rig import START, VM, P, approval, commit, containment, record
from tests.doubles import FakeClock
from workers.domain.asking.cards import Card
from workers.domain.asking.delegations import Delegations
from workers.domain.asking.notices.reports import ObservedDay, PolicyReport
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, Pause
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import PARTITIONS, PAUSE, partition_of_id, report_id
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.vm import ExpectedStart, VmRecord


class TestDocuments:
    async def test_what_was_written_is_read_with_the_next_version(self, store: Store) -> None:
        asked, contained = approval(), containment()
        vm, card = VmRecord(vm=VM, open_approvals=(asked.id,)), Card(id=asked.id, notice="x")
        assert await store.commit(commit(asked, contained, vm, card))
        assert await store.approval(asked.id) == asked.changed(version=1)
        assert await store.containment(contained.id) == contained.changed(version=1)
        assert await store.vm_record(VM) == vm.changed(version=1)
        assert await store.card(asked.id) == card.changed(version=1)

    async def test_there_is_one_pause_and_it_reads_as_empty_before_it_was_written(self, store: Store) -> None:
        assert await store.pause() == Pause()
        begun = Pause().begun("Olga", "x", a.NOW, DEFAULT_PAUSE)
        await store.commit(Commit(partition=partition_of_id(PAUSE), documents=(begun,)))
        assert await store.pause() == begun.changed(version=1)
        with pytest.raises(Conflict):
            await store.commit(Commit(partition=partition_of_id(PAUSE), documents=(begun,)))
        assert not await store.past_due(a.NOW + DEFAULT_PAUSE)
        assert not await store.unshown(a.NOW + DEFAULT_PAUSE)

    async def test_a_report_is_written_once_and_waits_to_be_shown(self, store: Store) -> None:
        report = PolicyReport(id=report_id("x"), at=a.NOW, observed=ObservedDay(day="2026-11-24"))
        with pytest.raises(NotFound):
            await store.report(report.id)
        written = Commit(partition=partition_of_id(report.id), documents=(report,))
        await store.commit(written)
        assert await store.report(report.id) == report.changed(version=1)
        with pytest.raises(Conflict):
            await store.commit(written)
        assert report.id in await store.unshown(a.NOW + DEFAULT_PAUSE)

    async def test_a_request_for_a_second_person_is_due_until_it_has_ended(self, store: Store) -> None:
        asked = a.access_request()
        over, later = asked.request.expires_at, a.NOW + DEFAULT_PAUSE
        with pytest.raises(NotFound):
            await store.access_request(asked.id)
        await store.commit(Commit(partition=partition_of_id(asked.id), documents=(asked,)))
        written = await store.access_request(asked.id)
        assert written == asked.changed(version=1)
        assert asked.id not in await store.past_due(over - timedelta(seconds=1))
        assert asked.id in await store.past_due(over)
        assert asked.id in await store.unshown(later)
        ended = written.expired(over)
        await store.commit(Commit(partition=partition_of_id(asked.id), documents=(ended,)))
        assert asked.id not in await store.past_due(later)

    async def test_hostile_text_comes_back_as_it_was(self, store: Store) -> None:
        text = "\u0000\u202e{{}} ']] redis.call('FLUSHALL') 😀 \\u0000 %s <!channel>"
        asked = approval(notice=text)
        await store.commit(commit(asked, audit=(record(details={"text": text}),)))
        assert (await store.approval(asked.id)).notice == text
        assert (await store.audit(P))[0].details == {"text": text}

    async def test_a_large_document_is_kept(self, store: Store) -> None:
        asked = approval(notice="x" * 500_000)
        await store.commit(commit(asked))
        assert len((await store.approval(asked.id)).notice) == 500_000

    @pytest.mark.parametrize(
        "garbage",
        [
            "",
            "x",
            "a" * 26 + "0",
            "b0" + "0" * 24,
            "a0" + "*" * 24,
            "az" + "0" * 24,
            "a0" + "0" * 24,
            "c0" + "0" * 24,
        ],
    )
    async def test_an_impossible_id_is_not_found(self, store: Store, garbage: str) -> None:
        with pytest.raises(NotFound):
            await store.approval(garbage)
        with pytest.raises(NotFound):
            await store.containment(garbage)

    async def test_an_approval_is_no_containment_nor_the_other_way_round(self, store: Store) -> None:
        asked, contained = approval(), containment()
        await store.commit(commit(asked, contained))
        with pytest.raises(NotFound):
            await store.containment(asked.id)
        with pytest.raises(NotFound):
            await store.approval(contained.id)

    async def test_what_was_never_written_reads_as_empty(self, store: Store) -> None:
        assert await store.card(approval().id) == Card(id=approval().id)
        assert await store.vm_record(VM) == VmRecord(vm=VM)
        assert list(await store.audit(P)) == []

    async def test_a_start_is_known_by_its_approval_and_its_vm(self, store: Store) -> None:
        asked, vm = approval(), VmRecord(vm=VM, containment_id="c")
        assert (await store.known_start(asked.id, START))[:2] == (None, VmRecord(vm=VM))
        await store.commit(commit(vm))
        assert (await store.known_start(asked.id, START))[:2] == (None, vm.changed(version=1))
        await store.commit(commit(asked))
        written = (asked.changed(version=1), vm.changed(version=1))
        assert (await store.known_start(asked.id, START))[:2] == written

    async def test_an_approval_is_read_with_its_card(self, store: Store) -> None:
        asked = approval()
        with pytest.raises(NotFound):
            await store.shown_question(asked.id)
        await store.commit(commit(asked))
        shown = (asked.changed(version=1), Card(id=asked.id), Pause(), Delegations())
        assert await store.shown_question(asked.id) == shown
        card = Card(id=asked.id, notice="nobody is known")
        await store.commit(commit(card))
        assert (await store.shown_question(asked.id)).card == card.changed(version=1)

    async def test_every_spelling_of_a_vm_has_one_record(self, store: Store) -> None:
        await store.commit(commit(VmRecord(vm=VM, containment_id="c")))
        upper = VM.changed(resource_id=VM.resource_id.upper())
        assert (await store.vm_record(upper)).containment_id == "c"

    async def test_a_document_of_another_partition_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="belongs to partition"):
            await store.commit(
                Commit(partition=(P + 1) % PARTITIONS, documents=(approval(),), audit=(record(),))
            )
        with pytest.raises(NotFound):
            await store.approval(approval().id)
        assert list(await store.audit((P + 1) % PARTITIONS)) == []


class TestCompareAndSet:
    @pytest.mark.parametrize("version", [0, 2, 7])
    async def test_a_write_from_an_old_read_is_a_conflict(self, store: Store, version: int) -> None:
        asked = approval()
        await store.commit(commit(asked))
        with pytest.raises(Conflict, match=asked.id):
            await store.commit(commit(asked.changed(version=version, notice="late")))
        assert (await store.approval(asked.id)).notice == ""

    async def test_what_does_not_exist_can_not_be_changed(self, store: Store) -> None:
        with pytest.raises(Conflict):
            await store.commit(commit(approval().changed(version=1)))

    async def test_a_conflict_in_one_document_writes_nothing_at_all(
        self, store: Store, clock: FakeClock
    ) -> None:
        asked, other, contained = approval(), approval(1), containment()
        await store.commit(commit(asked))
        clock.advance(10)
        before = [list(x) for x in (await store.past_due(clock.now()), await store.unshown(clock.now()))]
        for documents in (
            [contained, VmRecord(vm=VM), other, asked],
            [asked, contained, VmRecord(vm=VM), other],
        ):
            with pytest.raises(Conflict):
                await store.commit(commit(*documents, audit=(record(),), once="o", shown=((asked.id, 1),)))
        with pytest.raises(NotFound):
            await store.containment(contained.id)
        with pytest.raises(NotFound):
            await store.approval(other.id)
        assert (await store.vm_record(VM)).version == 0
        assert list(await store.audit(P)) == []
        assert [
            list(x) for x in (await store.past_due(clock.now()), await store.unshown(clock.now()))
        ] == before
        assert await store.commit(commit(once="o")), "the once key was not used up"

    async def test_of_concurrent_writes_from_one_read_exactly_one_wins(self, store: Store) -> None:
        asked = approval()
        await store.commit(commit(asked))
        read = await store.approval(asked.id)
        results = await asyncio.gather(
            *(
                store.commit(commit(read.changed(notice=str(n)), audit=(record(by=str(n)),)))
                for n in range(25)
            ),
            return_exceptions=True,
        )
        assert [r for r in results if not isinstance(r, Conflict)] == [True]
        written = await store.approval(asked.id)
        assert written.version == 2
        assert [r.by for r in await store.audit(P)] == [written.notice]

    async def test_of_concurrent_first_writes_exactly_one_wins(self, store: Store) -> None:
        results = await asyncio.gather(
            *(store.commit(commit(approval(), audit=(record(),))) for _ in range(25)), return_exceptions=True
        )
        assert [r for r in results if not isinstance(r, Conflict)] == [True]
        assert len(await store.audit(P)) == 1


class TestConditions:
    """What must not exist, and a VM that must be free."""

    @pytest.mark.parametrize("known", [None, VmRecord(vm=VM), VmRecord(vm=VM, open_approvals=("a",))])
    async def test_a_vm_of_which_nothing_special_is_known_is_free(
        self, store: Store, known: VmRecord | None
    ) -> None:
        if known is not None:
            await store.commit(commit(known))
        assert await store.commit(commit(free=VM, audit=(record(),)))
        assert len(await store.audit(P)) == 1

    @pytest.mark.parametrize(
        "held",
        [
            {"containment_id": "c" * 26},
            {"expected_start": ExpectedStart(correlation_ids=("x",), after=a.NOW, until=a.NOW)},
        ],
        ids=["contained", "started by a restore"],
    )
    async def test_a_vm_that_is_held_is_a_conflict_and_nothing_is_written(
        self, store: Store, held: dict[str, object]
    ) -> None:
        await store.commit(commit(VmRecord(vm=VM)))
        await store.commit(commit((await store.vm_record(VM)).changed(**held)))
        with pytest.raises(Conflict):
            await store.commit(commit(free=VM, audit=(record(),), once="o"))
        assert list(await store.audit(P)) == []
        assert await store.commit(commit(once="o")), "the once key was not used up"

    async def test_a_vm_that_was_held_once_is_free_again(self, store: Store) -> None:
        await store.commit(commit(VmRecord(vm=VM, containment_id="c" * 26)))
        await store.commit(commit((await store.vm_record(VM)).changed(containment_id=None)))
        assert await store.commit(commit(free=VM))

    async def test_what_must_be_absent_and_is_there_is_a_conflict(self, store: Store) -> None:
        asked, other = approval(), approval(1)
        await store.commit(commit(asked))
        assert await store.commit(commit(absent=(other.id,), free=VM))
        with pytest.raises(Conflict, match=asked.id):
            await store.commit(commit(absent=(other.id, asked.id), free=VM, audit=(record(),)))
        assert list(await store.audit(P)) == []

    @pytest.mark.parametrize(("count", "at"), [(1, 0), (3, 0), (3, 1), (3, 2)])
    async def test_each_that_must_be_absent_counts_wherever_it_stands(
        self, store: Store, count: int, at: int
    ) -> None:
        others = [approval(n) for n in range(1, count)]
        asked = approval()
        await store.commit(commit(asked))
        absent = [other.id for other in others]
        absent.insert(at, asked.id)
        with pytest.raises(Conflict, match=asked.id):
            await store.commit(commit(absent=tuple(absent), audit=(record(),), once="o"))
        assert list(await store.audit(P)) == []
        assert await store.commit(commit(once="o", absent=tuple(other.id for other in others)))

    @pytest.mark.parametrize("absent", [0, 1, 3])
    async def test_a_held_vm_is_a_conflict_whatever_else_is_asked_for(
        self, store: Store, absent: int
    ) -> None:
        asked, *others = (approval(n) for n in range(5))
        await store.commit(commit(asked, VmRecord(vm=VM, containment_id="c" * 26)))
        not_there = tuple(other.id for other in others[:absent])
        with pytest.raises(Conflict):
            await store.commit(commit(others[3], shown=((asked.id, 1),), absent=not_there, free=VM))
        with pytest.raises(NotFound):
            await store.approval(others[3].id)

    async def test_conditions_stand_beside_documents_and_what_is_shown(self, store: Store) -> None:
        asked, other = approval(), approval(1)
        await store.commit(commit(asked))
        both = commit(other, shown=((asked.id, 1),), absent=(approval(2).id,), free=VM)
        assert await store.commit(both)
        with pytest.raises(Conflict):
            await store.commit(both)
        assert (await store.approval(other.id)).version == 1

    async def test_what_was_seen_once_is_told_as_that_whatever_the_conditions(self, store: Store) -> None:
        await store.commit(commit(once="o"))
        await store.commit(commit(VmRecord(vm=VM, containment_id="c" * 26)))
        assert not await store.commit(commit(once="o", free=VM))
