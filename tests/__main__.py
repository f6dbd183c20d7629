"""Runs the tests side by side, then those that need the machine to themselves; takes pytest's arguments.

Most tests wait for other processes, so that more of them than there are cores run at once. A file's tests
stay together: they share the services that the file starts.
"""

import subprocess
import sys
from pathlib import Path

import pytest

AT_ONCE = 4
"""Suits two cores: half of a test's time is waiting. More only makes those with a time limit late."""
SIDE_BY_SIDE = ["-m", "not quiet", "-n", str(AT_ONCE), "--dist", "loadfile"]
ALONE = ["-m", "quiet"]
HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """The exit code: of the first part that fails; that no part has such a test is a failure, too."""
    wanted = [] if any(Path(one.partition("::")[0]).exists() for one in arguments) else with_quiet_tests()
    given = [
        subprocess.call([sys.executable, "-m", "pytest", *part, *arguments])
        for part in (SIDE_BY_SIDE, [*ALONE, *wanted])
    ]
    failed = [code for code in given if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)]
    if failed:
        return int(failed[0])
    return 0 if pytest.ExitCode.OK in given else int(pytest.ExitCode.NO_TESTS_COLLECTED)


def with_quiet_tests() -> list[str]:
    """The files that have such tests: to collect all the others for them takes half a minute."""
    mark = "@pytest.mark." + "quiet"
    return [str(path) for path in sorted(HERE.rglob("test_*.py")) if mark in path.read_text(encoding="utf-8")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
