"""Fails for a Bicep file that checkov's parser can't read: checkov itself only leaves such a file out.

Runs in checkov's environment, whose parser is older than that of the tests.
"""

import sys
from pathlib import Path

from lark.exceptions import LarkError
from pycep import BicepParser


def unread(directory: Path) -> list[str]:
    """Each file that can't be read, and why."""
    found = []
    for path in sorted(directory.rglob("*.bicep")):
        try:
            BicepParser().parse(text=path.read_text(encoding="utf-8"))
        except LarkError as error:
            found.append(f"{path}: {str(error).splitlines()[0]}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(unread(Path(sys.argv[1]))) or 0)
