"""A YAML file that people write, with the line and column of everything in it."""

import difflib
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError

from workers.domain.errors import Finding, InvalidFile

_MOST_BYTES = 256 * 1024
_MOST_NODES = 10_000
_DEEPEST = 20

Where = tuple[str | int, ...]
"""The way to a value: keys and indexes."""


class Place(NamedTuple):
    """Where a value stands; both count from 1."""

    line: int
    column: int


class Written(NamedTuple):
    """A file that holds a mapping.

    Attributes:
        data: its values.
        root: its nodes.
        places: where each value stands.
        findings: what is wrong with it as YAML; more may be found.
    """

    data: dict[str, object]
    root: yaml.MappingNode
    places: dict[Where, Place]
    findings: list[Finding]


def read_yaml(text: str, path: str, *, invalid: type[InvalidFile], begin_with: str) -> Written:
    """Read a file of settings.

    Args:
        text: the YAML.
        path: its name, for messages.
        invalid: what to raise.
        begin_with: the remedy for an empty file, such as ``Start with owner:``.

    Raises:
        InvalidFile: as ``invalid``: it is too large, no YAML, or holds no settings.
    """
    if len(text.encode()) > _MOST_BYTES:
        raise invalid(
            [Finding(line=1, column=1, where="file", problem=f"larger than {_MOST_BYTES // 1024} KB")],
            path=path,
        )
    places: dict[Where, Place] = {(): Place(1, 1)}
    findings: list[Finding] = []
    root = _composed(text, path, invalid)
    data = None if root is None else _convert(root, (), places, findings, depth=0)
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        problem = Finding(line=1, column=1, where="file", problem="holds no settings", remedy=begin_with)
        raise invalid([*findings, problem], path=path)
    return Written(data, root, places, findings)


def flaws(error: ValidationError, places: dict[Where, Place], model: type[BaseModel]) -> list[Finding]:
    """What a model found wrong with the values, each where it stands, with its remedy."""
    return [_finding(dict(item), places, model) for item in error.errors()]


def dotted(where: Where) -> str:
    """The way to a value as people write it: ``rules[0].when``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return text.lstrip(".") or "file"


def _composed(text: str, path: str, invalid: type[InvalidFile]) -> yaml.Node | None:
    try:
        # SafeLoader's values have no line numbers, so the tree of nodes is read, and converted here.
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise invalid(
            [
                Finding(
                    line=mark.line + 1 if mark else 1,
                    column=mark.column + 1 if mark else 1,
                    where="YAML",
                    problem=str(error.problem or error.context or "can't be read"),
                )
            ],
            path=path,
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        problem = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise invalid([Finding(line=1, column=1, where="YAML", problem=problem)], path=path) from None


def _convert(
    node: yaml.Node,
    where: Where,
    places: dict[Where, Place],
    findings: list[Finding],
    *,
    depth: int,
) -> object:
    places.setdefault(where, _place(node))
    if depth > _DEEPEST or len(places) > _MOST_NODES:
        # An alias that contains itself never ends, and aliases of aliases multiply.
        problem = "nested too deep" if depth > _DEEPEST else f"more than {_MOST_NODES} entries"
        if problem not in (finding.problem for finding in findings):
            findings.append(_at(node, where, problem, "Remove anchors and aliases that refer to themselves."))
        return None
    if isinstance(node, yaml.MappingNode):
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            if key in result:
                findings.append(_at(key_node, (*where, key), "given twice", "Keep one of them."))
            places[(*where, key)] = _place(key_node)
            result[key] = _convert(value_node, (*where, key), places, findings, depth=depth + 1)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [
            _convert(item, (*where, index), places, findings, depth=depth + 1)
            for index, item in enumerate(node.value)
        ]
    return _scalar(node, where, findings)


def _scalar(node: yaml.Node, where: Where, findings: list[Finding]) -> object:
    try:
        constructed: object = yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        findings.append(_at(node, where, f"{node.value!r} is no {kind}", "Quote it if it is text."))
        return node.value
    return constructed


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _at(node: yaml.Node, where: Where, problem: str, remedy: str = "") -> Finding:
    place = _place(node)
    return Finding(line=place.line, column=place.column, where=dotted(where), problem=problem, remedy=remedy)


def _finding(error: dict[str, Any], places: dict[Where, Place], model: type[BaseModel]) -> Finding:
    where: Where = tuple(part for part in error["loc"] if part != "[key]")
    place = next(places[where[:n]] for n in range(len(where), -1, -1) if where[:n] in places)
    problem, remedy = str(error["msg"]).removeprefix("Value error, "), ""
    problem = problem[:1].lower() + problem[1:]
    match error["type"]:
        case "extra_forbidden":
            problem, remedy = "no such setting", _did_you_mean(where, model)
        case "missing":
            problem, remedy = "is missing", "Add it."
        case "enum" | "literal_error":
            problem = f"{error['input']!r} is not one of {error['ctx']['expected']}"
    return Finding(line=place.line, column=place.column, where=dotted(where), problem=problem, remedy=remedy)


def _did_you_mean(where: Where, root: type[BaseModel]) -> str:
    model: Any = root
    for part in where[:-1]:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[str(part)].annotation
        elif getattr(model, "__args__", None):
            model = [argument for argument in model.__args__ if argument is not Ellipsis][-1]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    known = list(model.model_fields)
    close = difflib.get_close_matches(str(where[-1]), known, n=1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
