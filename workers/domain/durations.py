"""Spans of time as people write them in settings: ``90s``, ``10m``, ``1h30m``, ``2d``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_DURATION = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")
_LONGEST = timedelta(days=7)


def duration(text: object) -> object:
    """``90s``, ``10m``, ``1h30m``, ``2d`` → timedelta. Anything else is refused with a remedy."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError("not a duration; write 90s, 10m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(match[part] or 0) for part in "dhms")
    try:
        value = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        value = timedelta.max
    if not timedelta(0) < value <= _LONGEST:
        raise ValueError("a duration is more than nothing and at most 7d")
    return value


def written(span: timedelta) -> str:
    """As a person writes it: ``90s`` is ``1m30s``, and a day and a half ``1d12h``."""
    minutes, seconds = divmod(span.total_seconds(), 60)
    days, hours, minutes = int(minutes) // 1440, int(minutes) // 60 % 24, int(minutes) % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count:g}{unit}" for count, unit in parts if count) or "0s"


def _written_or_stored(text: object) -> object:
    """As a person writes it, or as a document keeps it: ISO 8601, such as ``PT2M``."""
    return text if isinstance(text, str) and text.startswith("P") else duration(text)


AS_WRITTEN = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^(?=\d)(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?$",
        "description": "A duration: 90s, 10m, 1h30m or 2d. More than nothing and at most 7d.",
    }
)
"""How editors are told what a duration looks like."""

StoredDuration = Annotated[
    timedelta, BeforeValidator(_written_or_stored), Field(gt=timedelta(0), le=_LONGEST), AS_WRITTEN
]
