"""The dialog of a dry run: what is known at first, then what the workers have found, or why they have not."""

from typing import Any

from bot.cards.blocks.kit import context, listed, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.plans.obstacles import obstacles
from bot.cards.blocks.plans.planned import as_of, goes_with_it, how_to_undo, planned_steps
from bot.cards.blocks.plans.rights_left import rights_left
from bot.cards.blocks.status import RESTORE_COMMAND, STEPS, command, sentence
from bot.cards.blocks.text import code, escape
from workers.domain.containment.foresight.drills import Drill, Obstacle
from workers.domain.containment.foresight.lookups import ANSWERED_WITHIN, Lookup, LookupKind
from workers.domain.containment.plans import Plan

_MOST_MISSING = 5
_MOST_OBSTACLES = 6
_TITLES = {LookupKind.PLAN: "Dry run", LookupKind.DRILL: "Drill"}
_ASKING = "\u23f3 Asking Azure how the VM is now. This dialog then shows the exact plan."
_LATE = (
    "\u26a0\ufe0f *The workers have not answered within {seconds:g} seconds.* Below is what was known"
    " before. If no answer comes, ask your platform team whether the workers are running. `startgate plan`"
    " shows the same in a terminal."
)


def lookup_dialog(lookup: Lookup, known: Plan | None = None, *, late: bool = False) -> dict[str, Any]:
    """What a lockdown would do, as far as it is known now. Nothing in it can be submitted.

    Args:
        lookup: what was asked, and its answer once there is one.
        known: an older plan of the same profile, shown until there is an answer.
        late: say that the answer should be there by now.
    """
    view = modal(_TITLES[lookup.kind], [section(_head(lookup)), *found_blocks(lookup, known, late=late)])
    return {**view, "external_id": lookup.id}


def _head(lookup: Lookup) -> str:
    what = (
        "This is what a lockdown with the profile {profile} does:"
        if lookup.kind is LookupKind.PLAN
        else "Could a lockdown with the profile {profile} be done now?"
    )
    title = _TITLES[lookup.kind]
    said = what.format(profile=code(lookup.profile.name))
    return f"{code(lookup.vm.name)}\n*{title}: nothing is changed.* {said}"


def found_blocks(lookup: Lookup, known: Plan | None, *, late: bool) -> list[Block]:
    """What was found, or what is known until then; arguments as of ``lookup_dialog``."""
    if lookup.failed:
        return [section(f"\u26a0\ufe0f *Couldn't find out.* {escape(lookup.failed, 1000)}")]
    if lookup.foresight is not None:
        missing = [f"{one.name} ({one.reason})" for one in lookup.foresight.missing]
        said = f"Unknown: {escape(listed(missing, _MOST_MISSING, 'fact'), 600)}" if missing else ""
        if lookup.foresight.guarded:
            return [section(f"\u26d4 {escape(lookup.foresight.guarded, 1000)}")]
        drill = _drill(lookup.foresight.drill) if lookup.foresight.drill else []
        return [*drill, *_plan(lookup, lookup.foresight.plan), *context([said])]
    seconds = ANSWERED_WITHIN.total_seconds()
    return [section(_LATE.format(seconds=seconds) if late else _ASKING), *_plan(lookup, known)]


def _drill(drill: Drill) -> list[Block]:
    """The verdict, then each obstacle with its remedy."""
    about = f" It would take about {drill.about_s:.0f} s." if drill.about_s else ""
    if drill.obstacles:
        verdict = f"\u274c *Not everything could be done.*{about}"
    elif drill.unsure:
        verdict = f"\u26a0\ufe0f *Not certain.* {sentence(escape(drill.unsure, 600))}"
    else:
        verdict = f"\u2705 *Everything could be done.*{about}"
    lines = [f"\u2022 {_obstacle(one)}" for one in drill.obstacles]
    unseen = "Azure Policy and deny assignments are not seen beforehand."
    return [
        section(
            "\n".join(
                [verdict, *([listed(lines, _MOST_OBSTACLES, "obstacle", between="\n")] if lines else [])]
            )
        ),
        *context([unseen]),
    ]


def _obstacle(one: Obstacle) -> str:
    remedy = f" To do: {sentence(escape(one.remedy, 200))}" if one.remedy else ""
    return f"*{STEPS[one.step].title}:* {sentence(escape(one.why, 200))}{remedy}"


def _plan(lookup: Lookup, plan: Plan | None) -> list[Block]:
    changes = {planned.step: planned.change for planned in plan.steps} if plan else {}
    undo = how_to_undo(lookup.profile, command(RESTORE_COMMAND, lookup.vm))
    return [
        *(obstacles(plan) if plan else []),
        *planned_steps(lookup.profile, changes),
        *goes_with_it(plan),
        *(rights_left(plan) if plan else []),
        *context([as_of(plan) if plan else "", undo]),
    ]
