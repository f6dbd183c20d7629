"""A copy of the house to plant mutants in, so that nothing here is ever left changed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSE = ("bot", "workers", "deploy", "tests", "docs", "pyproject.toml", "README.md", "LICENSE")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One small defect, made by hand.

    Attributes:
        path: the file, from the root of the house.
        claim: what the defect does, in one line.
        old: a text that is in the file exactly once.
        new: what stands there instead.
    """

    path: str
    claim: str
    old: str
    new: str


def copy_house(to: Path) -> None:
    """Bring a copy up to date; what else lies there stays, such as what a tool remembers."""
    to.mkdir(parents=True, exist_ok=True)
    for name in HOUSE:
        source, target = ROOT / name, to / name
        if source.is_file():
            shutil.copy2(source, target)
            continue
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=_LEFT_OUT)


def caught(mutant: Mutant, tests: Sequence[str], house: Path) -> bool:
    """Whether a test in this copy fails once the mutant is planted; the copy is as before afterwards.

    Raises:
        ValueError: the mutant fits nowhere, or in several places: the file has changed since it was made.
        RuntimeError: the tests could not be run.
    """
    path = house / mutant.path
    before = path.read_text(encoding="utf-8")
    if before.count(mutant.old) != 1:
        raise ValueError(f"{mutant.claim}: {mutant.old!r} is not in {mutant.path} exactly once; renew it")
    path.write_text(before.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        status = subprocess.call(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=house,
            env=environment(house),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        path.write_text(before, encoding="utf-8")
    if status not in (0, 1):
        raise RuntimeError(f"{mutant.claim}: pytest ended with {status}")
    return status == 1


def environment(house: Path) -> dict[str, str]:
    """For processes that run in a copy of the house."""
    return os.environ | {"PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1"}
