"""The audit as a table for people: a line for each record, the most telling of its details at the end."""

from datetime import UTC, datetime
from typing import Any

from workers.domain.ids import reference
from workers.runtime.terminal import safe_line

HEADER = f"{'WHEN (UTC)':19}  {'WHAT':22}  {'VM':20}  {'REF':9}  {'BY':24}  DETAILS"
_TELLING = ("rule", "verdict", "reason", "because", "error", "note", "why", "left", "waits_for", "found")
_LONGEST = 160


def row(record: dict[str, Any]) -> str:
    """One line; longer ones than the terminal is wide wrap there. Nothing in it moves the cursor."""
    vm = str(record.get("vm", "")).rpartition("/")[2]
    ref = reference(str(record.get("about", "")))
    by, kind = str(record.get("by", "")), str(record.get("kind", ""))
    cells = f"{_when(record.get('at')):19}  {kind:22}  {vm:20}  {ref:9}  {by:24}  {_details(record)}"
    return safe_line(cells).rstrip()


def _when(at: object) -> str:
    try:
        time = datetime.fromisoformat(str(at))
    except ValueError:
        return str(at)[:19]
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if time.tzinfo else str(at)[:19]


def _details(record: dict[str, Any]) -> str:
    details = record.get("details")
    if not isinstance(details, dict):
        return str(record.get("text", ""))[:_LONGEST]  # no record of ours
    step, attempt, code = (str(details.get(name) or "") for name in ("step", "attempt", "code"))
    what = ", ".join(filter(None, [step, attempt and f"attempt {attempt}"]))
    said = "; ".join(str(details[name]) for name in _TELLING if details.get(name))
    text = ": ".join(filter(None, [what, said])) + (f" ({code})" if code and code not in said else "")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
