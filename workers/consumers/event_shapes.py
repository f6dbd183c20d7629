"""Every shape in which a VM's start is told, and the one ``StartEvent`` they all become.

Accepted: the Event Grid schema and CloudEvents 1.0 (structured or binary), an object or an array; Activity
Log records; diagnostic exports (``records``), and those of the table AzureActivity from Log Analytics; the
common alert schema and its older webhook. Azure spells ids and operations in any case, and inner objects
(claims, authorization, HTTP request, identity) as objects or as JSON text.
Sources: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions,
https://learn.microsoft.com/azure/event-grid/cloud-event-schema,
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema,
https://learn.microsoft.com/azure/azure-monitor/reference/tables/azureactivity
"""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from workers.consumers import cloud_events
from workers.consumers.claims import as_object, caller_from
from workers.consumers.shapes import Told, parts, text_of, told
from workers.domain.containment.afterwards.disturbances import DISTURBING, Disturbance
from workers.domain.errors import InvalidEvent
from workers.domain.starts.events import START_OPERATIONS, Access, Phase, StartEvent
from workers.domain.starts.vm import VmRef
from workers.runtime.json_text import parsed

_NONE: Mapping[str, object] = MappingProxyType({})
_MOST_EVENTS = 500
_LONGEST_TRACEPARENT = 55
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


class Starts(NamedTuple):
    """What a message tells of.

    Attributes:
        events: the starts; at least one, if there are no disturbances.
        odd: events among them that can't be understood, each as the body of a message of its own.
        disturbances: events of what can undo a containment, which our alert rules tell of.
    """

    events: list[StartEvent]
    odd: list[bytes]
    disturbances: list[Disturbance]


def parse_start_events(body: bytes, properties: Mapping[str, object] = _NONE) -> Starts:
    """The starts that a message tells of.

    Events of other operations are passed over where a start is among them: a diagnostic export can't be
    filtered by operation.

    Args:
        body: of the message.
        properties: of the message; they hold the event's attributes if the body is its data alone.

    Raises:
        InvalidEvent: it tells of nothing that can be understood; with a reason for the dead-letter queue
            that a person understands.
    """
    events: list[StartEvent] = []
    disturbances: list[Disturbance] = []
    odd: list[object] = []
    invalid: list[InvalidEvent] = []
    others: list[InvalidEvent] = []
    for part in parts(_event(body, properties)):
        try:
            found = told(part)
            if disturbance := _disturbance(found):
                disturbances.append(disturbance)
            else:
                events.append(_start_event(found))
        except NotAStart as other:
            others.append(other)
        except InvalidEvent as why:
            odd.append(part)
            invalid.append(why)
    if not events and not disturbances:
        first = next(iter([*invalid, *others]), None)
        raise first or InvalidEvent("NoEvent", "the message holds no event")
    if len(events) + len(odd) > _MOST_EVENTS:
        raise InvalidEvent(
            "TooManyEvents", f"{len(events) + len(odd)} events in one message; at most {_MOST_EVENTS}"
        )
    odd_ones = [_as_message(part, why) for part, why in zip(odd, invalid, strict=True)]
    return Starts(events, odd_ones, disturbances)


def _as_message(part: object, why: InvalidEvent) -> bytes:
    """The body of a message that holds only this part.

    Raises:
        InvalidEvent: why it is odd, where it nests too deeply to be written again; its message goes whole.
    """
    try:
        return json.dumps(part).encode()
    except RecursionError:
        raise why from None


def _event(body: bytes, properties: Mapping[str, object]) -> object:
    data, around = _read(body), cloud_events.attributes(properties)
    whole = isinstance(data, dict) and "specversion" in data
    return {**around, "data": data} if around and not whole else data


def _read(body: bytes) -> object:
    if len(body) > _MOST_BYTES:
        raise InvalidEvent("TooLarge", f"{len(body)} bytes; at most {_MOST_BYTES}")
    try:
        return parsed(body)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent("NotJson", f"the body is not JSON: {str(error)[:200]}") from None


def _disturbance(found: Told) -> Disturbance | None:
    """What was done, if it is of that kind and has been done."""
    operation = DISTURBING.get(found.operation.lower())
    if operation is None or PHASES.get(found.status.lower()) is not Phase.SUCCEEDED:
        return None
    return Disturbance(operation, found.resource_id[:600], found.caller[:200])


def _start_event(found: Told) -> StartEvent:
    operation = START_OPERATIONS.get(found.operation.lower())
    if operation is None:
        raise NotAStart(found.operation)
    phase = PHASES.get(found.status.lower())
    if phase is None:
        raise InvalidEvent("UnknownStatus", f"status {found.status[:100]!r} is none of {', '.join(PHASES)}")
    if not found.correlation_id:
        raise InvalidEvent("NoCorrelationId", "without a correlation id, duplicates can't be told apart")
    try:
        vm = VmRef.parse(found.resource_id)
    except ValueError as error:
        raise InvalidEvent("NotAVm", str(error)) from None
    if vm.classic != ("classic" in operation.lower()):
        raise InvalidEvent(
            "NotAVm", f"operation {operation} does not fit the resource {found.resource_id[:300]}"
        )
    return StartEvent(
        vm=vm,
        operation=operation,
        phase=phase,
        at=_time(found.time),
        caller=caller_from(found.claims, found.authorization, caller=found.caller, ip=found.ip),
        access=_access(found.authorization),
        correlation_id=found.correlation_id[:200],
        event_id=found.event_id[:200],
        shape=found.shape,
        trace=found.trace[:_LONGEST_TRACEPARENT],
    )


def _access(authorization: object) -> Access | None:
    evidence = as_object(as_object(authorization).get("evidence"))
    if not evidence.get("role"):
        return None
    return Access(
        role=text_of(evidence.get("role"))[:200],
        scope=text_of(evidence.get("roleAssignmentScope"))[:600],
        principal_type=text_of(evidence.get("principalType"))[:60],
        assignment_id=_guid(text_of(evidence.get("roleAssignmentId"))),
    )


def _guid(text: str) -> str:
    """An id in the usual spelling, which events write without dashes; empty if it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def _time(text: str) -> datetime:
    """Azure writes seven digits of a second; Python reads six."""
    short = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text.strip())
    try:
        at = datetime.fromisoformat(short)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidEvent("NoTime", f"{text[:60]!r} is not a time") from None
