"""Finds, in the syntax tree of a file, private names of packages that are not ours."""

import ast
import re
from collections.abc import Iterable, Iterator

OURS = ("bot", "workers")
_BY_NAME = {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"}
_NAMED_TUPLE = {"_asdict", "_fields", "_make", "_replace"}
"""Public, whatever they look like. Source: https://docs.python.org/3/library/collections.html"""
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")


def private(name: str) -> bool:
    """One underscore in front: Python's own names have two, and ``_`` is nobody's."""
    if name in _NAMED_TUPLE:
        return False
    # Names with an underscore at both ends, such as an enum's ``_value_``, are documented by Python.
    return name.startswith("_") and not name.endswith("_") and not name.startswith("__")


def defined(tree: ast.AST) -> set[str]:
    """Private names that the file makes: functions, classes, variables, fields, attributes of self or cls."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _own(node.value):
            names.add(node.attr)
    return {name for name in names if private(name)}


def foreign_privates(source: str, *, elsewhere: Iterable[str] = ()) -> list[str]:
    """Each offence as ``line: what``.

    Args:
        source: Python.
        elsewhere: private names that our other files define, which a class of this one may inherit.
    """
    tree = ast.parse(source)
    here = defined(tree)
    inherited = {*here, *elsewhere}
    return [f"{line}: {what}" for line, what in sorted(_offences(tree, here, inherited))]


def _offences(tree: ast.AST, here: set[str], inherited: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if _hidden(alias.name))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, name) for name in names if _hidden(name))
        elif isinstance(node, ast.Attribute) and private(node.attr):
            if node.attr not in (inherited if _own(node.value) else here):
                yield node.lineno, f"{ast.unparse(node.value)}.{node.attr}"
        elif isinstance(node, ast.Call) and _called(node.func) in _BY_NAME:
            yield from ((node.lineno, name) for name in _strings(node.args) if private_path(name, here))
        elif isinstance(node, ast.Subscript) and _is_dict_of(node.value):
            yield from ((node.lineno, name) for name in _strings([node.slice]) if private_path(name, here))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _DOTTED.fullmatch(node.value)
            and _hidden(node.value)
        ):
            yield node.lineno, repr(node.value)


def private_path(name: str, here: set[str]) -> bool:
    """An attribute's name, or a path of them as ``attrgetter`` takes."""
    return any(private(part) and part not in here for part in name.split("."))


def _hidden(dotted: str) -> bool:
    first, *parts = dotted.split(".")
    return first not in OURS and any(private(part) for part in (first, *parts))


def _own(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_dict_of(node: ast.expr) -> bool:
    """``vars(x)`` or ``x.__dict__``."""
    if isinstance(node, ast.Call):
        return _called(node.func) == "vars"
    return isinstance(node, ast.Attribute) and node.attr == "__dict__"


def _strings(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
