"""What a doctor found, as one line each: ``✓ name: what``, ``✗ name: what → remedy``, ``? name: what``."""

import json
from collections.abc import Callable, Sequence

from workers.runtime.checks import CHECK_TIMEOUT_S, Check, Found, State, findings, wrong

MARKS = {State.OK: "✓", State.FAIL: "✗", State.WARN: "?"}


def line(found: Found) -> str:
    """One finding."""
    remedy = f" → {found.remedy}" if found.remedy else ""
    return f"{MARKS[found.state]} {found.name}: {found.what}{remedy}"


def lines_of(printed: str) -> list[str]:
    """The lines of what ``doctor --json`` printed."""
    told = json.loads(printed)
    return [line(Found(**one | {"state": State(one["state"])})) for one in told["checks"]]


async def make(
    checks: Sequence[Check], tell: Callable[[str], object], *, timeout_s: float = CHECK_TIMEOUT_S
) -> bool:
    """Make all checks, tell a line of each, and say whether nothing fails."""
    found = await findings(checks, timeout_s=timeout_s)
    for one in found:
        tell(line(one))
    return not wrong(found)
