"""Every shape in which a VM's start is told, and the one ``StartEvent`` they all become.

Accepted: the Event Grid schema and CloudEvents 1.0, an object or an array; Activity Log records; diagnostic
exports (``records``); the common alert schema and its older webhook. Azure spells ids and operations in any
case, and claims as an object or as a JSON string.
Sources: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions,
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

import re
from datetime import UTC, datetime

from workers.consumers.claims import caller_from
from workers.consumers.shapes import Told, text_of, told_events
from workers.domain.errors import InvalidEvent
from workers.domain.starts.events import START_OPERATIONS, Access, Phase, StartEvent
from workers.domain.starts.vm import VmRef
from workers.runtime.json_text import parsed

_MOST_EVENTS = 500
_MOST_BYTES = 1024 * 1024

PHASES = {
    "started": Phase.STARTED,
    "start": Phase.STARTED,
    "accepted": Phase.STARTED,
    "accept": Phase.STARTED,
    "succeeded": Phase.SUCCEEDED,
    "success": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "failure": Phase.FAILED,
    "cancel": Phase.FAILED,
    "canceled": Phase.FAILED,
    "cancelled": Phase.FAILED,
}
"""Azure's words for how far an operation is, in lower case."""

_FRACTION = re.compile(r"\.(\d{1,9})(?=[Z+-]|$)")


class NotAStart(InvalidEvent):
    """A well-formed event of some other operation."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            "NotAStart",
            f"operation {operation[:200]!r} is not the start of a VM; check the filter of the subscription",
        )


def parse_start_events(body: bytes) -> list[StartEvent]:
    """The starts that a message tells of; at least one.

    Raises:
        InvalidEvent: with a reason for the dead-letter queue that a person understands. One bad event spoils
            its message: half-understood messages must not pass. Events of other operations are passed over
            where a start is among them.
    """
    events: list[StartEvent] = []
    others: list[InvalidEvent] = []
    for told in told_events(_read(body)):
        try:
            events.append(_start_event(told))
        except NotAStart as other:
            # A diagnostic export can't be filtered by operation: starts travel among other records.
            others.append(other)
    if not events:
        raise others[0] if others else InvalidEvent("NoEvent", "the message holds no event")
    if len(events) > _MOST_EVENTS:
        raise InvalidEvent("TooManyEvents", f"{len(events)} events in one message; at most {_MOST_EVENTS}")
    return events


def _read(body: bytes) -> object:
    if len(body) > _MOST_BYTES:
        raise InvalidEvent("TooLarge", f"{len(body)} bytes; at most {_MOST_BYTES}")
    try:
        return parsed(body)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent("NotJson", f"the body is not JSON: {str(error)[:200]}") from None


def _start_event(told: Told) -> StartEvent:
    operation = START_OPERATIONS.get(told.operation.lower())
    if operation is None:
        raise NotAStart(told.operation)
    phase = PHASES.get(told.status.lower())
    if phase is None:
        raise InvalidEvent("UnknownStatus", f"status {told.status[:100]!r} is none of {', '.join(PHASES)}")
    if not told.correlation_id:
        raise InvalidEvent("NoCorrelationId", "without a correlation id, duplicates can't be told apart")
    try:
        vm = VmRef.parse(told.resource_id)
    except ValueError as error:
        raise InvalidEvent("NotAVm", str(error)) from None
    if vm.classic != ("classic" in operation.lower()):
        raise InvalidEvent(
            "NotAVm", f"operation {operation} does not fit the resource {told.resource_id[:300]}"
        )
    return StartEvent(
        vm=vm,
        operation=operation,
        phase=phase,
        at=_time(told.time),
        caller=caller_from(told.claims, told.authorization, caller=told.caller, ip=told.ip),
        access=_access(told.authorization),
        correlation_id=told.correlation_id[:200],
        event_id=told.event_id[:200],
        shape=told.shape,
    )


def _access(authorization: object) -> Access | None:
    evidence = authorization.get("evidence") if isinstance(authorization, dict) else None
    if not isinstance(evidence, dict) or not evidence.get("role"):
        return None
    return Access(
        role=text_of(evidence.get("role"))[:200],
        scope=text_of(evidence.get("roleAssignmentScope"))[:600],
        principal_type=text_of(evidence.get("principalType"))[:60],
    )


def _time(text: str) -> datetime:
    """Azure writes seven digits of a second; Python reads six."""
    short = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text.strip())
    try:
        at = datetime.fromisoformat(short)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidEvent("NoTime", f"{text[:60]!r} is not a time") from None
