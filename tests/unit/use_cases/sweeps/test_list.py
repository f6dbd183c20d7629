"""Every sweep runs: a file in ``use_cases/sweeps`` or one of its rooms is in the one list."""

import ast
from pathlib import Path

WORKERS = Path(__file__).parents[4] / "workers"


def _sweeps_in(path: Path) -> list[str]:
    """Classes with a ``name`` of their own, as every sweep has."""
    return [
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and "name" in {ast.unparse(target) for target in line.targets}
    ]


def test_every_sweep_is_in_the_list() -> None:
    tree = ast.parse((WORKERS / "sweep_list.py").read_text())
    (function,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "all_sweeps")
    listed = function.body[-1]
    assert isinstance(listed, ast.Return)
    assert isinstance(listed.value, ast.Tuple)
    made = {
        ast.unparse(line.targets[0]): line.value for line in function.body if isinstance(line, ast.Assign)
    }  # one that another uses, too, has a name first
    each = [made.get(ast.unparse(one), one) for one in listed.value.elts]
    running = [ast.unparse(one.func) for one in each if isinstance(one, ast.Call)]
    files = sorted((WORKERS / "use_cases" / "sweeps").rglob("*.py"))
    assert sorted(running) == sorted(name for path in files for name in _sweeps_in(path))
    assert len(running) >= 3
