"""A policy from its YAML text: every error at once, each with line, column and remedy."""

import difflib
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError

from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.findings import rule_findings
from workers.domain.policy.model import Policy
from workers.domain.starts.signals.table import unknown_signal

_MOST_BYTES = 256 * 1024
_MOST_NODES = 10_000
_DEEPEST = 20


class _Place(NamedTuple):
    line: int
    column: int


def load_policy(text: str, *, path: str = "policy", conditions: bool = True) -> Policy:
    """Read and check a whole policy.

    Args:
        text: the YAML.
        path: its name, for messages.
        conditions: whether to check the rules' expressions, too, which loads the CEL runtime.

    Raises:
        InvalidPolicy: with every finding, in the order of the file.
    """
    if len(text.encode()) > _MOST_BYTES:
        raise InvalidPolicy(
            [Finding(line=1, column=1, where="file", problem=f"larger than {_MOST_BYTES // 1024} KB")],
            path=path,
        )
    places: dict[tuple[str | int, ...], _Place] = {(): _Place(1, 1)}
    findings: list[Finding] = []
    root = _composed(text, path)
    data = None if root is None else _convert(root, (), places, findings, depth=0)
    if not isinstance(data, dict):
        findings.append(
            Finding(
                line=1,
                column=1,
                where="file",
                problem="holds no settings",
                remedy="Start with owner: and oncall:",
            )
        )
        raise InvalidPolicy(findings, path=path)
    if isinstance(root, yaml.MappingNode):
        findings.extend(rule_findings(root, text, conditions=conditions))
    try:
        policy = Policy.model_validate(data, extra="forbid")  # profiles, too, which are stored elsewhere
    except ValidationError as error:
        findings.extend(_finding(dict(item), places) for item in error.errors())
        raise InvalidPolicy(findings, path=path) from None
    findings.extend(_dangling(policy, places))
    findings.extend(_backwards(policy, places))
    findings.extend(_weights(policy, places))
    if findings:
        raise InvalidPolicy(findings, path=path)
    return policy


def _composed(text: str, path: str) -> yaml.Node | None:
    try:
        # SafeLoader's values have no line numbers, so the tree of nodes is read, and converted here.
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidPolicy(
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
        raise InvalidPolicy([Finding(line=1, column=1, where="YAML", problem=problem)], path=path) from None


def _convert(
    node: yaml.Node,
    where: tuple[str | int, ...],
    places: dict[tuple[str | int, ...], _Place],
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


def _scalar(node: yaml.Node, where: tuple[str | int, ...], findings: list[Finding]) -> object:
    try:
        constructed: object = yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        findings.append(_at(node, where, f"{node.value!r} is no {kind}", "Quote it if it is text."))
        return node.value
    return constructed


def _place(node: yaml.Node) -> _Place:
    return _Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _at(node: yaml.Node, where: tuple[str | int, ...], problem: str, remedy: str = "") -> Finding:
    place = _place(node)
    return Finding(line=place.line, column=place.column, where=_dotted(where), problem=problem, remedy=remedy)


def _finding(error: dict[str, Any], places: dict[tuple[str | int, ...], _Place]) -> Finding:
    where: tuple[str | int, ...] = tuple(part for part in error["loc"] if part != "[key]")
    place = next(places[where[:n]] for n in range(len(where), -1, -1) if where[:n] in places)
    problem, remedy = str(error["msg"]).removeprefix("Value error, "), ""
    problem = problem[:1].lower() + problem[1:]
    match error["type"]:
        case "extra_forbidden":
            problem, remedy = "no such setting", _did_you_mean(where)
        case "missing":
            problem, remedy = "is missing", "Add it."
        case "enum" | "literal_error":
            problem = f"{error['input']!r} is not one of {error['ctx']['expected']}"
    return Finding(line=place.line, column=place.column, where=_dotted(where), problem=problem, remedy=remedy)


def _did_you_mean(where: tuple[str | int, ...]) -> str:
    model: Any = Policy
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


def _dangling(policy: Policy, places: dict[tuple[str | int, ...], _Place]) -> list[Finding]:
    named: list[tuple[tuple[str | int, ...], str]] = [(("defaults", "lockdown"), policy.defaults.lockdown)]
    named += [
        (("rules", n, "lockdown"), rule.lockdown) for n, rule in enumerate(policy.rules) if rule.lockdown
    ]
    findings = []
    for where, wanted in named:
        if policy.has_profile(wanted):
            continue
        place = places.get(where, places.get(("lockdowns",), _Place(1, 1)))
        findings.append(
            Finding(
                line=place.line,
                column=place.column,
                where=_dotted(where),
                problem=f"no lockdown profile is named {wanted!r}",
                remedy=f"Name one of {', '.join(policy.lockdowns) or 'the profiles under lockdowns:'}.",
            )
        )
    return findings


def _backwards(policy: Policy, places: dict[tuple[str | int, ...], _Place]) -> list[Finding]:
    findings = []
    for n, rule in enumerate(policy.rules):
        try:
            policy.defaults.but(rule)
        except ValidationError:
            place = places[("rules", n)]
            findings.append(
                Finding(
                    line=place.line,
                    column=place.column,
                    where=_dotted(("rules", n)),
                    problem="with what the defaults say, its deadlines go backwards in time",
                    remedy="Give the later ones, too: remind_after, escalate_after, expire_after.",
                )
            )
    return findings


def _weights(policy: Policy, places: dict[tuple[str | int, ...], _Place]) -> list[Finding]:
    findings = []
    for signal_id in policy.risk.weights:
        if remedy := unknown_signal(signal_id):
            place = places[("risk", "weights", signal_id)]
            findings.append(
                Finding(
                    line=place.line,
                    column=place.column,
                    where=_dotted(("risk", "weights", signal_id)),
                    problem="no such signal",
                    remedy=remedy,
                )
            )
    return findings


def _dotted(where: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return text.lstrip(".") or "file"
