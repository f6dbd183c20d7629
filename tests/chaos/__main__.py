"""``python -m tests.chaos --rounds N --seed S``: plays rounds, and judges each by S1 to S7."""

import argparse
import asyncio
import sys
from pathlib import Path

from tests.chaos.run import Options, run


def main() -> int:
    """Exit status 1 on any violation; the last line of output is one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how many (200)")
    parser.add_argument("--seed", type=int, default=1, help="of all chance (1)")
    parser.add_argument("--only", type=int, metavar="ROUND", help="play this one round")
    parser.add_argument("--lanes", type=int, default=3, help="systems side by side (3)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the evidence of violations there")
    parser.add_argument(
        "--beside", type=Path, metavar="DIR", help="a checkout of another version: its workers run, too"
    )
    given = parser.parse_args()
    options = Options(
        rounds=range(given.only, given.only + 1) if given.only is not None else range(given.rounds),
        seed=given.seed,
        lanes=given.lanes,
        keep=given.keep,
        beside=given.beside.resolve() if given.beside else None,
    )
    totals = asyncio.run(run(options))
    sys.stdout.write(f"{totals.as_line()}\n")
    return 1 if totals.violated else 0


if __name__ == "__main__":
    sys.exit(main())
