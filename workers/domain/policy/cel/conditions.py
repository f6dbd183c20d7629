"""Conditions of rules: CEL expressions over what is known of a start.

Every variable is declared with its type, so that a misspelt name, or a comparison of different types, is
found when the policy is loaded. Text from outside, such as tags and callers' names, is only ever a value.

An evaluation is bounded: an expression has at most 2,000 characters and 32 levels, all its loops together
make at most 10,000 rounds, and patterns are RE2's, whose time is linear in the text. CEL has no other loops.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from workers.domain.policy.cel.flaws import Flaw, flaws_of, risk_flaws
from workers.domain.policy.cel.variables import ABOUT_VMS, VARIABLES

_LONGEST_REASON = 200
_LITERAL = re.compile(
    r"""\.(?P<name>matches|get[A-Z][A-Za-z]+)\(\s*(?P<text>r?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))\s*\)"""
)
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class InvalidCondition(ValueError):
    """It is not a valid expression, or uses unknown names or types that don't fit.

    Attributes:
        flaws: all of them.
    """

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("; ".join(flaw.problem for flaw in flaws))
        self.flaws = flaws


class Unevaluated(Exception):
    """It can't be said whether the condition holds; the message says why."""


class Condition:
    """An expression, compiled.

    Attributes:
        variables: the names that it may read. It reads no others, but perhaps not all of these.
        needs_facts: whether it reads anything that only Azure knows.
        facts: those of its variables that only Azure knows.

    Args:
        expression: in CEL.
        about_vm: whether it is about a VM, and so reads nothing of a start.

    Raises:
        InvalidCondition: with every flaw.
    """

    def __init__(self, expression: str, *, about_vm: bool = False) -> None:
        everything, without_facts, of_vms = _environments()
        try:
            self._compiled = everything.compile(expression)
        except RuntimeError as error:
            raise InvalidCondition(flaws_of(expression, str(error))) from None
        kind = self._compiled.return_type().name()
        if kind != "BOOL":
            problem = f"gives {kind.lower()}, not true or false"
            raise InvalidCondition([Flaw(0, problem, "Compare it with something, by == or in.")])
        flaws = [*_of_literals(expression), *risk_flaws(expression)]
        if about_vm and not _compiles(of_vms, expression):
            flaws += _of_starts(expression)
        if flaws:
            raise InvalidCondition(flaws)
        self.needs_facts = not _compiles(without_facts, expression)
        # Using a name means writing its last part. A name too many does no harm.
        self.variables = frozenset(name for name in VARIABLES if name.rpartition(".")[2] in expression)
        facts = (name for name in self.variables if VARIABLES[name].fact)
        self.facts = frozenset(facts if self.needs_facts else ())

    def holds(self, values: object) -> bool:
        """Whether the condition is true.

        Raises:
            Unevaluated: a value it depends on is not known, or it reads something that does not exist.
        """
        try:
            value = self._compiled.eval(values).value()
        except RuntimeError as error:  # half a character, which JSON can hold and UTF-8 can't
            raise Unevaluated(f"a value can't be read: {_reason(str(error))}") from None
        if isinstance(value, bool):
            return value
        raise Unevaluated(_reason(str(value)))


def activation(known: Mapping[str, object]) -> object:
    """What ``Condition.holds`` takes, from the variables that are known."""
    return _environments()[0].Activation(known)


@cache
def _environments() -> tuple[Any, Any, Any]:
    """With every variable; with those that are known without asking Azure; with those about VMs."""
    # Imported here, because it takes 8 ms and 8 MB that are only needed where rules are evaluated.
    from cel_expr_python import cel  # noqa: PLC0415

    kinds = {
        "string": cel.Type.STRING,
        "bool": cel.Type.BOOL,
        "timestamp": cel.Type.TIMESTAMP,
        "int": cel.Type.INT,
        "flags": cel.Type.Map(cel.Type.STRING, cel.Type.BOOL),
        "list": cel.Type.List(cel.Type.STRING),
        "map": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    }
    return (
        cel.NewEnv(variables={name: kinds[v.type] for name, v in VARIABLES.items()}),
        cel.NewEnv(variables={name: kinds[v.type] for name, v in VARIABLES.items() if not v.fact}),
        cel.NewEnv(variables={name: kinds[VARIABLES[name].type] for name in ABOUT_VMS}),
    )


def _of_literals(expression: str) -> Iterator[Flaw]:
    """Invalid time zones and patterns, which CEL itself reports only when it uses them."""
    everything = _environments()[0]
    for call in _LITERAL.finditer(expression):
        literal = call["text"]
        trial = f'"".matches({literal})' if call["name"] == "matches" else f"now.getHours({literal}) < 0"
        try:
            value = everything.compile(trial).eval(data={"now": _SOME_TIME}).value()
        except RuntimeError:
            continue  # it only looks like a literal
        if not isinstance(value, bool):
            yield Flaw(call.start("text"), _reason(str(value)))


def _of_starts(expression: str) -> list[Flaw]:
    """Variables about a start in a condition that is about a VM, the first of each."""
    found = ((expression.find(name), name) for name in VARIABLES if name not in ABOUT_VMS)
    return [
        Flaw(offset, f"{name} says something of a start, not of a VM", "Use vm, owner or facts here.")
        for offset, name in sorted(found)
        if offset >= 0
    ] or [Flaw(0, "does not only read what a VM is", "Use vm, owner or facts here.")]


def _compiles(environment: Any, expression: str) -> bool:
    try:
        environment.compile(expression)
    except RuntimeError:
        return False
    return True


def _reason(error: str) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", error)
    text = re.sub(r"^Key not found in map : ", "no such key: ", text)
    text = re.sub(r'^No value with name "([^"]*)" found in Activation$', r"\1 is not known", text)
    return (text[:1].lower() + text[1:])[:_LONGEST_REASON]
