"""Read, decide and write again on a conflict: once in the house, and bounded."""

import ast
from pathlib import Path

import pytest

from workers.domain.errors import Conflict
from workers.use_cases.conflicts import until_written

ROOT = Path(__file__).parents[3] / "workers" / "use_cases"


def loops_over_conflicts(path: Path) -> bool:
    loops = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, (ast.For, ast.While)))
    handlers = (n for loop in loops for n in ast.walk(loop) if isinstance(n, ast.ExceptHandler))
    return any(h.type is not None and "Conflict" in ast.unparse(h.type) for h in handlers)


def test_there_is_one_loop_over_conflicts() -> None:
    assert [path.name for path in sorted(ROOT.rglob("*.py")) if loops_over_conflicts(path)] == [
        "conflicts.py"
    ]


async def test_a_conflict_is_met_by_another_attempt_until_it_is_written() -> None:
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 8:
            raise Conflict("somebody wrote in between")
        return "written"

    assert await until_written(attempt) == "written"
    assert attempts == 8


async def test_after_eight_conflicts_it_is_left_to_the_next_message() -> None:
    attempts = 0

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        raise Conflict("somebody wrote in between")

    with pytest.raises(Conflict):
        await until_written(attempt)
    assert attempts == 8
