"""CloudEvents in binary mode: the attributes are AMQP application properties, and the body is the data alone.

The prefix of a property's name is ``cloudEvents:``, or ``cloudEvents_`` where a colon may not stand.
Source: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/amqp-protocol-binding.md
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_PREFIXES = ("cloudevents:", "cloudevents_")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def attributes(properties: Mapping[str, object]) -> dict[str, object]:
    """The event's attributes among a message's properties; none unless they name the version they follow."""
    found: dict[str, object] = {}
    for name, value in properties.items():
        for prefix in _PREFIXES:
            if name.lower().startswith(prefix):
                found[name.lower().removeprefix(prefix)] = value
    if "specversion" not in found:
        return {}
    if isinstance(found.get("time"), int):
        found["time"] = _as_text(found["time"])
    return found


def _as_text(at: object) -> str:
    """AMQP's own type for times counts milliseconds."""
    try:
        return (_EPOCH + timedelta(milliseconds=float(str(at)))).isoformat()
    except (OverflowError, ValueError):
        return ""
