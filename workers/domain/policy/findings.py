"""What the model can't see in the rules of a policy file: wrong conditions, and names given twice.

It reads YAML nodes, not values, so that a flaw inside an expression gets its line and column in the file.
"""

from collections.abc import Iterator

import yaml

from workers.domain.errors import Finding
from workers.domain.policy.conditions import Condition, InvalidCondition
from workers.domain.policy.model import LONGEST_CONDITION, MOST_RULES

_STRING = "tag:yaml.org,2002:str"


def rule_findings(root: yaml.MappingNode, text: str, *, conditions: bool) -> list[Finding]:
    """Every finding; without ``conditions``, expressions are not checked."""
    findings: list[Finding] = []
    names: set[str] = set()
    for index, rule in enumerate(_rules(root)):
        name, when = _text(rule, "name"), _text(rule, "when")
        if name is not None:
            if name.value.strip() in names:
                findings.append(
                    Finding(
                        line=name.start_mark.line + 1,
                        column=name.start_mark.column + 1,
                        where=f"rules[{index}].name",
                        problem=f"an earlier rule is called {name.value.strip()!r}, too",
                        remedy="The audit tells them apart by name: give each its own.",
                    )
                )
            names.add(name.value.strip())
        if conditions and when is not None and len(when.value) <= LONGEST_CONDITION:
            findings.extend(_of_condition(when, text, f"rules[{index}].when"))
    return findings


def _rules(root: yaml.MappingNode) -> list[yaml.MappingNode]:
    rules = next((value for key, value in root.value if key.value == "rules"), None)
    if not isinstance(rules, yaml.SequenceNode):
        return []
    # More rules than the limit are refused elsewhere. An entry that is no mapping still counts.
    empty = yaml.MappingNode("", [])
    return [rule if isinstance(rule, yaml.MappingNode) else empty for rule in rules.value[:MOST_RULES]]


def _text(rule: yaml.MappingNode, name: str) -> yaml.ScalarNode | None:
    found = next((value for key, value in rule.value if key.value == name), None)
    return found if isinstance(found, yaml.ScalarNode) and found.tag == _STRING else None


def _of_condition(node: yaml.ScalarNode, text: str, where: str) -> Iterator[Finding]:
    try:
        Condition(node.value)
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
