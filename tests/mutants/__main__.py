"""``make mutants``: plants small defects and tells which of them no test notices.

Mutants of Python are made by mutmut, by the settings in pyproject.toml; those of the commit script by hand.
A survivor wants a test, or a line with a reason in survivors.txt. It takes an hour or two for the whole, so
parts can be named: ``make mutants ARGS='workers/domain/containment/*.py'``, or ``ARGS=commit``.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.mutants import commit_script
from tests.mutants.planting import ROOT, caught, copy_house, environment

HOUSE = ROOT / ".mutants"
ACCEPTED = Path(__file__).with_name("survivors.txt")
GUARD_RAIL = 0.9
_NOTICED = ("killed", "timeout", "caught by type check")


def main() -> int:
    """0 if nine in ten mutants were noticed, those left out that the list gives a reason for."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("only", nargs="*", help="files as patterns, or `commit` for the commit script")
    parser.add_argument("--children", type=int, default=2, help="processes at once")
    asked = parser.parse_args()
    copy_house(HOUSE)
    scores: list[float] = []
    if not asked.only or "commit" in asked.only:
        scores.append(_commit_script())
    patterns = [one for one in asked.only if one != "commit"]
    if patterns or not asked.only:
        scores.append(_python(patterns, asked.children))
    return 0 if min(scores) >= GUARD_RAIL else 1


def _commit_script() -> float:
    survivors = 0
    for mutant in commit_script.MUTANTS:
        noticed = caught(mutant, commit_script.TESTS, HOUSE)
        survivors += not noticed
        _say(f"{'noticed' if noticed else 'survived'}: {mutant.claim}")
    return _told("the commit script", len(commit_script.MUTANTS), survivors)


def _python(patterns: list[str], children: int) -> float:
    if patterns:
        _narrow(patterns)
    # mutmut itself puts the copy's mutants first on the path.
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)],
        cwd=HOUSE,
        env=environment(HOUSE) | {"PYTHONPATH": ""},
        check=True,
    )
    rows = [line.strip().split(": ") for line in _mutmut("results", "--all", "true").splitlines() if line]
    unnoticed = [(name, status) for name, status in rows if status not in _NOTICED]
    reasons, wanting = accepted(), 0
    for name, status in unnoticed:
        edit = key(name, _edit(name))
        if edit not in reasons:
            _say(f"{status}: {edit}    ({name})")
            wanting += 1
    return _told("mutmut", len(rows) - len(unnoticed) + wanting, wanting)


def accepted() -> dict[str, str]:
    """Survivors that are no defect, by ``key``, with the reason of each."""
    lines = ACCEPTED.read_text(encoding="utf-8").splitlines()
    rows = (line.split(" # ", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {edit.strip(): reason.strip() for edit, reason in rows}


def key(name: str, edit: str) -> str:
    """What a mutant is known by in the list: its function and its line; mutmut's numbers change."""
    return f"{re.sub(r'__mutmut_[0-9]+$', '', name)} | {edit}"


def _edit(name: str) -> str:
    diff = _mutmut("show", name).splitlines()
    changed = [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return " ".join(" ".join(line[1:].split()) for line in changed if line[0] == "+") or "a line is gone"


def _narrow(patterns: list[str]) -> None:
    """Only these files, by the tests of their side: those of the bot have its name in their paths."""
    path = HOUSE / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    selection = "pytest_add_cli_args_test_selection"
    tests: list[str] = tomllib.loads(text)["tool"]["mutmut"][selection]
    sides = {"bot" if pattern.startswith("bot") else "workers" for pattern in patterns}
    wanted = [one for one in tests if ("bot" if "bot" in one else "workers") in sides]
    for setting, values in (("only_mutate", patterns), (selection, wanted)):
        text, count = re.subn(rf"(?ms)^{setting} = \[.*?^\]$", f"{setting} = {json.dumps(values)}", text)
        if count != 1:
            raise RuntimeError(f"pyproject.toml has no list {setting} for mutmut, one entry a line")
    path.write_text(text, encoding="utf-8")


def _mutmut(*arguments: str) -> str:
    return subprocess.check_output(
        [sys.executable, "-m", "mutmut", *arguments], cwd=HOUSE, env=environment(HOUSE), text=True
    )


def _told(what: str, mutants: int, survivors: int) -> float:
    score = 1 - survivors / mutants if mutants else 1.0
    _say(f"{what}: {mutants - survivors} of {mutants} noticed, {score:.0%}")
    return score


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
