"""What is written to Azure is in the audit with the step's result, and kept whole beside the containment."""

from collections.abc import Callable

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import ISOLATE, STOP, put
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState, Progress
from workers.domain.containment.exchanges import (
    MOST_IN_RECORD,
    Exchange,
    Notes,
    digest_of,
    note,
    noted,
    noting,
)
from workers.domain.errors import DependencyAway, StepFailed


def exchange(n: int = 0, **changes: object) -> Exchange:
    made: dict[str, object] = {
        "at": a.NOW.isoformat(),
        "method": "PUT",
        "path": f"/subscriptions/s/{n}",
        "status": 201,
        "client_request_id": f"client-{n}",
        "correlation_id": f"correlation-{n}",
        "request_id": f"request-{n}",
        "request": '{"a": 1}',
        "answer": '{"b": 2}',
    }
    return Exchange(**{**made, **changes})  # type: ignore[arg-type]  # of the types above


def writing(*exchanges: Exchange, then: Progress | Exception) -> Callable[[], Progress]:
    """A step that writes these, and then reports or raises."""

    def act() -> Progress:
        for one in exchanges:
            note(one)
        if isinstance(then, Exception):
            raise then
        return then

    return act


def of(records: list[AuditRecord], step: str) -> list[AuditRecord]:
    return [record for record in records if record.details.get("step") == step and "writes" in record.details]


GOING = Progress(done=False, token="t", note="going on")
SAME = Progress(done=False, token="t", note="going on")


async def test_the_result_of_a_step_names_its_writes_and_what_they_said_is_kept(rig: Rig) -> None:
    held = await rig.rejected()
    rig.runners[ISOLATE].to_begin.append(writing(exchange(1), exchange(2, status=202), then=GOING))
    await rig.advance(held.id)
    (record,) = of(await rig.audit(), "isolate")
    first, second = record.details["writes"]
    assert (first["client_request_id"], first["correlation_id"], first["request_id"]) == (
        "client-1",
        "correlation-1",
        "request-1",
    )
    assert (first["method"], first["path"], first["status"], second["status"]) == (
        "PUT",
        "/subscriptions/s/1",
        201,
        202,
    )
    assert not {"request", "answer"} & first.keys(), "bodies are kept elsewhere"
    texts = await rig.store.exchanges(held.id)
    assert [digest_of(text) for text in texts] == [first["sha256"], second["sha256"]]
    assert [
        record
        for record in await rig.audit()
        if record.details.get("step") == "stop" and "writes" in record.details
    ] == []


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (StepFailed("refused"), "step.retry"),
        (DependencyAway("azure", "throttled", retry_after_s=1), "step.held-up"),
        (ValueError("a defect"), "step.retry"),
    ],
)
async def test_what_was_written_before_a_step_failed_is_kept_as_well(
    rig: Rig, raised: Exception, kind: str
) -> None:
    held = await rig.rejected()
    rig.runners[ISOLATE].to_begin.append(writing(exchange(1), then=raised))
    await rig.advance(held.id)
    (record,) = of(await rig.audit(), "isolate")
    assert record.kind == kind
    assert len(await rig.store.exchanges(held.id)) == 1


async def test_a_poll_that_wrote_and_has_no_news_is_on_record(rig: Rig) -> None:
    held = await rig.rejected()
    rig.runners[ISOLATE].to_begin.append(GOING)
    await rig.advance(held.id)
    rig.runners[ISOLATE].to_check.append(writing(exchange(7), then=SAME))
    await rig.advance(held.id, times=2, by=3.0)
    (record,) = of(await rig.audit(), "isolate")
    assert record.kind == "step.wrote"


async def test_a_result_that_somebody_else_has_overtaken_loses_no_write(rig: Rig) -> None:
    held = await rig.rejected()

    async def overtaken() -> Containment:
        current = await rig.store.containment(held.id)
        step = current.step(ISOLATE)
        await put(rig, current.with_step(step.changed(note="theirs", token="other")))
        return current

    class Overtaken(type(rig.runners[ISOLATE])):  # type: ignore[misc]  # the rig's own runner
        async def begin(self, *_args: object, **_kwargs: object) -> Progress:
            note(exchange(3))
            await overtaken()
            return GOING

    rig.runners[ISOLATE] = Overtaken(ISOLATE)
    rig.contain = rig.worker()
    await rig.advance(held.id)
    (record,) = of(await rig.audit(), "isolate")
    assert record.kind == "step.wrote"
    assert (await rig.store.containment(held.id)).step(ISOLATE).note == "theirs"
    assert len(await rig.store.exchanges(held.id)) == 1


async def test_a_record_lists_a_bounded_number_and_says_that_there_were_more(rig: Rig) -> None:
    held = await rig.rejected()
    many = [exchange(n) for n in range(MOST_IN_RECORD + 5)]
    rig.runners[STOP].to_begin.append(writing(*many, then=GOING))
    await rig.advance(held.id)
    (record,) = of(await rig.audit(), "stop")
    assert (len(record.details["writes"]), record.details["writes_left_out"]) == (MOST_IN_RECORD, 5)


async def test_steps_side_by_side_note_each_their_own(rig: Rig) -> None:
    held = await rig.rejected()
    rig.runners[ISOLATE].to_begin.append(writing(exchange(1), then=GOING))
    rig.runners[STOP].to_begin.append(writing(exchange(2), then=GOING))
    await rig.advance(held.id)
    records = await rig.audit()
    for step, client in (("isolate", "client-1"), ("stop", "client-2")):
        (record,) = of(records, step)
        assert [one["client_request_id"] for one in record.details["writes"]] == [client]


async def test_a_containment_without_writes_has_none_on_record(rig: Rig) -> None:
    held = await rig.rejected()
    assert (await rig.until_rest(held.id)).state is ContainmentState.CONTAINED
    assert list(await rig.store.exchanges(held.id)) == []
    assert not any("writes" in record.details for record in await rig.audit())


def test_outside_of_an_act_nothing_is_noted() -> None:
    note(exchange())
    assert not noted()
    with noting() as notes:
        assert noted()
        note(exchange())
    assert len(notes.exchanges) == 1
    assert Notes().details() == {}


def test_the_text_of_an_exchange_is_always_the_same_and_any_change_of_it_shows() -> None:
    assert exchange(1).text() == exchange(1).text()
    assert exchange(1).record()["sha256"] != exchange(1, answer='{"b": 3}').record()["sha256"]
