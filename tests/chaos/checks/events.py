"""S6: no accepted start is lost, nothing is buried that should live, and everything comes to rest."""

from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Violation
from tests.chaos.rest import ended

MAX_DELIVERY = 10


def nothing_lost(evidence: Evidence) -> Iterator[Violation]:
    """Starts end, queues drain, processes live."""
    if evidence.unrest:
        yield _violation("everything at rest", evidence.unrest)
    for gone in evidence.gone_by_itself:
        yield _violation("processes that live until they are killed", gone)
    documents = evidence.approvals | evidence.containments
    for start in evidence.starts:
        if start.accepted and not ended(start, documents, evidence.audit):
            yield _violation("an approval, or another end, for every accepted start", str(start))
    yield from _dead_letters(evidence)
    yield from _deliveries(evidence)


def _dead_letters(evidence: Evidence) -> Iterator[Violation]:
    for queue, ids in evidence.dead_letters.items():
        for message_id in ids:
            if not (queue == "starts" and message_id.startswith("garbage-")):
                yield _violation(f"no dead letter in {queue}", message_id)
    buried = {_original(message_id) for message_id in evidence.dead_letters.get("starts", [])}
    told = {_original(str(record["details"].get("message_id", ""))) for record in evidence.audit}
    for message_id in evidence.garbage:
        if message_id not in buried:
            yield _violation("what is no start event among the dead letters", f"{message_id} is not there")
        if message_id not in told:
            yield _violation("an audit record of every dead letter", f"none of {message_id}")


def _original(message_id: str) -> str:
    """A message that was put off comes back with a longer id."""
    return message_id.partition("~")[0]


def _deliveries(evidence: Evidence) -> Iterator[Violation]:
    for entry in evidence.bus:
        if entry["kind"] == "delivered" and entry["delivery_count"] >= MAX_DELIVERY - 1:
            yield _violation(
                f"fewer than {MAX_DELIVERY} deliveries of a message",
                f"{entry['queue']} {entry['message_id']}: {entry['delivery_count'] + 1}",
            )


def _violation(expected: str, found: str) -> Violation:
    return Violation(property="S6", expected=expected, found=found)
