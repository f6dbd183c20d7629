"""The small checks that shapes are made of. Each looks at one value and reports what is wrong with it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.slack.blockkit.report import Report

Check = Callable[[Any, str, Report], None]
"""Takes the value, the JSON pointer to it, and the report to write to."""


def string(least: int = 1, most: int | None = None) -> Check:
    """A string of ``least`` to ``most`` characters."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, str):
            report.say("must provide a string", at)
        elif len(value) < least:
            report.say(f"must be more than {least - 1} characters", at)
        elif most is not None and len(value) > most:
            report.say(f"must be less than {most + 1} characters", at)

    return check


def matching(pattern: str, sentence: str, most: int | None = None) -> Check:
    """A string that is wholly of a form; ``sentence`` says of which."""
    form, length = re.compile(pattern), string(1, most)

    def check(value: Any, at: str, report: Report) -> None:
        before = len(report.problems)
        length(value, at, report)
        if len(report.problems) == before and not form.fullmatch(value):
            report.say(sentence, at)

    return check


def boolean(value: Any, at: str, report: Report) -> None:
    if not isinstance(value, bool):
        report.say("must provide a boolean", at)


def integer(least: int | None = None, most: int | None = None) -> Check:
    """A whole number."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            report.say("must provide a number", at)
        elif least is not None and value < least:
            report.say(f"must be greater than or equal to {least}", at)
        elif most is not None and value > most:
            report.say(f"must be less than or equal to {most}", at)

    return check


def one_of(*allowed: Any) -> Check:
    """One of these values."""

    def check(value: Any, at: str, report: Report) -> None:
        if not any(value is a or (value == a and type(value) is type(a)) for a in allowed):
            report.say(f"must be a valid enum value: {', '.join(map(str, allowed))}", at)

    return check


def array(item: Check, bounds: tuple[int, int | None] = (1, None)) -> Check:
    """A list of so many items, each checked."""
    least, most = bounds

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, list):
            report.say("must provide an array", at)
            return
        if len(value) < least:
            report.say(f"no fewer than {least} items allowed", at)
        if most is not None and len(value) > most:
            report.say(f"no more than {most} items allowed", at)
        for index, part in enumerate(value):
            item(part, f"{at}/{index}", report)

    return check


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """An object: what it must have, what it may have, and what must fit together.

    Attributes:
        rules: run on the whole object if it is one, whatever its fields were like.
    """

    required: Mapping[str, Check]
    optional: Mapping[str, Check]
    rules: tuple[Check, ...] = ()

    def __call__(self, value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.say("must provide an object", at)
            return
        for name in self.required:
            if name not in value:
                report.say(f"missing required field: {name}", at)
        for name, part in value.items():
            check = self.required.get(name) or self.optional.get(name)
            if check is None:
                report.say(f"invalid additional property: {name}", at)
            else:
                check(part, f"{at}/{name}", report)
        for rule in self.rules:
            rule(value, at, report)


def shape(
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    *rules: Check,
) -> Shape:
    """A shape, in fewer words."""
    return Shape(required=required or {}, optional=optional or {}, rules=rules)


def by_type(shapes: Mapping[str, Check], allowed: tuple[str, ...] | None = None) -> Check:
    """An object whose ``type`` says which shape it has; ``allowed`` narrows the choice."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.say("must provide an object", at)
            return
        kind = value.get("type")
        if kind is None:
            report.say("missing required field: type", at)
        elif not isinstance(kind, str) or kind not in (shapes if allowed is None else allowed):
            report.say(f"unsupported type: {kind}", f"{at}/type")
        else:
            shapes[kind](value, at, report)

    return check


def exactly_one(*names: str) -> Check:
    """A rule: one of these fields, not none and not two."""

    def rule(value: Any, at: str, report: Report) -> None:
        if sum(name in value for name in names) != 1:
            report.say(f"must define either {' or '.join(f'`{name}`' for name in names)}", at)

    return rule


def at_least_one(*names: str) -> Check:
    """A rule: one of these fields, or more."""

    def rule(value: Any, at: str, report: Report) -> None:
        if not any(name in value for name in names):
            report.say(f"must define either {' or '.join(f'`{name}`' for name in names)}", at)

    return rule


def anything(_value: Any, _at: str, _report: Report) -> None:
    """No check: Slack's rules for this part are not modelled here."""
