"""``startgate access``: the second of two persons approves an expected start, a delegation or a pause."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from workers.domain.asking.access import AccessRequest
from workers.domain.durations import written
from workers.operator.desk.deciding import Yes
from workers.operator.desk.desk import VIA, desk
from workers.operator.session import FINE, run
from workers.runtime.terminal import safe_json, safe_line


class Reply(StrEnum):
    """What the second person says."""

    APPROVE = "approve"
    DECLINE = "decline"


def access(
    request: Annotated[str, typer.Argument(metavar="ID", help="As whoever asked for it was told.")],
    reply: Annotated[Reply, typer.Argument(help="May it be done?")],
    *,
    yes: Yes = False,
) -> None:
    """Approve or decline, with your own account, what somebody else asked for and takes two persons.

    With two_person: access in the policy, these are expected starts, delegations and pauses. Exits 0 when it
    is done, 1 if it has ended or can't be, 3 if you may not or have asked for it yourself.

    Example: startgate access g0123456789abcdef01234567a approve
    """
    run(_access(request.strip(), reply, yes=yes))


async def _access(request_id: str, reply: Reply, *, yes: bool) -> int:
    async with desk(f"startgate access {request_id} {reply}") as at:
        if not yes:
            found = await at.session.store.access_request(request_id)
            for line in request_lines(found):
                typer.echo(line)
            typer.confirm(f"{reply.title()} it?", abort=True)
        act = at.access.approve if reply is Reply.APPROVE else at.access.decline
        await act(request_id, at.actor, via=VIA)
    typer.echo("Approved and done." if reply is Reply.APPROVE else "Declined. Nothing was changed.")
    return FINE


def say_asked(asked: AccessRequest, first: str, *, as_json: bool = False) -> None:
    """Tell the first person that a second one is needed, and how that one approves it.

    Args:
        asked: what they asked for.
        first: what has not happened yet, without a full stop.
        as_json: print JSON instead.
    """
    until = _at(asked.request.expires_at)
    if as_json:
        waits = {"waits_for_second_person": asked.id, "expires_at": asked.request.expires_at.isoformat()}
        typer.echo(safe_json(waits | asked.summary))
        return
    typer.echo(f"{first}: somebody else has to approve it by {until}.")
    typer.echo(f"They can in on-call's channel, or with: startgate access {asked.id} approve")


def request_lines(asked: AccessRequest) -> list[str]:
    """What somebody has to know who approves it."""
    lines = [f"{asked.request.by.label} wants {_wanted(asked)}", f"  reason: {asked.request.reason}"]
    if asked.active:
        lines.append(f"  to be approved by {_at(asked.request.expires_at)}")
    return [safe_line(line) for line in lines]


def _wanted(asked: AccessRequest) -> str:
    if (start := asked.expects) is not None:
        about = start.vm.resource_id if start.vm else f"VMs for which {start.when}"
        by = f" by {start.caller}" if start.caller else ""
        return f"starts{by} of {about} to pass without a question, {_at(start.begin)} to {_at(start.end)}"
    if (one := asked.delegates) is not None:
        return f"{one.to.label} to answer in their stead until {_at(one.until)}"
    span = written(asked.pauses.span) if asked.pauses else "a while"
    return f"all changes in Azure to pause for {span}: no VM is contained or restored then"


def _at(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
