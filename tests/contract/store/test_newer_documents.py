"""A newer worker and an older bot on one store, and the way back: nothing of either is lost.

The newer version is played by models that have a field more at three depths; the older one is today's code.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis.asyncio as redis
from structlog.testing import capture_logs

from tests import builders as a
from tests.contract.store.rig import START, VM, P, approval, commit, record
from tests.doubles import FakeClock
from tests.unit.domain.test_golden import with_news
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Card
from workers.domain.audit import AuditRecord
from workers.domain.containment.plans import Change, Plan, PlannedStep, StepName
from workers.domain.errors import NewerDocument
from workers.domain.nudges import Scheduled
from workers.domain.ports.store import Store
from workers.domain.schema import TODAY, read
from workers.domain.starts.vm import VmRecord
from workers.store import keys
from workers.store.redis_store import RedisStore


class NewerChange(Change):
    cost: str = "unknown"


class NewerPlannedStep(PlannedStep):
    change: NewerChange


class NewerPlan(Plan):
    steps: tuple[NewerPlannedStep, ...] = ()  # type: ignore[assignment]
    reviewed_by: str = ""


class NewerApproval(Approval):
    plan: NewerPlan
    forecast: dict[str, Any] | None = None


def newer(**changes: Any) -> NewerApproval:
    """As a newer worker opens it."""
    step = NewerPlannedStep(step=StepName.STOP, change=NewerChange(summary="stop", cost="9 EUR"))
    return NewerApproval(
        **{
            **dict(approval()),
            "schema_number": TODAY + 1,
            "plan": NewerPlan(profile="standard", steps=(step,), reviewed_by="Olga"),
            "forecast": {"level": "high", "signals": [{"name": "night", "weight": 3}]},
            **changes,
        }
    )


def as_older(document: NewerApproval) -> Approval:
    """As today's code reads what the newer version wrote."""
    return read(Approval, document.model_dump_json())


def as_newer(document: Approval) -> NewerApproval:
    """As the newer version reads what today's code wrote back."""
    return read(NewerApproval, document.model_dump_json())


CHANGES: dict[str, Callable[[Approval], Approval]] = {
    "asked": lambda one: one.asked(a.NOW, (a.ALICE,)),
    "reminded": lambda one: one.reminded(a.NOW),
    "rejected": lambda one: one.decided(a.decision(), containment_id=a.containment().id),
    "expired": lambda one: one.expired(a.NOW, "nobody answered"),
    "filled in": lambda one: one.filling_in(a.NOW),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_an_older_process_that_writes_a_newer_document_back_loses_none_of_its_fields(
    store: Store, change: str
) -> None:
    written = newer()
    await store.commit(commit(as_older(written)))

    read_by_older = await store.approval(written.id)
    changed = CHANGES[change](read_by_older)
    await store.commit(commit(changed))

    again = as_newer(await store.approval(written.id))
    assert again.forecast == written.forecast
    assert again.plan == written.plan
    assert again.plan.steps[0].change.cost == "9 EUR"
    assert again.schema_number == TODAY + 1, "its number stays that of who knows more"
    assert again.state is changed.state


async def test_the_way_back_a_newer_process_reads_what_an_older_one_opened(store: Store) -> None:
    await store.commit(commit(approval()))
    first = as_newer(await store.approval(approval().id))
    assert (first.forecast, first.plan.reviewed_by) == (None, "")
    assert {step.change.cost for step in first.plan.steps} == {"unknown"}
    await store.commit(commit(as_older(first.changed(forecast={"level": "low"})).changed(version=1)))
    older = await store.approval(approval().id)
    assert as_newer(older.reminded(a.NOW)).forecast == {"level": "low"}


async def test_records_of_vms_cards_and_containments_keep_fields_too(store: Store) -> None:
    held, vm = a.containment(version=0), VmRecord(vm=VM, open_approvals=(approval().id,))
    card = Card(id=approval().id)
    news = [read(type(one), json.dumps(with_news(one))) for one in (held, vm, card)]
    await store.commit(commit(*news))
    before = [await store.containment(held.id), await store.vm_record(VM), await store.card(card.id)]
    await store.commit(commit(*(one.changed() for one in before)))
    after = [await store.containment(held.id), await store.vm_record(VM), await store.card(card.id)]
    for one, kept in zip(after, news, strict=True):
        assert one == kept.changed(version=2)
        assert json.loads(one.model_dump_json())["of_a_newer_version"] == {"told": [1, None, "x"]}


async def test_audit_records_and_scheduled_messages_of_a_newer_version_are_read(store: Store) -> None:
    told = read(AuditRecord, json.dumps(with_news(record())))
    await store.commit(commit(audit=(told,)))
    assert list(await store.audit(P)) == [told]
    scheduled = read(Scheduled, json.dumps(with_news(Scheduled(sequence_number=7, due=a.NOW))))
    await store.note_scheduled(approval().id, scheduled)
    assert await store.take_scheduled(approval().id) == scheduled


class TestOnRedis:
    """What the newer version's own bytes do."""

    @pytest.fixture
    def stored(self, client: redis.Redis, clock: FakeClock) -> RedisStore:
        return RedisStore(client, clock=clock)

    async def test_the_bytes_of_a_newer_document_come_back_whole(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        written = newer(version=1)
        await client.hset(keys.by_id(written.id), mapping={"v": 1, "d": written.model_dump_json()})
        await stored.commit(commit((await stored.approval(written.id)).reminded(a.NOW)))
        text = await client.hget(keys.by_id(written.id), "d")
        expected = written.changed(version=2, reminded_at=a.NOW)
        assert json.loads(text or "") == json.loads(expected.model_dump_json())

    async def test_a_document_that_only_a_newer_version_understands_says_so(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        text = newer(version=1).model_dump_json().replace('"PENDING"', '"POSTPONED"')
        await client.hset(keys.by_id(approval().id), mapping={"v": 1, "d": text})
        for ask in (stored.approval(approval().id), stored.known_start(approval().id, START)):
            with pytest.raises(NewerDocument, match=r"written by a newer version.*can't read state"):
                await ask

    @pytest.mark.parametrize("text", ["", "no json", '{"sequence_number": "many"}', '{"schema_number": 99}'])
    async def test_a_scheduled_message_that_can_not_be_read_is_not_known_any_more(
        self, stored: RedisStore, client: redis.Redis, text: str
    ) -> None:
        await client.set(keys.scheduled(approval().id), text)
        with capture_logs() as logs:
            assert await stored.scheduled(approval().id) is None
            noted = Scheduled(sequence_number=1, due=a.NOW)
            assert await stored.note_scheduled(approval().id, noted) is None
        assert len(logs) == (2 if text else 0)
        assert await stored.take_scheduled(approval().id) == noted
