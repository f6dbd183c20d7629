"""What is wrong with a condition, in words that tell the author of a rule what to change."""

import difflib
import re
from typing import NamedTuple

from workers.domain.policy.cel.variables import VARIABLES
from workers.domain.starts.risk import Level
from workers.domain.starts.signals.signal import Threat
from workers.domain.starts.signals.table import unknown_signal

_LONGEST_PROBLEM = 200

_FIELDS = {
    group: [name.partition(".")[2] for name in VARIABLES if name.partition(".")[0] == group]
    for group in dict.fromkeys(name.partition(".")[0] for name in VARIABLES)
}
_TEXT = ("contains", "endsWith", "matches", "startsWith")
_LISTS = ("exists", "exists_one", "all", "filter", "map")
_TIMES = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)
_METHODS = (*_TEXT, *_LISTS, *_TIMES)
_FUNCTIONS = ("size", "has", "timestamp", "duration", "int", "double", "string", "bool", "type")


class Flaw(NamedTuple):
    """One thing that is wrong with an expression. ``offset`` is the character, counted from 0."""

    offset: int
    problem: str
    remedy: str = ""


_ERROR = re.compile(r"^(?:INVALID_ARGUMENT: )?ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE)
_TEXT_LITERAL = r"""(?P<quote>["'])(?P<text>[^"'\\\n]*)(?P=quote)"""
_SIGNAL = re.compile(rf"\brisk\s*\.\s*signals\s*\[\s*{_TEXT_LITERAL}")
_THREAT = re.compile(rf"\brisk\s*\.\s*threats\s*\[\s*{_TEXT_LITERAL}")
_LEVEL = re.compile(rf"\brisk\s*\.\s*level\s*[!=]=\s*{_TEXT_LITERAL}")
_AMONG_SIGNALS = re.compile(r"\bin\s+risk\s*\.\s*signals\b")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_SPELLINGS = {"'= '": "==", "'='": "==", "'and'": "&&", "'or'": "||", "'not'": "!", "'&'": "&&", "'|'": "||"}


def flaws_of(expression: str, error: str) -> list[Flaw]:
    """CEL's messages, which give line and column, as flaws that say what to do."""
    flaws = []
    for line, column, problem in _ERROR.findall(error):
        offset = _offset(expression, int(line), int(column))
        undeclared = _UNDECLARED.match(problem)
        if undeclared:
            flaws.append(_unknown(expression, offset, undeclared[1]))
        elif problem.startswith("Syntax error: "):
            flaws.append(Flaw(offset, _syntax(problem), _spelling(problem)))
            break  # what follows only results from it
        else:
            flaws.append(Flaw(offset, problem.removesuffix(" [INVALID_ARGUMENT]")))
    return list(dict.fromkeys(flaws)) or [
        Flaw(0, "can't be read: " + re.sub(r"^[A-Z_]+: ", "", error)[:_LONGEST_PROBLEM])
    ]


def risk_flaws(expression: str) -> list[Flaw]:
    """Signals, threats and levels that there are none of: to CEL they are texts like any other."""
    flaws = [
        Flaw(named.start("text"), f"no such signal: {named['text']}", remedy)
        for named in _SIGNAL.finditer(expression)
        if (remedy := unknown_signal(named["text"]))
    ]
    for pattern, known in ((_THREAT, tuple(Threat)), (_LEVEL, tuple(Level))):
        flaws += [
            Flaw(named.start("text"), f"no such value: {named['text']}", f"There are: {', '.join(known)}.")
            for named in pattern.finditer(expression)
            if named["text"] not in known
        ]
    if among := _AMONG_SIGNALS.search(expression):
        remedy = 'Write risk.signals["no-mfa"], which is true if it was found.'
        flaws.append(Flaw(among.start(), "every signal is in it, found or not", remedy))
    return flaws


def _offset(expression: str, line: int, column: int) -> int:
    before = expression.split("\n")[: max(line - 1, 0)]
    return max(sum(len(text) + 1 for text in before) + column - 1, 0)


def _syntax(problem: str) -> str:
    text = problem.removesuffix(" [INVALID_ARGUMENT]").partition(" expecting {")[0]
    return text.replace("Syntax error", "syntax error").replace("'<EOF>'", "the end")


def _spelling(problem: str) -> str:
    return next((f"Write {right}." for wrong, right in _SPELLINGS.items() if wrong in problem), "")


def _unknown(expression: str, offset: int, name: str) -> Flaw:
    start = expression.rfind(name, 0, offset + len(name))
    offset = start if start >= 0 and start <= offset <= start + len(name) else offset
    called = expression[offset + len(name) :].lstrip().startswith("(")
    group, _, field = name.partition(".")
    if called and not field:
        return Flaw(offset, f"no such function: {name}", _similar_function(name))
    if field and _FIELDS.get(group, [""]) != [""]:
        close = difflib.get_close_matches(field.partition(".")[0], _FIELDS[group], n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(_FIELDS[group])}."
        return Flaw(offset, f"{group} has no {field}", remedy)
    if group in _FIELDS:
        return Flaw(offset, f"{name} is no value of its own", f"Name one of: {', '.join(_FIELDS[group])}.")
    close = difflib.get_close_matches(name, VARIABLES, n=1)
    remedy = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(_FIELDS)}."
    return Flaw(offset, f"no such variable: {name}", remedy)


def _similar_function(name: str) -> str:
    if name in _METHODS:
        return f"Put the value before it: value.{name}(…)."
    close = difflib.get_close_matches(name, [*_METHODS, *_FUNCTIONS], n=1)
    return f"Did you mean {close[0]}?" if close else ""
