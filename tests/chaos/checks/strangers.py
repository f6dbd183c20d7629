"""S7: who may not changes nothing, each refusal is in the audit, and hostile text stays text."""

from collections import Counter
from collections.abc import Iterator

from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout
from tests.chaos import people
from tests.chaos.checks.reading import may, shown, user_of, vm_of
from tests.chaos.evidence import Evidence, Json, Violation

_ANSWERS = {"approval.confirmed": "confirm", "approval.rejected": "reject"}
_REFUSALS = ("decision.refused", "lockdown.refused")


def strangers_change_nothing(evidence: Evidence) -> Iterator[Violation]:
    """In the audit, in the documents, and in Slack."""
    yield from _deeds(evidence)
    yield from _refusals(evidence)
    yield from _mentions(evidence)


def _deeds(evidence: Evidence) -> Iterator[Violation]:
    for record in evidence.audit:
        who = user_of(record["by"])
        if not who or not evidence.vm(record["vm"]) or record["kind"] in _REFUSALS:
            continue
        answer = _ANSWERS.get(record["kind"], "lockdown")
        if record["kind"] == "approval.withdrawn" and _rejected(evidence, record):
            continue  # a rejection withdraws the VM's other questions, and is judged by its own record
        if not may(evidence, answer, who, record["vm"], evidence.start_of(record["about"])):
            yield _violation(f"{who} changes nothing about {record['vm']}", str(record)[:500])
    for name, approval in evidence.approvals.items():
        decision = approval["decision"]
        if decision and not may(
            evidence,
            decision["answer"],
            decision["by"]["slack_user"],
            vm_of(approval),
            evidence.start_of(name),
        ):
            yield _violation(f"{name} decided by somebody who may", str(decision))
        if decision and decision["answer"] == "confirm" and _own_at_high_risk(approval):
            yield _violation(f"{name} confirmed by somebody else than who started it", str(decision))
    for name, containment in evidence.containments.items():
        cause = containment["cause"]
        by = (cause["by"] or {}).get("slack_user", "")
        answer = "lockdown" if cause["kind"] == "lockdown" else "reject"
        start = evidence.start_of(cause["approval_id"] or "")
        if by and not may(evidence, answer, by, vm_of(containment), start):
            yield _violation(f"{name} caused by somebody who may", str(cause))


def _own_at_high_risk(approval: Json) -> bool:
    """Whether the start is of high risk, and who answered has started it."""
    who = approval["decision"]["by"]["slack_user"]
    emails = {people.EMAIL_OF[key] for key, slack in people.SLACK_OF.items() if slack == who} - {""}
    return approval.get("level") == "high" and approval["event"]["caller"]["email"] in emails


def _rejected(evidence: Evidence, record: Json) -> bool:
    """Whether the same person rejected a start of the same VM."""
    return any(one["by"] == record["by"] for one in evidence.audited(record["vm"], "approval.rejected"))


def _refusals(evidence: Evidence) -> Iterator[Violation]:
    tellings = [
        (entry["user"], str(entry.get("channel")), entry.get("text") or str(entry.get("view")))
        for entry in evidence.slack
        if (entry["kind"] == "ephemeral" and "Not allowed" in entry["text"])
        or (
            entry["kind"] == "view"
            and entry.get("what") == "updated"
            and "Not allowed" in str(entry.get("view"))
        )
    ]
    if evidence.receipts_cut:  # the same telling twice may be one refusal, told again
        tellings = list(dict.fromkeys(tellings))
    told = Counter(who for who, _, _ in tellings)
    audited = Counter(user_of(record["by"]) for record in evidence.audit if record["kind"] in _REFUSALS)
    for who, times in told.items():
        # The bot also tells again what it could not finish, so no more than one refusal an act is asked for.
        count = min(times, sum(act.delivered for act in evidence.acts if act.who == who))
        if audited[who] < count:
            yield _violation(f"{count} refusals of {who} in the audit", str(audited[who]))


def _mentions(evidence: Evidence) -> Iterator[Violation]:
    for entry in evidence.slack:
        if entry["kind"] in ("posted", "updated", "ephemeral"):
            mentions = entry["mentions"]
        elif entry["kind"] == "view" and entry.get("view"):
            mentions = list(mentions_in_layout(entry["view"]["blocks"], "/view"))
        else:
            continue
        for mention in mentions:
            if mention["id"] in people.HOSTILE_IDS:
                yield _violation("no mention made by hostile text", f"{mention} in {shown(entry)[:400]}")


def _violation(expected: str, found: str) -> Violation:
    return Violation(property="S7", expected=expected, found=found)
