"""Each check names the violation that was put into otherwise healthy evidence, and nothing else."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos import fabricated as made
from tests.chaos import people
from tests.chaos.checks import judge
from tests.chaos.checks.cards import one_approval_per_start
from tests.chaos.evidence import Act, Evidence
from tests.chaos.plan import plan_round


def test_a_healthy_round_has_no_violation() -> None:
    assert judge(made.healthy()) == []


def _spoil(change: Callable[[Evidence], object]) -> list[tuple[str, str]]:
    evidence = made.healthy()
    change(evidence)
    return [(violation.property, str(violation)) for violation in judge(evidence)]


def _approval(evidence: Evidence, **changes: object) -> None:
    evidence.approvals[made.APPROVAL].update(changes)


def _containment(evidence: Evidence, **changes: object) -> None:
    evidence.containments[made.CONTAINMENT].update(changes)


def _reported_before_another_round(evidence: Evidence, at_ms: float, round_number: int) -> None:
    """A reply in the thread of which the card knows nothing."""
    evidence.slack.append(made.posted(5, at_ms, ts="1.3", thread_ts="1.1"))
    evidence.audit.append(made.record("containment.again", 9000.0, made.CONTAINMENT))
    _containment(evidence, round=round_number)


def test_a_card_need_not_know_the_replies_of_earlier_rounds() -> None:
    evidence = made.healthy()
    _reported_before_another_round(evidence, 8000.0, 2)
    assert judge(evidence) == []


@pytest.mark.parametrize(("at_ms", "round_number"), [(20_000.0, 2), (8000.0, 1)])
def test_a_card_knows_the_replies_of_its_round(at_ms: float, round_number: int) -> None:
    told = _spoil(lambda evidence: _reported_before_another_round(evidence, at_ms, round_number))
    assert [(name, "every message known to card" in text) for name, text in told] == [("S2", True)]


def _listed_with_another(evidence: Evidence) -> None:
    """The card asks about another start of the same VM, too, which was confirmed."""
    other, approval = made.APPROVAL[:-1] + "1", evidence.approvals[made.APPROVAL]
    event = {**approval["event"], "correlation_id": "corr-2"}
    evidence.starts.append(replace(evidence.starts[0], correlation_id="corr-2", approval_id=other))
    evidence.approvals[other] = {"state": "EXPIRED", "event": event, "decision": None, "containment_id": None}
    evidence.audit.append(made.record("approval.opened", 1001.0, other, correlation_id="corr-2"))
    evidence.cards[other] = {"copies": [], "part_of": made.APPROVAL}
    evidence.cards[made.APPROVAL]["members"] = [{"approval_id": made.APPROVAL}, {"approval_id": other}]


def _complaints_of_cards(evidence: Evidence) -> list[str]:
    return [str(violation) for violation in one_approval_per_start(evidence)]


def test_a_start_that_another_card_lists_needs_none_of_its_own() -> None:
    evidence = made.healthy()
    _listed_with_another(evidence)
    assert _complaints_of_cards(evidence) == []


def test_a_start_on_another_card_is_listed_there() -> None:
    evidence = made.healthy()
    _listed_with_another(evidence)
    evidence.cards[made.APPROVAL]["members"].pop()
    assert ["listed on card" in told for told in _complaints_of_cards(evidence)] == [True]


def _expired(evidence: Evidence) -> None:
    """Silence in place of the rejection."""
    evidence.acts = evidence.acts[2:]
    evidence.audit[2] = made.record("approval.expired", 2000.0)
    _approval(evidence, state="EXPIRED", decision=None)
    _containment(evidence, cause={"kind": "silence", "by": None, "approval_id": made.APPROVAL})


def _expired_under(policy: str) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        _expired(evidence)
        evidence.on_silence = policy

    return change


def _expired_unasked(evidence: Evidence) -> None:
    _expired_under("contain")(evidence)
    evidence.slack[0]["at_ms"] = 2400.0


def _rejected_by_sam(evidence: Evidence) -> None:
    evidence.audit[2]["by"] = f"sam ({made.SAM})"


def _confirmed_by_the_caller_at_high_risk(evidence: Evidence) -> None:
    event = evidence.approvals[made.APPROVAL]["event"]
    caller = {"email": people.EMAIL_OF["olivia"]}
    decision = {"answer": "confirm", "by": {"slack_user": made.OLIVIA}}
    _approval(evidence, level="high", event={**event, "caller": caller}, decision=decision)


def _decided_by_sam(evidence: Evidence) -> None:
    _approval(evidence, decision={"answer": "reject", "by": {"slack_user": made.SAM}})


def _caused_by_sam(evidence: Evidence) -> None:
    _containment(evidence, cause={"kind": "lockdown", "by": {"slack_user": made.SAM}, "approval_id": None})


def _lockdown_by_olivia(evidence: Evidence) -> None:
    evidence.audit.append(
        made.record("lockdown.ordered", 2100.0, made.CONTAINMENT, f"olivia ({made.OLIVIA})")
    )


def _nic_changed(evidence: Evidence) -> None:
    evidence.vms[0].nics_after[made.NIC]["properties"]["macAddress"] = "another"


def _incomplete(evidence: Evidence) -> None:
    _containment(evidence, state="INCOMPLETE")
    evidence.audit[3] = made.record("containment.incomplete", 3000.0, made.CONTAINMENT)


def _incomplete_called_too_early(evidence: Evidence) -> None:
    _incomplete(evidence)
    group = {"kind": "usergroup", "id": "S0ONCALL01"}
    evidence.slack[3] = made.posted(4, 2900.0, ts="1.2", thread_ts="1.1", mentions=[group])


def _stranger_got_recorded(evidence: Evidence) -> None:
    evidence.slack[1]["text"] = "Confirmed: vm-1"
    evidence.slack[1]["blocks"] = ["Confirmed: vm-1. No action will be taken."]


def _told_of_a_failure(evidence: Evidence) -> None:
    """nadia confirmed, and it is on record; she is told that it did not work."""
    act = Act(who=made.NADIA, what="confirm", vm=made.VM, at_ms=1990.0, approval=made.APPROVAL)
    act.answer = {"ack_ms": 5.0}
    evidence.acts = [evidence.acts[2], act]
    evidence.audit[2] = made.record("approval.confirmed", 2000.0, by=f"nadia ({made.NADIA})")
    _approval(evidence, state="CONFIRMED", decision={"answer": "confirm", "by": {"slack_user": made.NADIA}})
    evidence.slack.append(made.ephemeral(9, 2010.0, made.NADIA, "That didn't work"))


def _again_in_channel(evidence: Evidence) -> None:
    evidence.slack.append(made.posted(9, 1200.0, ts="1.9"))
    evidence.cards[made.APPROVAL]["copies"].append(
        {"channel": made.CHANNEL, "root": {"intent": "i9"}, "replies": {}}
    )


def _closed_dialog_of_a_loser(evidence: Evidence) -> None:
    evidence.acts.append(
        Act(
            who=made.NADIA, what="submit", vm=made.VM, at_ms=2100.0, approval=made.APPROVAL,
            answer={"ack_ms": 5.0, "closed": True},
        )
    )  # fmt: skip


def _hostile_mention(evidence: Evidence) -> None:
    evidence.slack[0]["mentions"] = [{"kind": "broadcast", "id": "channel", "at": "/text"}]


def _hostile_dialog(evidence: Evidence) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "who is <@U0HOSTILE9>?"}}
    evidence.slack[2]["view"]["blocks"] = [block]


def _open_buttons(evidence: Evidence) -> None:
    evidence.messages[0][1]["blocks"] = [{"type": "actions"}]


def _nobody_asked(evidence: Evidence) -> None:
    evidence.slack = [entry for entry in evidence.slack if entry["seq"] != 1]


def _second_document(evidence: Evidence) -> None:
    evidence.approvals["a1" + "1" * 24] = evidence.approvals[made.APPROVAL]


def _record_changed(evidence: Evidence) -> None:
    entries, _ = evidence.chains[0]
    entries[0] = (entries[0][0], "other", entries[0][2])


def _delivered_often(evidence: Evidence) -> None:
    evidence.bus[1]["delivery_count"] = 9


@pytest.mark.parametrize(
    ("property_", "says", "change"),
    [
        ("S1", "on record before", lambda e: e.audit.pop(2)),
        ("S1", "on record before", lambda e: e.azure[0].update(at_ms=1990.0)),
        ("S1", "by somebody who may", _rejected_by_sam),
        ("S1", "really submitted", lambda e: e.acts.pop(1)),
        ("S1", "lockdown by on-call", _lockdown_by_olivia),
        ("S1", "the policy says leave", _expired_under("leave")),
        ("S1", "silence only isolates", _expired_under("isolate")),
        ("S1", "after the question was asked", _expired_unasked),
        ("S1", "isolate and stop do", lambda e: e.azure.append(made.request("DELETE", made.VM, 2600.0))),
        ("S1", "resource groups", lambda e: e.azure.append(made.request("PUT", "/elsewhere", 2600.0))),
        ("S2", "one approval", _second_document),
        ("S2", "opened once", lambda e: e.audit.append(made.record("approval.opened", 1001.0))),
        ("S2", "starts that happened", lambda e: e.starts.clear()),
        ("S2", "one message for copy", _again_in_channel),
        ("S2", "one message for intent", lambda e: e.slack.append(e.slack[3] | {"ts": "1.3"})),
        ("S2", "every message known", lambda e: e.cards.clear()),
        ("S2", "no copy was ever posted", _nobody_asked),
        ("S2", "no buttons", _open_buttons),
        ("S3", "ends once", lambda e: e.audit.append(made.record("approval.confirmed", 2001.0))),
        ("S3", "told what came of confirm", lambda e: e.slack.pop(1)),
        ("S3", "told what came of reject", lambda e: e.slack.pop(2)),
        ("S3", "only if it is theirs", _stranger_got_recorded),
        ("S3", "told that they confirmed", _told_of_a_failure),
        ("S3", "closed dialog", _closed_dialog_of_a_loser),
        ("S3", "somebody made in Slack", lambda e: e.acts.pop(1)),
        ("S3", "exactly if it was decided", lambda e: _approval(e, decision=None)),
        ("S4", "deallocated", lambda e: e.vms[0].after.update(power="running")),
        ("S4", "lockdown NSG", lambda e: e.vms[0].after["nics"][0].update(nsg=None)),
        ("S4", "in Azure", lambda e: setattr(e.vms[0], "after", None)),
        ("S4", "CONTAINED or INCOMPLETE", lambda e: _containment(e, state="RUNNING")),
        ("S4", "on-call mentioned", _incomplete),
        ("S4", "on-call mentioned", _incomplete_called_too_early),
        ("S4", "a containment of the rejected", lambda e: e.containments.clear()),
        ("S5", "macAddress", _nic_changed),
        ("S5", "never to be contained", lambda e: e.containments.clear()),
        ("S6", "at rest", lambda e: setattr(e, "unrest", "queue work: 1 active")),
        ("S6", "until they are killed", lambda e: e.gone_by_itself.append("bot ended by itself")),
        ("S6", "every accepted start", lambda e: e.approvals.clear()),
        ("S6", "no dead letter", lambda e: e.dead_letters["work"].append("x")),
        ("S6", "among the dead letters", lambda e: e.garbage.append("garbage-1")),
        ("S6", "fewer than 10", _delivered_often),
        ("S7", "changes nothing", _rejected_by_sam),
        ("S7", "decided by somebody who may", _decided_by_sam),
        ("S7", "confirmed by somebody else", _confirmed_by_the_caller_at_high_risk),
        ("S7", "caused by somebody who may", _caused_by_sam),
        ("S7", "refusals", lambda e: e.audit.pop(1)),
        ("S7", "hostile text", _hostile_mention),
        ("S7", "hostile text", _hostile_dialog),
        ("audit", "partition 0", _record_changed),
        ("audit", "head", lambda e: e.chains.update({0: (e.chains[0][0], "other")})),
        ("secrets", "bot", lambda e: e.logs.update(bot="token xoxb-sandbox")),
    ],
)  # fmt: skip
def test_a_violation_is_named(property_: str, says: str, change: Callable[[Evidence], object]) -> None:
    found = _spoil(change)

    assert any(name == property_ and re.search(re.escape(says), text) for name, text in found), found


def test_a_channel_has_its_own_copy_and_one_that_another_channel_refused() -> None:
    def stands_in(evidence: Evidence) -> None:
        _again_in_channel(evidence)
        evidence.cards[made.APPROVAL]["copies"][-1]["instead_of"] = "C0ARCHIVED"

    def once_too_often(evidence: Evidence) -> None:
        stands_in(evidence)
        _again_in_channel(evidence)

    assert _spoil(stands_in) == []
    assert [says for _, says in _spoil(once_too_often) if "one message for copy" in says]


def test_a_rejection_by_the_caller_is_no_violation() -> None:
    def change(evidence: Evidence) -> None:
        evidence.vms[0].owners = frozenset()
        evidence.starts[0].caller = made.OLIVIA

    assert _spoil(change) == []


def test_a_click_that_died_with_the_bot_needs_no_answer() -> None:
    def change(evidence: Evidence) -> None:
        evidence.slack.pop(1)
        evidence.kills.append(("bot", 1600.0, 1800.0))

    assert _spoil(change) == []


def test_a_refusal_told_twice_is_audited_once() -> None:
    def change(evidence: Evidence) -> None:
        evidence.slack.append(made.ephemeral(9, 1600.0, made.SAM, "Not allowed"))

    assert _spoil(change) == []


@pytest.mark.parametrize(("cut", "violations"), [(True, 0), (False, 1)])
def test_two_refusals_in_the_same_words_are_one_only_where_receipts_were_cut(
    *, cut: bool, violations: int
) -> None:
    def change(evidence: Evidence) -> None:
        evidence.receipts_cut = cut
        evidence.slack.append(made.ephemeral(9, 1600.0, made.SAM, "Not allowed"))
        first = next(act for act in evidence.acts if act.who == made.SAM)
        evidence.acts.append(replace(first, at_ms=1590.0))

    assert len(_spoil(change)) == violations


@pytest.mark.parametrize(("others", "violations"), [("a9" + "0" * 24, 0), ("", 1)])
def test_only_a_card_of_another_round_may_be_told_of_meanwhile(others: str, violations: int) -> None:
    def change(evidence: Evidence) -> None:
        evidence.of_others = frozenset({others})
        stray = {"event_payload": {"card": "a9" + "0" * 24, "intent": "i9"}}
        evidence.slack.append(made.posted(9, 1600.0, ts="9.9", thread_ts="9.1", metadata=stray))

    assert len(_spoil(change)) == violations


def test_silence_under_a_policy_that_contains_is_no_violation() -> None:
    assert _spoil(_expired_under("contain")) == []


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan_round(7, 3) == plan_round(7, 3)
    assert plan_round(7, 3) != plan_round(8, 3)
