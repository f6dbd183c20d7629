"""The Bicep files, parsed. There is no compiler here: names and values are held, and what refers to what."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pycep import BicepParser

ROOT = Path(__file__).parents[3]
AZURE = ROOT / "deploy" / "azure"
FILES = sorted(AZURE.rglob("*.bicep"))

_parsed: dict[Path, Mapping[str, Any]] = {}


def parsed(path: Path | str) -> Mapping[str, Any]:
    """A file's parameters, variables, resources, modules and outputs.

    Raises:
        lark.exceptions.UnexpectedInput: it is not Bicep, or a part of it that the parser does not know.
    """
    path = AZURE / path
    if path not in _parsed:
        _parsed[path] = BicepParser().parse(text=path.read_text(encoding="utf-8"))
    return _parsed[path]


def variable(path: str, name: str) -> Any:
    """A variable's value; identifiers in it are text like any other."""
    return parsed(path)["variables"][name]["value"]


def config(of: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a resource or module says, whether it is conditional, one of many, or neither."""
    inner = of["config"]
    while "config" in inner:
        inner = inner["config"]
    return inner


def resources(path: str, kind: str) -> dict[str, Mapping[str, Any]]:
    """Symbolic name → what it says, of all resources of a type."""
    return {
        name: config(found)
        for name, found in (parsed(path).get("resources") or {}).items()
        if found["type"].lower() == kind.lower()
    }


def resource(path: str, name: str) -> Mapping[str, Any]:
    return config(parsed(path)["resources"][name])


def every_resource() -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    for path in FILES:
        for name, found in (parsed(path).get("resources") or {}).items():
            yield path, name, {"type": found["type"], **config(found)}


def words(path: Path) -> set[str]:
    """Every identifier that a file uses, apart from where it declares it."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^\s*//.*$|^@description\(.*$", "", text)
    text = re.sub(r"(?m)^(param|output|var) \w+", r"\1", text)
    return set(re.findall(r"[A-Za-z_]\w*", text))


def entries(path: str, value: Any) -> list[Any]:
    """All that may be in a list: the parts of a ``concat``, either side of a condition, a variable's."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return entries(path, variable(path, value))
    if function := value.get("function"):
        assert function["type"] == "concat", function["type"]
        return [one for part in function["parameters"].values() for one in entries(path, part)]
    either = value["operator"]["operands"]
    return [*entries(path, either["true_value"]), *entries(path, either["false_value"])]
