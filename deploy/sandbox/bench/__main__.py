"""``python -m deploy.sandbox.bench [--quick] [--only NAME …]``: run the bench."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from deploy.sandbox.bench.ask import ask
from deploy.sandbox.bench.burst import ack, burst
from deploy.sandbox.bench.calls import calls
from deploy.sandbox.bench.contain import contain
from deploy.sandbox.bench.crowd import Crowd
from deploy.sandbox.bench.held import held
from deploy.sandbox.bench.intake import intake
from deploy.sandbox.bench.report import Row, exit_status, json_line, table
from deploy.sandbox.bench.rest import rest
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.sizes import FULL, QUICK, Sizes

Measure = Callable[[Rig, Sizes], AsyncIterator[Row]]
MEASURES: dict[str, Measure] = {
    "intake": intake,
    "ask": ask,
    "contain": contain,
    "calls": calls,
    "held": held,
    "rest": rest,
    "burst": burst,
    "ack": ack,
}


async def bench(sizes: Sizes, only: list[str], keep: Path | None) -> tuple[list[Row], list[str]]:
    """The rows, and what could not be measured. One that fails does not keep the others."""
    rows: list[Row] = []
    failed: list[str] = []
    async with Rig(Crowd(sizes.vms), keep=keep) as rig:
        for name, measure in MEASURES.items():
            if only and name not in only:
                continue
            began = time.monotonic()
            try:
                async for row in measure(rig, sizes):
                    rows.append(row)
                    print(f"  {row.name}: {row.ratio:.2f} {row.mark}", flush=True)
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}: {error}")
                print(f"  {failed[-1]}", flush=True)
            print(f"  ({name} took {time.monotonic() - began:.0f} s)", flush=True)
    return rows, failed


def main() -> int:
    """Run, print table and JSON; 1 when a row is beyond the guard or could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with smaller numbers")
    parser.add_argument("--only", nargs="+", choices=sorted(MEASURES), default=[], help="only these parts")
    parser.add_argument("--keep", type=Path, help="a directory for logs and data, left behind")
    given = parser.parse_args()
    began = time.monotonic()
    print("Measuring: nothing else should run on this machine meanwhile.", flush=True)
    rows, failed = asyncio.run(bench(QUICK if given.quick else FULL, given.only, given.keep))
    print(f"\n{table(rows)}\n")
    for failure in failed:
        print(f"not measured: {failure}")
    took = time.monotonic() - began
    print(json_line(rows, failed, quick=given.quick, cores=os.cpu_count() or 0, took_s=took))
    return exit_status(rows, failed)


if __name__ == "__main__":
    sys.exit(main())
