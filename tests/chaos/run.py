"""Plays many rounds on a few systems side by side, and adds up what happened."""

import asyncio
import dataclasses
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checks import PROPERTIES, judge
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.gather import play_round
from tests.chaos.plan import BLOCK, RoundPlan, on_silence_of, plan_round
from tests.chaos.system.ground import Ground

_LOG_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to play.

    Attributes:
        keep: a directory for the evidence of violations.
        beside: another version's code, whose workers run beside those of this one.
    """

    rounds: Sequence[int]
    seed: int
    lanes: int = 3
    keep: Path | None = None
    beside: Path | None = None


@dataclass(kw_only=True)
class Totals:
    """What happened, over all rounds."""

    seed: int
    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    events: int = 0
    decisions: int = 0
    containments: int = 0
    lines_beside: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)

    @property
    def violated(self) -> bool:
        """Whether anything did not hold."""
        return any(self.violations.values())

    def add(self, plan: RoundPlan, evidence: Evidence, violations: Sequence[Violation]) -> None:
        """Count one round."""
        self.rounds += 1
        self.faults.update(trouble.kind for trouble in plan.troubles)
        self.faults.update(f"kill {process}" for process, _, _ in evidence.kills)
        self.faults.update({"vm deleted": sum(vm.deleted for vm in evidence.vms)})
        self.events += sum(e["kind"] == "enqueued" and e["queue"] == "starts" for e in evidence.bus)
        self.decisions += sum(a["decision"] is not None for a in evidence.approvals.values())
        self.containments += len(evidence.containments)
        self.violations.update(violation.property for violation in violations)

    def as_line(self) -> str:
        """One JSON object."""
        return json.dumps(
            {
                "seed": self.seed,
                "rounds": self.rounds,
                "faults": {kind: self.faults[kind] for kind in sorted(self.faults) if self.faults[kind]},
                "events": self.events,
                "decisions": self.decisions,
                "containments": self.containments,
                "lines_beside": self.lines_beside,
                "violations": {name: self.violations[name] for name in PROPERTIES},
                "seconds": round(time.monotonic() - self.begun, 1),
            }
        )


async def run(options: Options) -> Totals:
    """Play; says each violation as it comes."""
    totals = Totals(seed=options.seed)
    lanes = max(1, min(options.lanes, len(options.rounds)))
    # Whole blocks to one lane where there are enough of them; a block's rounds share a policy.
    parts = _parts(options, lanes)
    queue = iter(parts)

    async def lane() -> None:
        for numbers in queue:
            await _block(options, numbers, totals)

    async with asyncio.TaskGroup() as group:  # unlike gather, it waits until every lane has cleared up
        for _ in range(lanes):
            group.create_task(lane())
    return totals


def _parts(options: Options, lanes: int) -> list[list[int]]:
    """Runs of rounds for one system each: of one block, and short enough that every lane has some."""
    longest = max(1, min(BLOCK, -(-len(options.rounds) // lanes)))
    parts: list[list[int]] = []
    for number in options.rounds:
        same = parts and parts[-1][0] // BLOCK == number // BLOCK and len(parts[-1]) < longest
        if same:
            parts[-1].append(number)
        else:
            parts.append([number])
    return parts


async def _block(options: Options, numbers: list[int], totals: Totals) -> None:
    left = list(numbers)
    while left:
        directory = Path(tempfile.mkdtemp(prefix="startgate-chaos-"))
        number = left[0]
        ground = Ground(directory, on_silence_of(options.seed, number), beside=options.beside)
        try:
            await ground.start()
            while left:
                number = left.pop(0)
                before, rotated = ground.failovers, ground.rotations
                evidence = await _one(options, ground, number, totals)
                totals.faults.update({"redis failover": ground.failovers - before})
                totals.faults.update({"token rotated": ground.rotations - rotated})
                if evidence.unrest or evidence.gone_by_itself:
                    break  # what is stuck would be counted again in every round that follows
        except Exception as error:
            # A process that can't be recovered, or a stand-in that no longer answers: the rest of the block
            # is played on a fresh system.
            left = [other for other in left if other != number]
            totals.violations["S6"] += 1
            _say(f"seed {options.seed}, round {number}: S6: it could not be played: {error!r}"[:3000])
        finally:
            totals.lines_beside += ground.lines_beside()
            await ground.close()
            shutil.rmtree(directory, ignore_errors=True)


async def _one(options: Options, ground: Ground, number: int, totals: Totals) -> Evidence:
    plan = plan_round(options.seed, number)
    begun = time.monotonic()
    evidence = await play_round(ground, plan)
    violations = judge(evidence)
    totals.add(plan, evidence, violations)
    for violation in violations:
        _say(f"seed {options.seed}, round {number}: {violation}")
    if violations:
        _explain(options, plan, evidence)
    _say(
        f"round {number}: {len(evidence.starts)} starts, {len(evidence.acts)} acts, "
        f"{len(evidence.containments)} containments, "
        f"{len(violations) or 'no'} violations, {time.monotonic() - begun:.1f} s"
    )
    return evidence


def _explain(options: Options, plan: RoundPlan, evidence: Evidence) -> None:
    for trouble in plan.troubles:
        _say(f"    {trouble}")
    for process, killed, back in evidence.kills:
        _say(f"    kill -9 {process} at {killed:.0f}, back at {back:.0f}")
    for name, log in evidence.logs.items():
        _say(f"    the end of {name}'s log:")
        for line in log.splitlines()[-_LOG_LINES:]:
            _say(f"      {line[:400]}")
    _say(f"    replay: python -m tests.chaos --seed {plan.seed} --only {plan.number}")
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        file = options.keep / f"{plan.seed}-{plan.number}.json"
        content = {"plan": dataclasses.asdict(plan), "evidence": dataclasses.asdict(evidence)}
        file.write_text(json.dumps(content, default=list, indent=1), encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
