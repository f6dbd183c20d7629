"""Runs the stories one after the other and prints the last line that machines read."""

import json
from pathlib import Path

from deploy.sandbox.client import ControlError, NothingCame
from deploy.sandbox.play.figures import Figures, summary
from deploy.sandbox.play.outcome import DidNotComeOut
from deploy.sandbox.play.stories import STORIES
from deploy.sandbox.play.timeline import Timeline
from deploy.sandbox.stage import Stage
from deploy.sandbox.system import System

POLICY = Path(__file__).with_name("policy.yaml")
PATIENT = {"STARTGATE_FACTS_BUDGET_S": "10"}
"""Longer than in production: VMs whose facts come late on a busy machine would look unlike the others."""
ROUNDS = 8
"""Extra asks and rejections, so that the figures are more than one sample."""


async def play(*, speed: float = 0.0) -> int:
    """Play every story on a fresh system; 0 when all came out, else 1."""
    async with System(policy=POLICY, speed=speed, extra=PATIENT) as system:
        stage, figures = Stage(system), Figures()
        # The first event of a process opens connections; that is start-up, not the product's pace.
        await _warm_up(stage)
        outcomes: dict[str, str] = {}
        for name, story in STORIES.items():
            doc = (story.__doc__ or "").strip()
            line = Timeline(f"{name.replace('_', ' ').capitalize()}: {doc}")
            try:
                await story(stage, line, figures)
            except (DidNotComeOut, NothingCame, ControlError, KeyError) as error:
                line.now(f"DID NOT COME OUT: {error!r}")
                outcomes[name] = f"failed: {error!r}"
            else:
                outcomes[name] = "came out"
        await _more_samples(stage, figures)
        memory = {name: system.processes[name].resident_mb() for name in ("bot", "workers")}
        alive = {name: process.alive for name, process in system.processes.items()}
    result = {
        "stories": outcomes,
        "event_to_card_ms": summary(figures.event_to_card_ms),
        "reject_to_first_write_ms": summary(figures.reject_to_first_write_ms),
        "resident_mb": memory,
        "processes_alive": all(alive.values()),
    }
    print()
    print(json.dumps(result))
    came_out = all(outcome == "came out" for outcome in outcomes.values()) and all(alive.values())
    return 0 if came_out else 1


async def _warm_up(stage: Stage) -> None:
    start = await stage.start_vm("orphan-03", "nightly")
    await stage.card(start)


async def _more_samples(stage: Stage, figures: Figures) -> None:
    """The figures again, with nothing else going on."""
    for number in range(ROUNDS):
        name = f"sample-{number}"
        await stage.azure.post(
            "/_vm",
            name=name,
            group="rg-samples",
            tags={"owner": "olivia@contoso.example"},
            nics=[{"public_ip": f"20.50.2.{number + 1}", "open": ["22"]}],
        )
        start = await stage.start_vm(name, "intruder")
        copies = await stage.copies(start, 2)
        await figures.asked(stage, start, copies[0])
        await stage.reject("olivia", copies[0], "not expected")
        await stage.until_shown(copies[0], "CONTAINED", "CONTAINED", within_s=60)
        submitted = [
            float(e["at_ms"])
            for e in await stage.slack.record(start.seq, "delivered")
            if "view_submission" in json.dumps(e)
        ]
        await figures.rejected(stage, start, submitted[-1])
