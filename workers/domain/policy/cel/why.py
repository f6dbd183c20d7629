"""Why a condition does not hold: which part of it is false, and what the values in that part are."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from workers.domain.policy.cel.conditions import Condition, InvalidCondition, Unevaluated, activation
from workers.domain.policy.cel.expressions import QUOTED, operands
from workers.domain.policy.cel.variables import VARIABLES

_MOST_SHOWN = 200
_KEY = re.compile(r"""\[\s*(?P<key>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*\]""")


def why_not(expression: str, known: Mapping[str, object]) -> str:
    """The first part of an expression that is false, and the values it has: ``a == "b" is false: it is "c"``.

    Args:
        expression: a valid condition that does not hold.
        known: the values of the variables that are known.

    Returns:
        A sentence without a full stop; empty if no single part is false.
    """
    values = activation(known)
    for part in operands(expression, "&&"):
        try:
            if Condition(part).holds(values):
                continue
        except (InvalidCondition, Unevaluated):
            continue
        return f"{' '.join(part.split())} is false: {_values(part, known)}"
    return ""


def _values(part: str, known: Mapping[str, object]) -> str:
    shown = dict(_read(part, known))
    if len(shown) == 1:
        return f"it is {next(iter(shown.values()))}"
    return ", ".join(f"{name} is {value}" for name, value in shown.items()) or "whatever is known"


def _read(part: str, known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each variable that a part reads, as it is written there, and its value."""
    outside = re.sub(QUOTED, lambda text: " " * len(text[0]), part)
    for name in VARIABLES:
        for found in re.finditer(rf"(?<![\w.]){re.escape(name)}(?!\w)", outside):
            value = known.get(name)
            key = _KEY.match(part, found.end())
            if key and isinstance(value, Mapping):
                text = str(key["key"])[1:-1]
                yield f"{name}{key[0]}", _shown(value.get(text)) if text in value else "not there"
            else:
                yield name, _shown(value) if name in known else "not known"


def _shown(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
