"""What can be told of a condition by reading it: its operands, and which variables it uses."""

import re
from collections.abc import Iterator
from itertools import pairwise

from workers.domain.policy.cel.variables import VARIABLES

QUOTED = r"""r?"(?:[^"\\\n]|\\.)*"|r?'(?:[^'\\\n]|\\.)*'"""
_TOKEN = re.compile(
    rf"(?P<quoted>{QUOTED})|(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?P<operator>&&|\|\||\?)", re.DOTALL
)
_BINDING = ("?", "||", "&&")
"""The weakest first."""
_SPACE = re.compile(rf"(?P<quoted>{QUOTED})|(?P<needed>(?<=\w)\s+(?=\w))|\s+", re.DOTALL)


def operands(expression: str, operator: str) -> list[str]:
    """The operands of ``&&`` or ``||`` outside brackets; the whole if something there binds weaker."""
    depth, cuts = 0, [0]
    for token in _TOKEN.finditer(expression):
        depth += bool(token["open"]) - bool(token["close"])
        found = token["operator"]
        if not found or depth:
            continue
        if _BINDING.index(found) < _BINDING.index(operator):
            return [expression]
        if found == operator:
            cuts += [token.start(), token.end()]
    cuts.append(len(expression))
    return [expression[start:end].strip() for start, end in list(pairwise(cuts))[::2]]


def alternatives(expression: str) -> list[frozenset[str]]:
    """The expression as alternatives, one of which has to hold, each as parts that hold together.

    Parts have no spaces but where these are needed. Brackets round the whole of a part are taken off; what is
    within others is not looked into.
    """
    found = []
    for one in operands(_bare(expression), "||"):
        if one != (inner := _bare(one)):
            found += alternatives(inner)
            continue
        found.append(frozenset(_packed(_bare(part)) for part in operands(one, "&&")))
    return found


def used(expression: str) -> Iterator[str]:
    """The variables that stand in an expression, outside quotation marks."""
    outside = re.sub(QUOTED, '""', expression)
    packed = re.sub(r"\s*\.\s*", ".", outside)
    for name in VARIABLES:
        if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", packed):
            yield name


def _packed(text: str) -> str:
    return _SPACE.sub(lambda found: found["quoted"] or (" " if found["needed"] else ""), text)


def _bare(text: str) -> str:
    """Without brackets round the whole."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for token in _TOKEN.finditer(text):
            depth += bool(token["open"]) - bool(token["close"])
            if depth == 0 and token["close"]:
                break
        if token.end() != len(text):
            return text
        text = text[1:-1].strip()
    return text
