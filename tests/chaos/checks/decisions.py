"""S3: one decision wins, and everybody who answered is told the truth."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.checks.reading import shown, user_of
from tests.chaos.evidence import Act, Evidence, Json, Violation

_ENDS = ("approval.confirmed", "approval.rejected", "approval.expired", "approval.withdrawn")
_EXCUSED_MS = 6000.0
"""An act this long before the bot's end may go unanswered: what it was about to say died with it."""
_SHAKEN_MS = 3000.0


def one_decision(evidence: Evidence) -> Iterator[Violation]:
    """In the audit, in the documents, and in what people were told."""
    yield from _ends_once(evidence)
    yield from _told(evidence)
    yield from _told_the_truth(evidence)
    yield from _submits(evidence)


_SUBMITS = {"submit": "REJECTED", "submit confirm": "CONFIRMED"}
"""Acts that submit a dialog, and what the approval is when it closes."""
_GIVEN_BY = {"approval.confirmed": ("confirm", "submit confirm"), "approval.rejected": ("submit",)}
"""Records of answers, and the acts by which they are given."""


def _ends_once(evidence: Evidence) -> Iterator[Violation]:
    ends = Counter(record["about"] for record in evidence.audit if record["kind"] in _ENDS)
    for name, approval in evidence.approvals.items():
        if approval["state"] not in ("PENDING", "JOINED") and ends[name] != 1:
            kinds = [r["kind"] for r in evidence.audit if r["about"] == name and r["kind"] in _ENDS]
            yield _violation(f"approval {name} ends once", str(kinds))
        decided = approval["decision"] is not None
        if decided is not (approval["state"] in ("CONFIRMED", "REJECTED")):
            yield _violation(f"a decision exactly if it was decided: {name}", str(approval["decision"]))


def _told(evidence: Evidence) -> Iterator[Violation]:
    """Each act that Slack's client saw acknowledged has an answer of its own."""
    private = [
        entry
        for entry in evidence.slack
        if entry["kind"] == "ephemeral" or (entry["kind"] == "view" and entry.get("what") == "opened")
    ]
    used: set[int] = set()
    owing = [act for act in evidence.acts if act.delivered and act.what in ("confirm", "reject", "lockdown")]
    owing.sort(key=lambda act: (_excused(evidence, act), act.at_ms))
    for act in owing:
        answer = next(
            (
                entry
                for entry in private
                if entry["seq"] not in used and entry["user"] == act.who and entry["at_ms"] >= act.at_ms
            ),
            None,
        )
        if answer is not None:
            used.add(answer["seq"])
        elif not _excused(evidence, act):
            yield _violation(f"{act.who} told what came of {act.what} on {act.vm}", f"nothing: {act}")


def _excused(evidence: Evidence, act: Act) -> bool:
    return any(
        process == "bot" and killed - _EXCUSED_MS <= act.at_ms <= back
        for process, killed, back in evidence.kills
    )


def _told_the_truth(evidence: Evidence) -> Iterator[Violation]:
    """A recorded answer is told only to its giver; a failure not where it worked, while Redis answers."""
    yield from _told_of_a_failure(evidence)
    for entry in evidence.slack:
        if entry["kind"] != "ephemeral" or not entry["text"].startswith(("Confirmed: ", "Rejected: ")):
            continue
        word = entry["text"].partition(":")[0].upper()
        if not any(_decided(a, entry["user"], word) for a in _named(evidence, entry)):
            yield _violation(f"{entry['user']} told of a decision only if it is theirs", shown(entry)[:400])


def _told_of_a_failure(evidence: Evidence) -> Iterator[Violation]:
    """Whether Redis wrote before it went away nobody knows; of every other trouble the decision is free."""
    shaken = [
        (killed - _SHAKEN_MS, back + _SHAKEN_MS) for name, killed, back in evidence.kills if name == "valkey"
    ]
    for act in evidence.acts:
        if act.what != "confirm" or any(begun <= act.at_ms <= ended for begun, ended in shaken):
            continue
        mine = [a for a in evidence.acts if a.who == act.who]
        approval = evidence.approvals.get(act.approval)
        if len(mine) != 1 or approval is None or not _decided(approval, act.who, "CONFIRMED"):
            continue
        for entry in evidence.slack:
            if entry["kind"] == "ephemeral" and entry["user"] == act.who and "didn't work" in entry["text"]:
                yield _violation(f"{act.who} told that they confirmed {act.approval}", entry["text"])


def _named(evidence: Evidence, entry: Json) -> list[Json]:
    names = {vm.key: vm.name.partition("<")[0] for vm in evidence.vms}
    return [
        approval
        for approval in evidence.approvals.values()
        if names.get(str(approval["event"]["vm"]["resource_id"]).lower(), "?") in shown(entry)
    ]


def _decided(approval: Json, who: str, state: str) -> bool:
    return bool(
        approval["state"] == state
        and approval["decision"]
        and approval["decision"]["by"]["slack_user"] == who
    )


def _submits(evidence: Evidence) -> Iterator[Violation]:
    """A dialog that closed without a word means that the answer is on record, as theirs."""
    for act in evidence.acts:
        if act.what not in _SUBMITS or not act.delivered:
            continue
        approval, state = evidence.approvals.get(act.approval, {}), _SUBMITS[act.what]
        theirs = _decided(approval, act.who, state) if approval else False
        if act.answer.get("closed") and not theirs:
            yield _violation(f"{act.approval} {state} by the closed dialog of {act.who}", str(approval)[:600])
        if not act.answer.get("closed") and not act.answer.get("view_id"):
            yield _violation(f"{act.who} told why it is not {state} by the dialog", str(act.answer))
    for record in evidence.audit:
        if record["kind"] not in ("approval.confirmed", "approval.rejected"):
            continue
        what = _GIVEN_BY[record["kind"]]
        who = user_of(record["by"])
        if not any(a.who == who and a.what in what and a.approval == record["about"] for a in evidence.acts):
            yield _violation("decisions that somebody made in Slack", str(record)[:400])


def _violation(expected: str, found: str) -> Violation:
    return Violation(property="S3", expected=expected, found=found)
