"""The stages of a way on the page: risk is one of them, with a part for each signal."""

from datetime import timedelta

from deploy.sandbox.page import stages
from tests import builders as a
from workers.domain.asking.two_persons import ConfirmRequest
from workers.domain.starts.facts import BackupFacts, NetworkFacts

MALLORY = a.caller(name="Mallory", email="mallory@contoso.com", mfa=False, ip="192.0.2.66")


def document(**changes: object) -> dict[str, object]:
    return a.approval(**changes).model_dump(mode="json")


def test_a_high_risk_stands_out_and_has_its_signals() -> None:
    event = a.start_event(caller=MALLORY)
    risk = stages.risk_stage(document(event=event, risk=a.insight(event).risk))
    assert risk is not None
    assert (risk["state"], risk["text"]) == (stages.ALARM, "high: unauthorized access")
    assert [signal["id"] for signal in risk["signals"]][:2] == ["signin-elsewhere", "no-mfa"]


def test_a_start_without_a_signal_says_so() -> None:
    safe = a.facts(network=NetworkFacts(), backup=BackupFacts(protected=True))
    risk = stages.risk_stage(document(risk=a.insight(about=safe).risk))
    assert risk is not None
    assert (risk["state"], risk["text"]) == (stages.DONE, "low: nothing unusual")


def test_a_start_that_nobody_assessed_has_no_such_stage() -> None:
    assert stages.risk_stage(document()) is None


def test_a_high_risk_alone_does_not_make_a_row_look_lost() -> None:
    risky = stages.stage("risk", "Risk", stages.ALARM)
    restoring = stages.stage("result", "Restoring", stages.NOW)
    assert stages.tone([risky, restoring]) == "waiting"


def test_a_second_person_is_waited_for_until_the_request_is_over() -> None:
    asked = ConfirmRequest(
        by=a.actor(), at=a.NOW, reason="the audit", expires_at=a.NOW + timedelta(minutes=15)
    )
    stage = stages.answer_stage(document(confirm_request=asked), {})
    assert stage["state"] == stages.NOW
    assert stage["text"] == "Alice Example wants to confirm it, and waits for a second person"
    over = stages.answer_stage(document(confirm_request=asked.changed(expired=True)), {})
    assert over["text"] == "waiting"


def test_an_answer_of_two_persons_names_both() -> None:
    asked = ConfirmRequest(
        by=a.actor(), at=a.NOW, reason="the audit", expires_at=a.NOW + timedelta(minutes=15)
    )
    decision = a.decision(answer="confirm", by=a.oncall(), reason="I know of it").changed(requested=asked)
    stage = stages.answer_stage(document(state="CONFIRMED", decision=decision), {})
    assert stage["text"] == "Alice Example and Olga Oncall: \u201cI know of it\u201d"
