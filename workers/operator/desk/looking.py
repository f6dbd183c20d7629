"""What the workers are asked to look up in Azure, for a dry run: whoever types needs no rights in Azure."""

import asyncio
from collections.abc import Iterator

from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import ANSWERED_WITHIN, Foresight, Lookup
from workers.domain.errors import DependencyAway, NotFound
from workers.operator.desk.desk import Desk
from workers.runtime.terminal import safe_line

_LOOK_EVERY_S = 0.2


async def until_answered(lookup: Lookup, at: Desk) -> Lookup:
    """The workers' answer.

    Raises:
        NotFound: they can't tell; says why.
        DependencyAway: none came in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ANSWERED_WITHIN.total_seconds()
    while loop.time() < deadline:
        found = await at.session.store.lookup(lookup.id)
        if found.failed:
            raise NotFound(found.failed)
        if found.answered_at is not None:
            return found
        await asyncio.sleep(_LOOK_EVERY_S)
    raise DependencyAway(
        "workers",
        f"they did not answer within {ANSWERED_WITHIN.total_seconds():.0f} s; startgate doctor says what is "
        "away. startgate plan asks Azure itself, with your own rights.",
    )


def plan_lines(foresight: Foresight) -> Iterator[str]:
    """What a lockdown would do."""
    if foresight.guarded:
        yield safe_line(f"nothing: {foresight.guarded}")
        return
    for obstacle in foresight.plan.obstacles:
        yield safe_line(f"! {obstacle}")
    for number, planned in enumerate(foresight.plan.steps, 1):
        change = planned.change
        said = f"skipped: {change.skipped}" if change.skipped else change.summary
        done = ": nothing to do" if change.nothing_to_do else ""
        yield safe_line(f"{number}. {planned.step.spec.title}: {said}{done}")
        for detail in change.details:
            yield safe_line(f"   {detail}")
    for impact in foresight.plan.impact:
        yield safe_line(f"{'!' if impact.severe else '-'} {impact.text}")
    for missing in foresight.missing:
        yield safe_line(f"not known: {missing.name}: {missing.reason}")


def return_lines(containment: Containment, lookup: Lookup | None) -> Iterator[str]:
    """What a restore would bring back: as recorded, or as the workers read it just now."""
    found = {one.step: one for one in lookup.returns} if lookup is not None else {}
    for step in containment.steps:
        lines = found[step.name].lines if step.name in found else (step.change.back if step.change else ())
        yield safe_line(f"{step.name.spec.title}: {step.state}")
        for line in lines:
            yield safe_line(f"   {line}")
        for drift in found[step.name].drift if step.name in found else ():
            yield safe_line(f"   ! {drift}")
