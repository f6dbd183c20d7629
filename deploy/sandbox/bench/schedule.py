"""``python -m deploy.sandbox.bench.schedule [--starts N]``: one schedule starts every owner's VMs at once.

Slack's limits are on. Each start has to be asked about: its owner's copy of a card shows it. Ten thousand
starts of 200 owners have six minutes.
"""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from deploy.sandbox.bench.crowd import OWNERS, Crowd
from deploy.sandbox.bench.records import Tail
from deploy.sandbox.bench.rig import Rig

STARTS, MUST_S = 10_000, 360.0
_LOOK_S = 2.0
_TELL_S = 30.0
_POLICY = Path(__file__).with_name("schedule.yaml")


async def measured(starts: int) -> tuple[int, float, str]:
    """How many were asked about, after how many seconds, and what Slack was sent."""
    crowd = Crowd(starts)
    async with Rig(crowd, policy=_POLICY) as rig:
        messages = crowd.told(crowd.starts(crowd.names), by=("nightly",))
        await rig.shared()
        await rig.slack.put("/_limits", {"tiers": True})
        posted, edited = Tail(rig.slack, "posted"), Tail(rig.slack, "updated")
        refused, audit = Tail(rig.slack, "api", error="ratelimited"), await rig.audit()
        await asyncio.gather(posted.new(), edited.new(), refused.new())
        began, ends = datetime.now(UTC), time.monotonic() + 2 * MUST_S
        await rig.send(messages)
        asked, sent, edits, limited, told_s = 0, 0, 0, 0, time.monotonic()
        while asked < starts and time.monotonic() < ends:
            await asyncio.sleep(_LOOK_S)
            sent, edits = sent + len(await posted.new()), edits + len(await edited.new())
            limited += len(await refused.new())
            asked = await audit.count("approval.asked")
            if time.monotonic() > told_s + _TELL_S:
                told_s = time.monotonic()
                passed_s = (datetime.now(UTC) - began).total_seconds()
                print(f"{asked:,} asked about after {passed_s:.0f} s", file=sys.stderr, flush=True)
        ended = audit.latest["approval.asked"] if asked else datetime.now(UTC)
        told = f"{sent:,} messages, {edits:,} edits, {limited:,} refused with 429"
        return asked, (ended - began).total_seconds(), told


def main() -> int:
    """Run, and say the number; 1 where it took too long or some were not asked about."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.bench.schedule", description=__doc__)
    parser.add_argument("--starts", type=int, default=STARTS)
    starts = parser.parse_args().starts
    asked, seconds, told = asyncio.run(measured(starts))
    print(f"{asked:,} of {starts:,} starts of {OWNERS} owners asked about in {seconds:.0f} s: {told}")
    return 0 if asked == starts and seconds <= MUST_S else 1


if __name__ == "__main__":
    sys.exit(main())
