"""``python -m deploy.sandbox.bench.profiled FILE COMMAND …``: the product's ``workers`` under cProfile.

Imports are left out. The file is written when the process ends in good order, for ``python -m pstats FILE``.
"""

import cProfile
import sys
from pathlib import Path

from workers.__main__ import main


def _main() -> None:
    file = Path(sys.argv.pop(1))
    profile = cProfile.Profile()
    try:
        profile.runcall(main)
    finally:
        profile.dump_stats(file)


if __name__ == "__main__":
    _main()
