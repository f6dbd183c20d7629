"""``python -m deploy.sandbox.bench [--quick] [--only NAME …]``: run the bench."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from deploy.sandbox.bench.crowd import Crowd
from deploy.sandbox.bench.report import Mark, Row, best_of_two, exit_status, json_line, table
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.rows.ask import ask
from deploy.sandbox.bench.rows.burst import ack, burst
from deploy.sandbox.bench.rows.calls import calls
from deploy.sandbox.bench.rows.contain import contain
from deploy.sandbox.bench.rows.held import held
from deploy.sandbox.bench.rows.intake import intake
from deploy.sandbox.bench.rows.rest import rest
from deploy.sandbox.bench.sizes import FULL, QUICK, Sizes

Measure = Callable[[Rig, Sizes], AsyncIterator[Row]]
MEASURES: dict[str, Measure] = {
    "intake": intake,
    "rest": rest,
    "ask": ask,
    "calls": calls,
    "contain": contain,
    "held": held,
    "burst": burst,
    "ack": ack,
}


async def bench(rig: Rig, sizes: Sizes, only: list[str]) -> tuple[list[Row], list[str]]:
    """The rows, and what could not be measured. One that fails does not keep the others."""
    rows: list[Row] = []
    failed: list[str] = []
    async with rig:
        for name, measure in MEASURES.items():
            if only and name not in only:
                continue
            began = time.monotonic()
            try:
                rows += await measured(measure, rig, sizes)
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}: {error}")
                print(f"  {failed[-1]}", flush=True)
            print(f"  ({name} took {time.monotonic() - began:.0f} s)", flush=True)
    return rows, failed


async def measured(measure: Measure, rig: Rig, sizes: Sizes) -> list[Row]:
    """The rows of one part; measured twice, if sizes say so, where a time or rate is beyond the guard."""
    rows = [row async for row in _told(measure, rig, sizes)]
    if sizes.second_try and any(row.timed and row.mark is Mark.BELOW for row in rows):
        print("  once more: noise makes things slower, never faster", flush=True)
        await rig.renew()
        rows = best_of_two(rows, [row async for row in _told(measure, rig, sizes)])
    return rows


async def _told(measure: Measure, rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    async for row in measure(rig, sizes):
        print(f"  {row.name}: {row.ratio:.2f} {row.mark}", flush=True)
        yield row


def main() -> int:
    """Run, print table and JSON; 1 when a row is beyond the guard or could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, with smaller numbers")
    parser.add_argument("--only", nargs="+", choices=sorted(MEASURES), default=[], help="only these parts")
    parser.add_argument("--keep", type=Path, help="a directory for logs and data, left behind")
    parser.add_argument("--profile", type=Path, help="a directory for a profile of each worker process")
    given = parser.parse_args()
    began = time.monotonic()
    print("Measuring: nothing else should run on this machine meanwhile.", flush=True)
    sizes = QUICK if given.quick else FULL
    if given.profile:
        sizes = replace(sizes, second_try=False)
    rig = Rig(Crowd(sizes.vms), keep=given.keep, profile=given.profile)
    rows, failed = asyncio.run(bench(rig, sizes, given.only))
    print(f"\n{table(rows)}\n")
    for failure in failed:
        print(f"not measured: {failure}")
    took = time.monotonic() - began
    print(json_line(rows, failed, quick=given.quick, cores=os.cpu_count() or 0, took_s=took))
    return exit_status(rows, failed)


if __name__ == "__main__":
    sys.exit(main())
