"""A small part of the Kusto query language: a table, ``where``, ``project``, and ``union`` at the end.

Comparisons are ``==``, ``!=``, ``=~``, ``in~``, ``startswith`` and ``contains``, joined by ``and``, ``or``;
values are paths such as ``properties.status.code``, or ``tostring(path)``. Anything else is refused, rather
than answered wrongly.
Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/query-language; which comparisons
look at case: https://learn.microsoft.com/kusto/query/datatypes-string-operators
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Test = Callable[[Mapping[str, Any]], bool]
_Value = Callable[[Mapping[str, Any]], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][\w.]*~?)|(?P<sign>==|!=|=~|[(),|]))"""
)


class BadQueryError(ValueError):
    """The query is none that is understood here."""


@dataclass(frozen=True, slots=True)
class Query:
    """A table, the conditions of its rows, the columns wanted (none for all), and what is united with it."""

    table: str
    tests: tuple[Test, ...]
    columns: tuple[str, ...]
    united: "tuple[Query, ...]" = ()

    def row(self, resource: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the query shows of a resource; ``None`` if it is not asked for."""
        if not all(test(resource) for test in self.tests):
            return None
        return {name: resource.get(name) for name in self.columns} if self.columns else dict(resource)


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        BadQueryError: it is wrong, or more than is understood here.
    """
    parser = _Parser(_tokens(text))
    found = parser.query()
    if not parser.ended:
        raise BadQueryError("something stands behind the end")
    return found


def _tokens(text: str) -> list[str]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadQueryError(f"can't read {text[at : at + 40]!r}")
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    """Reads from the front; each method takes what it is called after."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    @property
    def ended(self) -> bool:
        return not self._tokens

    def query(self) -> Query:
        table, columns = self._next().lower(), list[str]()
        tests: list[Test] = []
        united: list[Query] = []
        while self._tokens and self._peek() != ")":
            self._expect("|")
            operator = self._next()
            if operator == "where":
                tests.append(self._any())
            elif operator == "project":
                columns = self._list_of(self._next)
            elif operator == "union":
                self._expect("(")
                united.append(self.query())
                self._expect(")")
            else:
                raise BadQueryError(f"{operator} is not simulated here")
        return Query(table, tuple(tests), tuple(columns), tuple(united))

    def _any(self) -> Test:
        tests = [self._all()]
        while self._peek() == "or":
            self._next()
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._peek() == "and":
            self._next()
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._peek() == "(":
            self._next()
            test = self._any()
            self._expect(")")
            return test
        value, operator = self._value(), self._next()
        if operator == "in~":
            self._expect("(")
            wanted = {text.lower() for text in self._list_of(self._text)}
            self._expect(")")
            return lambda row: _plain(value(row)).lower() in wanted
        compare = _COMPARE.get(operator)
        if compare is None:
            raise BadQueryError(f"the comparison {operator} is not simulated here")
        text = self._text()
        return lambda row: compare(_plain(value(row)), text)

    def _value(self) -> _Value:
        name = self._next()
        if name == "tostring":
            self._expect("(")
            inner = self._value()
            self._expect(")")
            return lambda row: _plain(inner(row))
        return lambda row: _at(row, name)

    def _list_of(self, read: Callable[[], str]) -> list[str]:
        found = [read()]
        while self._peek() == ",":
            self._next()
            found.append(read())
        return found

    def _text(self) -> str:
        token = self._next()
        if token[0] not in "'\"":
            raise BadQueryError(f"{token} is not a text in quotes")
        return re.sub(r"\\(.)", r"\1", token[1:-1])

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise BadQueryError("the query ends too early")
        return self._tokens.pop(0)

    def _expect(self, sign: str) -> None:
        if (found := self._next()) != sign:
            raise BadQueryError(f"{found!r} stands where {sign!r} should")


_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "==": lambda value, text: value == text,
    "!=": lambda value, text: value != text,
    "=~": lambda value, text: value.lower() == text.lower(),
    "startswith": lambda value, text: value.lower().startswith(text.lower()),
    "contains": lambda value, text: text.lower() in value.lower(),
}


def _at(row: Mapping[str, Any], path: str) -> Any:
    """What lies at a path; names of properties keep their case, as in the Kusto query language."""
    found: Any = row
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
