"""What is not well with Startgate, in one line for on-call."""

from collections.abc import Mapping
from typing import Any

_MOST_NAMED = 3
_NAMES = {"redis": "Redis", "servicebus": "Service Bus", "slack": "Slack", "azure": "Azure"}


def trouble_line(health: Mapping[str, Any]) -> str:
    """Which dependencies do not answer, what people have to mend, and what is overdue; empty if all is well.

    Args:
        health: as ``Health.as_json`` tells it.
    """
    away = [
        f"{_NAMES.get(name, name)} is {one['state']}"
        for name, one in health["dependencies"].items()
        if one["state"] in ("away", "throttled")
    ]
    mend = [str(one["reason"]) for one in health["troubles"].values()]
    late = [f"{name} is overdue" for name, one in health["sweeps"].items() if one["overdue"]]
    found = [*away, *mend, *late]
    more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"{'; '.join(found[:_MOST_NAMED])}{more}." if found else ""
