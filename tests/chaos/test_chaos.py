"""A short run of the real thing: rounds of chaos on running systems, judged by S1 to S7."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_no_property_breaks_in_twenty_rounds_of_chaos() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--rounds", "20", "--seed", "11", "--lanes", "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    totals = json.loads(run.stdout.splitlines()[-1])
    assert run.returncode == 0, run.stdout[-20_000:]
    assert totals["rounds"] == 20
    assert not any(totals["violations"].values())
    assert min(totals["events"], totals["decisions"], totals["containments"]) > 0
    assert any(kind.startswith("kill ") for kind in totals["faults"])
    assert {"redis failover", "token rotated", "azure 401"} <= set(totals["faults"])
