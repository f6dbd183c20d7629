"""What the model can't see in rules and guards of a policy file: wrong conditions, and names given twice.

It reads YAML nodes, not values, so that a flaw inside an expression gets its line and column in the file.
"""

from collections.abc import Iterator

import yaml

from workers.domain.errors import Finding
from workers.domain.policy.cel.conditions import Condition, InvalidCondition
from workers.domain.policy.limits import MOST_GUARDS
from workers.domain.policy.model import MOST_RULES
from workers.domain.policy.reading.spelling import LONGEST_CONDITION

_STRING = "tag:yaml.org,2002:str"


def rule_findings(root: yaml.MappingNode, text: str, *, conditions: bool) -> list[Finding]:
    """Every finding; without ``conditions``, expressions are not checked."""
    rules = _listed(root, "rules", text, most=MOST_RULES, conditions=conditions)
    guards = _listed(root, "never", text, most=MOST_GUARDS, conditions=conditions)
    return [*rules, *guards, *(_of_only_guard(root, text) if conditions else ())]


def _of_only_guard(root: yaml.MappingNode, text: str) -> Iterator[Finding]:
    """The findings of ``never`` as one condition, without a name."""
    only = _text(root, "never")
    if only is not None and len(only.value) <= LONGEST_CONDITION:
        yield from _of_condition(only, text, "never", about_vm=True)


def _listed(root: yaml.MappingNode, key: str, text: str, *, most: int, conditions: bool) -> list[Finding]:
    findings: list[Finding] = []
    names: set[str] = set()
    about_vm = key == "never"
    for index, rule in enumerate(_entries(root, key, most)):
        name, when = _text(rule, "name"), _text(rule, "when")
        if name is not None:
            kind = "guard" if about_vm else "rule"
            if name.value.strip() in names:
                findings.append(
                    Finding(
                        line=name.start_mark.line + 1,
                        column=name.start_mark.column + 1,
                        where=f"{key}[{index}].name",
                        problem=f"an earlier {kind} is called {name.value.strip()!r}, too",
                        remedy="The audit tells them apart by name: give each its own.",
                    )
                )
            names.add(name.value.strip())
        if conditions and when is not None and len(when.value) <= LONGEST_CONDITION:
            findings.extend(_of_condition(when, text, f"{key}[{index}].when", about_vm=about_vm))
    return findings


def _entries(root: yaml.MappingNode, name: str, most: int) -> list[yaml.MappingNode]:
    listed = next((value for key, value in root.value if key.value == name), None)
    if not isinstance(listed, yaml.SequenceNode):
        return []
    # More of them than the limit are refused elsewhere. An entry that is no mapping still counts.
    empty = yaml.MappingNode("", [])
    return [one if isinstance(one, yaml.MappingNode) else empty for one in listed.value[:most]]


def _text(rule: yaml.MappingNode, name: str) -> yaml.ScalarNode | None:
    found = next((value for key, value in rule.value if key.value == name), None)
    return found if isinstance(found, yaml.ScalarNode) and found.tag == _STRING else None


def _of_condition(
    node: yaml.ScalarNode, text: str, where: str, *, about_vm: bool = False
) -> Iterator[Finding]:
    try:
        Condition(node.value, about_vm=about_vm)
    except InvalidCondition as invalid:
        for flaw in invalid.flaws:
            line, column = _place(node, text, flaw.offset)
            yield Finding(line=line, column=column, where=where, problem=flaw.problem, remedy=flaw.remedy)


def _place(node: yaml.ScalarNode, text: str, offset: int) -> tuple[int, int]:
    """Line and column in the file of one character of a scalar's value, in whichever style it is written.

    Folding and indentation change only white space, so all other characters appear in the same order.
    """
    begin, end = node.start_mark.index, node.end_mark.index
    at = text.find("\n", begin, end) if node.style in ("|", ">") else begin - 1
    for character in node.value[: offset + 1]:
        if character.isspace():
            continue
        found = text.find(character, at + 1, end)
        if found < 0:  # written as an escape, such as \u00fc
            break
        at = found
    at = max(at, begin) + (offset >= len(node.value))
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
