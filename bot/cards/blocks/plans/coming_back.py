"""What a restore brings back of each step, and what stays: said before it is ordered."""

from bot.cards.blocks.kit import listed
from bot.cards.blocks.status import STEPS
from bot.cards.blocks.text import escape, when
from workers.domain.containment.containment import Step, StepState
from workers.domain.containment.foresight.returns import Return
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.restoration import ran_before
from workers.domain.starts.vm import KnownVm, PowerState

_MOST_LINES = 8  # an Azure VM has at most so many network interfaces


def comes_back(step: Step, known: KnownVm | None, found: Return | None = None) -> str:
    """One step's part of it, as mrkdwn.

    Args:
        step: of the containment.
        known: the VM as the inventory describes it, if it does.
        found: what was read in Azure just now, which then takes the place of what was recorded.
    """
    area = f"*{STEPS[step.name].area}:*"
    if found is not None:
        return "\n".join([f"{area} {STEPS[step.name].undo}.", *_found(found)])
    if step.name is StepName.STOP:
        return f"{area} {_power(step, known)}."
    if step.change is None or step.change.skipped:
        return f"{area} nothing was changed, so nothing is restored."
    if step.name is StepName.BACKUP:
        return f"{area} kept. {_lines(step.change)}".rstrip()
    return "\n".join(filter(None, [f"{area} {STEPS[step.name].undo}.", _lines(step.change)]))


def _found(found: Return) -> list[str]:
    lines = [f"\u2022 {escape(line, 200)}" for line in found.lines]
    lines += [f"\u26a0\ufe0f {escape(line, 250)}" for line in found.drift]
    return [listed(lines, 2 * _MOST_LINES, "change", between="\n")] if lines else []


def _power(step: Step, known: KnownVm | None) -> str:
    if known is not None and known.power is PowerState.RUNNING:
        return f"already running, as Azure said {when(known.seen_at)}"
    if step.state is not StepState.DONE:
        return "the VM was not stopped, and is left as it is"
    if not ran_before(step.change):
        return "the VM stays stopped, since it wasn't running when it was contained"
    return "the VM stays stopped, unless you start it, too"


def _lines(change: Change) -> str:
    lines = [f"\u2022 {escape(line, 200)}" for line in change.back]
    return "\n" + listed(lines, _MOST_LINES, "change", between="\n") if lines else ""
