"""S2: one approval per start and one card per question, each copy posted once, and showing how it ended."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.checks.reading import card_of, payload_of, posts, roots, vm_of
from tests.chaos.evidence import Evidence, Json, Violation

_AGAIN = ("containment.again", "containment.drifted")
"""Audit records that begin another round of a containment."""
_NOTICE = "n"
"""How the ids of cards begin that tell on-call of dead letters, and are about no VM."""
_ON_ITS_WAY_MS = 3_000
"""A reply about the former round may be on its way to Slack when the next one begins."""


def one_approval_per_start(evidence: Evidence) -> Iterator[Violation]:
    """Documents, audit and Slack agree on one of each."""
    yield from _one_document(evidence)
    yield from _one_message(evidence)
    yield from _no_orphans(evidence)
    yield from _cards_are_current(evidence)


def _one_document(evidence: Evidence) -> Iterator[Violation]:
    starts = Counter(
        (vm_of(approval), approval["event"]["correlation_id"].lower())
        for approval in evidence.approvals.values()
    )
    known = {(start.vm, start.correlation_id.lower()) for start in evidence.starts}
    for start, count in starts.items():
        if count != 1:
            yield _violation("one approval for a start", f"{count} for {start}")
        if start not in known:
            yield _violation("approvals of starts that happened", str(start))
    opened = Counter(record["about"] for record in evidence.audit if record["kind"] == "approval.opened")
    joined = Counter(
        record["details"].get("start") for record in evidence.audit if record["kind"] == "approval.joined"
    )
    for name, approval in evidence.approvals.items():
        if approval["state"] == "JOINED":
            yield from _joined(evidence, name, approval, joined[name])
        elif opened[name] != 1:
            yield _violation(f"approval {name} opened once", f"{opened[name]} records approval.opened")


def _joined(evidence: Evidence, name: str, approval: Json, records: int) -> Iterator[Violation]:
    """A start without a question of its own is asked about by one that lists it."""
    if records != 1:
        yield _violation(f"start {name} joined once", f"{records} records approval.joined")
    question = evidence.approvals.get(approval["joined_to"], {})
    if name not in [one["approval_id"] for one in question.get("joined", [])]:
        yield _violation(f"start {name} in the question that it joined", str(question)[:400])


def _one_message(evidence: Evidence) -> Iterator[Violation]:
    copies = Counter((card_of(post), post["channel"]) for post in roots(evidence))
    # Beside its own copy, a channel has one that another channel refused.
    instead = {
        (name, copy["channel"])
        for name, card in evidence.cards.items()
        for copy in card["copies"]
        if copy.get("instead_of")
    }
    for copy, count in copies.items():
        if count > 1 + (copy in instead):
            yield _violation(f"one message for copy {copy}", f"{count} were posted")
    intents = Counter(payload_of(post).get("intent") for post in posts(evidence))
    for intent, count in intents.items():
        if count != 1:
            yield _violation(f"one message for intent {intent}", f"{count} were posted")
    asked = {card for card, _ in copies}
    for name, approval in evidence.approvals.items():
        if approval["state"] != "JOINED":
            yield from _asked_about(evidence, name, asked)


def _asked_about(evidence: Evidence, name: str, asked: set[str]) -> Iterator[Violation]:
    """By a card of its own, or by one that asks about several and lists it."""
    lead = evidence.cards.get(name, {}).get("part_of", "")
    if (lead or name) not in asked:
        yield _violation(f"a card of approval {name} in Slack", "no copy was ever posted")
    listed = [one["approval_id"] for one in evidence.cards.get(lead, {}).get("members", [])]
    if lead and name not in listed:
        yield _violation(f"approval {name} listed on card {lead}", f"it lists {listed}"[:400])


def _no_orphans(evidence: Evidence) -> Iterator[Violation]:
    """A message whose intent its card does not know is a second telling of something.

    By intent and not by ``ts``: when Redis went away between the two, only the intent is on record until the
    message is wanted again.
    """
    known = {
        (copy["channel"], post["intent"])
        for card in evidence.cards.values()
        for copy in card["copies"]
        for post in (copy["root"], *copy["replies"].values())
        if post
    }
    for post in posts(evidence):
        if card_of(post).startswith(_NOTICE):
            continue
        if (post["channel"], payload_of(post).get("intent")) not in known and not _past(evidence, post):
            yield _violation(f"every message known to card {card_of(post)}", f"{post['ts']}: {post['text']}")


def _past(evidence: Evidence, post: Json) -> bool:
    """It reports on an earlier round of a containment, of which the card keeps no replies."""
    card = card_of(post)
    name = evidence.approvals.get(card, {}).get("containment_id") or card
    began = [
        record["at_ms"] for record in evidence.audit if record["about"] == name and record["kind"] in _AGAIN
    ]
    if not post["thread_ts"] or evidence.containments.get(name, {}).get("round", 1) == 1:
        return False
    return bool(post["at_ms"] < max(began, default=0.0) + _ON_ITS_WAY_MS)


def _cards_are_current(evidence: Evidence) -> Iterator[Violation]:
    """Nothing asks any more about what is closed."""
    for channel, message in evidence.messages:
        approval = evidence.approvals.get(card_of(message))
        if approval is None or message.get("thread_ts") not in (None, message["ts"]):
            continue
        buttons = any(block["type"] == "actions" for block in message.get("blocks", []))
        members = evidence.cards.get(card_of(message), {}).get("members", [])
        states = {evidence.approvals.get(one["approval_id"], {}).get("state") for one in members}
        if buttons and "PENDING" not in {approval["state"], *states}:
            yield _violation(
                f"no buttons on a card that is {approval['state']}", f"{channel} {message['ts']}"
            )


def _violation(expected: str, found: str) -> Violation:
    return Violation(property="S2", expected=expected, found=found)
