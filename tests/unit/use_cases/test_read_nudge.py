"""What an older process does with the nudges of a newer one."""

import json
from typing import Any

import pytest

from tests import builders as a
from workers.domain.errors import NewerDocument
from workers.domain.messages import Complete, DeadLetter, Later, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.schema import TODAY
from workers.use_cases.read_nudge import AGAIN_S, MOST_TIMES, put_off, read_nudge

NUDGE = Nudge(subject=Subject.APPROVAL, id=a.approval().id, version=3)


def message(**changes: Any) -> Message:
    return Message(body=json.dumps(json.loads(NUDGE.model_dump_json()) | changes).encode(), message_id="m")


def again(settlement: Nudge | Settlement) -> Message:
    """The copy that comes later."""
    assert isinstance(settlement, Later)
    assert settlement.after_s == AGAIN_S
    assert settlement.body is not None
    return Message(body=settlement.body, message_id="m~1")


def test_a_field_that_is_not_known_is_kept() -> None:
    nudge = read_nudge(message(urgency="high", schema_number=TODAY + 1))
    assert isinstance(nudge, Nudge)
    assert nudge == NUDGE.changed(schema_number=TODAY + 1).model_copy(update={"urgency": "high"})
    assert json.loads(nudge.changed(due=a.NOW).model_dump_json())["urgency"] == "high"


def test_a_nudge_from_before_there_were_numbers_is_read() -> None:
    body = {k: v for k, v in json.loads(NUDGE.model_dump_json()).items() if k != "schema_number"}
    assert read_nudge(Message(body=json.dumps(body).encode())) == NUDGE


@pytest.mark.parametrize("newer", [{"subject": "snapshot"}, {"schema_number": TODAY + 1, "version": "3.1"}])
def test_one_that_only_a_newer_version_understands_comes_again_so_often_and_no_more(
    newer: dict[str, Any],
) -> None:
    last = message(**newer, note="kept")
    for _ in range(MOST_TIMES):
        last = again(read_nudge(last))
        assert json.loads(last.body)["note"] == "kept"
    given_up = read_nudge(last)
    assert isinstance(given_up, DeadLetter)
    assert given_up.reason == "NewerNudge"
    assert "Update this process" in given_up.description


def test_one_about_a_document_that_can_not_be_read_comes_again_and_is_never_dead_lettered() -> None:
    last, newer = message(), NewerDocument("approval a1 was written by a newer version")
    for _ in range(MOST_TIMES):
        last = again(put_off(last, newer))
        assert isinstance(read_nudge(last), Nudge)
    assert put_off(last, newer) == Complete()


@pytest.mark.parametrize("times", [-5, "many", None, 1.5, {}])
def test_a_count_that_is_none_begins_anew(times: object) -> None:
    assert json.loads(again(read_nudge(message(subject="x", put_off=times))).body)["put_off"] == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff", b'{"subject": "approval"}', b"[" * 9999])
def test_what_is_no_nudge_is_one_for_no_version(body: bytes) -> None:
    settlement = read_nudge(Message(body=body))
    assert isinstance(settlement, DeadLetter)
    assert settlement.reason == "NotANudge"
