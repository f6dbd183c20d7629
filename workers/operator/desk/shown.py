"""How questions, containments and VMs look at the command line: a row, some lines, or JSON."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment
from workers.domain.ids import reference
from workers.domain.starts.risk import Level
from workers.runtime.terminal import safe_line
from workers.use_cases.orders.reading.overview import VmStatus

QUESTIONS = f"{'REF':9}  {'VM':24}  {'STARTS':>6}  {'RISK':6}  {'OPEN':>8}  {'OWNER':28}  STARTED BY"
CONTAINED = f"{'REF':9}  {'VM':24}  {'STATE':10}  {'SINCE (UTC)':19}  WHY"
OBSERVES = "the policy only observes: nobody is asked, and nothing is written to Azure"
_LONGEST_WHY = 120


def question_row(approval: Approval, now: datetime) -> str:
    """One line of the table ``QUESTIONS``."""
    callers = ", ".join(caller.label for caller in approval.callers)
    cells = (
        f"{reference(approval.id):9}  {approval.event.vm.name:24}  {approval.starts:>6}  "
        f"{_level(approval):6}  {_open_for(approval, now):>8}  {_owner(approval):28}  {callers}"
    )
    return safe_line(cells)


def containment_row(containment: Containment) -> str:
    """One line of the table ``CONTAINED``."""
    cells = (
        f"{reference(containment.id):9}  {containment.vm.name:24}  {containment.state:10}  "
        f"{_at(containment.opened_at):19}  {why(containment)[:_LONGEST_WHY]}"
    )
    return safe_line(cells)


def question_lines(approval: Approval, now: datetime) -> Iterator[str]:
    """What somebody has to know who answers it."""
    vm = approval.event.vm
    several = f" {approval.starts} starts." if approval.starts > 1 else ""
    yield safe_line(
        f"{vm.name}: was this start expected?{several} Risk {_level(approval)}, open for "
        f"{_open_for(approval, now)}, reference {reference(approval.id)}"
    )
    yield safe_line(f"  {vm.resource_id}")
    for caller in approval.callers:
        yield safe_line(f"  started by {caller.label}{f' from {caller.ip}' if caller.ip else ''}")
    for signal in approval.risk.signals if approval.risk else ():
        yield safe_line(f"  ! {signal.sentence}")
    yield safe_line(f"  owner: {_owner(approval)} ({approval.owner.source})")
    if approval.guarded:
        yield safe_line(f"  never contained: {approval.guarded}")
    elif approval.plan.steps:
        planned = ", ".join(step.change.summary for step in approval.plan.steps)
        yield safe_line(f"  a rejection would {planned}")


def status_lines(status: VmStatus, now: datetime) -> Iterator[str]:
    """How a VM stands; the first line is the answer."""
    yield safe_line(f"{status.vm.name}: {_stands(status)}")
    yield safe_line(f"  {status.vm.resource_id}")
    line = status.line
    if line is None:
        yield "  not in the inventory"
    else:
        yield safe_line(f"  {line.power}, as Azure said {_at(line.seen_at)} UTC")
    for question in status.questions:
        yield from (f"  {one}" for one in question_lines(question, now))
    if status.containment is not None:
        yield safe_line(f"  {reference(status.containment.id)}: {why(status.containment)}")
        for step in status.containment.steps:
            yield safe_line(f"  {step.name}: {step.state}{f' ({step.note})' if step.note else ''}")
        request = status.containment.restore_request
        if request is not None and request.stands(status.containment.demand, now):
            yield safe_line(
                f"  {request.by.label} asked for a restore; somebody else of on-call has to confirm it by "
                f"{_at(request.expires_at)} UTC"
            )
    for one in status.expected:
        if now < one.end:
            by = f" by {one.caller}" if one.caller else ""
            span = f"{_at(one.begin)} to {_at(one.end)} UTC"
            yield safe_line(f"  a start{by} is expected, {span}: {one.reason} ({one.by})")
    if status.observes:
        yield f"  {OBSERVES}"
    if status.pause.on(now):
        yield safe_line(f"  changes in Azure are paused by {status.pause.by}: {status.pause.reason}")


def why(containment: Containment) -> str:
    """Why it was contained, and by whom."""
    cause = containment.cause
    by = f" by {cause.by.label}" if cause.by else ""
    return f"{str(cause.kind).replace('_', ' ')}{by}{f': {cause.reason}' if cause.reason else ''}"


# As JSON


def question_json(approval: Approval, now: datetime) -> dict[str, Any]:
    """One open question."""
    return {
        "id": approval.id,
        "reference": reference(approval.id),
        "vm": approval.event.vm.resource_id,
        "starts": approval.starts,
        "risk": _level(approval),
        "opened_at": approval.opened_at.isoformat(),
        "asked_at": approval.asked_at.isoformat() if approval.asked_at else None,
        "expires_at": approval.expire_at.isoformat(),
        "open_for_s": round((now - approval.opened_at).total_seconds()),
        "owner": {
            "emails": list(approval.owner.emails),
            "slack_users": list(approval.owner.slack_users),
            "source": approval.owner.source,
        },
        "callers": [
            {"name": one.label, "object_id": one.object_id, "ip": one.ip} for one in approval.callers
        ],
        "signals": [one.sentence for one in approval.risk.signals] if approval.risk else [],
        "guarded": approval.guarded,
    }


def containment_json(containment: Containment) -> dict[str, Any]:
    """One containment."""
    request = containment.restore_request
    return {
        "id": containment.id,
        "reference": reference(containment.id),
        "vm": containment.vm.resource_id,
        "state": str(containment.state),
        "profile": containment.profile.name,
        "opened_at": containment.opened_at.isoformat(),
        "verified_at": containment.verified_at.isoformat() if containment.verified_at else None,
        "cause": why(containment),
        "needs_oncall": containment.needs_oncall,
        "steps": [
            {"step": str(one.name), "state": str(one.state), "note": one.note} for one in containment.steps
        ],
        "restore_requested_by": request.by.label if request else None,
    }


def status_json(status: VmStatus, now: datetime) -> dict[str, Any]:
    """How a VM stands."""
    line = status.line
    return {
        "vm": status.vm.resource_id,
        "summary": _stands(status),
        "power": str(line.power) if line else None,
        "seen_at": line.seen_at.isoformat() if line else None,
        "tags": line.tags if line else None,
        "questions": [question_json(one, now) for one in status.questions],
        "containment": containment_json(status.containment) if status.containment else None,
        "expected": [one.summary for one in status.expected if now < one.end],
        "observes": status.observes,
        "paused_until": status.pause.until.isoformat()
        if status.pause.on(now) and status.pause.until
        else None,
    }


def _stands(status: VmStatus) -> str:
    asked = len(status.questions)
    waiting = f"{asked} open question{'' if asked == 1 else 's'}" if asked else ""
    if status.containment is not None:
        return ", ".join(filter(None, [str(status.containment.state), waiting]))
    return waiting or "not contained, and no question is open"


def _level(approval: Approval) -> str:
    return str(approval.risk.level if approval.risk else Level.LOW)


def _owner(approval: Approval) -> str:
    return ", ".join((*approval.owner.emails, *approval.owner.slack_users)) or "unknown"


def _open_for(approval: Approval, now: datetime) -> str:
    seconds = max(0, int((now - approval.opened_at).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
