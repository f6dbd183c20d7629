"""Times and counts come from what was written: each once, with labels that name nobody and no VM."""

from datetime import timedelta

import pytest

from tests import builders
from tests.unit.telemetry.conftest import Measured
from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.ports.store import Commit
from workers.store.commits.measures import measure


def written(
    kind: str, document: Approval | Containment, *, after_s: float = 0, first: bool = False, **details: object
) -> None:
    at = document.opened_at + timedelta(seconds=after_s)
    record = AuditRecord(kind=kind, at=at, about=document.id, details=details)
    measure(Commit(partition=0, documents=(document,), audit=(record,)), first_write=first)


def test_time_to_ask_counts_from_the_start_in_azure(measured: Measured) -> None:
    question = builders.approval(level="high")
    asked = question.changed(asked_at=question.event.at + timedelta(seconds=2.5))
    written("approval.asked", asked)
    assert measured("startgate.ask.duration") == {(("risk", "high"),): 2.5}
    assert measured("startgate.approvals") == {(("event", "asked"),): 1}


@pytest.mark.parametrize("answer", ["confirmed", "rejected"])
def test_time_to_answer_counts_from_the_question_in_slack(measured: Measured, answer: str) -> None:
    question = builders.approval()
    asked = question.changed(asked_at=question.opened_at + timedelta(seconds=1))
    written(f"approval.{answer}", asked, after_s=61)
    assert measured("startgate.answer.duration") == {(("answer", answer),): 60}


def test_an_escalation_of_a_question_that_nobody_got_counts_as_undelivered(measured: Measured) -> None:
    question = builders.approval(asked_at=None)
    written("approval.escalated", question)
    written("approval.escalated", question.changed(asked_at=question.opened_at))
    assert measured("startgate.approvals") == {(("event", "undelivered"),): 1, (("event", "escalated"),): 1}


def _writes(containment: Containment, *after_s: float) -> list[dict[str, str]]:
    return [{"at": (containment.cause.at + timedelta(seconds=s)).isoformat()} for s in after_s]


def test_time_to_first_write_is_that_of_the_first_of_several(measured: Measured) -> None:
    containment = builders.containment()
    written("step.begun", containment, first=True, step="isolate", writes=_writes(containment, 0.75, 0.5))
    written("step.done", containment, step="isolate", writes=_writes(containment, 9))
    labels = (("cause", str(containment.cause.kind)),)
    assert measured("startgate.first_write.duration") == {labels: 0.5}
    assert sum(measured("startgate.steps").values()) == 2


def test_a_step_without_a_write_has_no_time_to_first_write(measured: Measured) -> None:
    written("step.begun", builders.containment(), first=True, step="isolate")
    assert not measured("startgate.first_write.duration")


def test_time_to_contained_counts_from_the_decision_or_from_the_newer_demand(measured: Measured) -> None:
    containment = builders.containment()
    ended = containment.changed(
        state=ContainmentState.CONTAINED, ended_at=containment.cause.at + timedelta(seconds=30)
    )
    written("containment.contained", ended)
    labels = (("cause", str(containment.cause.kind)), ("outcome", "contained"))
    assert measured("startgate.contain.duration") == {labels: 30}
    written("containment.contained", ended.changed(began_at=ended.cause.at + timedelta(seconds=20), round=2))
    assert measured("startgate.contain.duration") == {labels: 40}


def test_clocks_that_differ_give_no_time_below_zero(measured: Measured) -> None:
    question = builders.approval(level="medium")
    written("approval.asked", question.changed(asked_at=question.event.at - timedelta(seconds=3)))
    assert set(measured("startgate.ask.duration").values()) <= {0.0}


def test_refusals_are_counted_by_their_kind(measured: Measured) -> None:
    written("decision.refused", builders.approval())
    written("lockdown.guarded", builders.containment())
    assert measured("startgate.refusals") == {
        (("kind", "decision.refused"),): 1,
        (("kind", "lockdown.guarded"),): 1,
    }
