"""``startgate decide``: a question is answered where Slack is away, by the same rules as in Slack."""

from typing import Annotated

import typer

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer
from workers.domain.errors import NotFound, Outdated
from workers.domain.ids import is_reference
from workers.operator.desk.desk import VIA, Desk, desk
from workers.operator.desk.shown import question_lines
from workers.operator.session import BROKEN, FINE, fail, run
from workers.runtime.terminal import safe_line

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask again before it is done.")]


def decide(
    question: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The question's reference or id; `startgate approvals` lists them."
        ),
    ],
    answer: Annotated[Answer, typer.Argument(help="Was the start expected?")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit and for everybody who sees the card.")],
    starts: Annotated[
        int, typer.Option(min=1, help="With --yes: how many starts the question listed when you looked.")
    ] = 1,
    yes: Yes = False,
) -> None:
    """Confirm or reject a start with your own account. A rejection contains the VM.

    Exits 0 when it is recorded, 1 if the question is answered already or unknown, 3 if you may not.

    Example: startgate decide a7c0ffee1 reject --reason "not mine"
    """
    run(_decide(question, answer, reason, None if not yes else starts))


async def _decide(reference: str, answer: Answer, reason: str, starts: int | None) -> int:
    async with desk(f"decide {reference} {answer}") as at:
        approval = await _question(reference, at)
        await at.decide.may(answer, approval.id, at.actor)
        if starts is None:
            typer.echo("\n".join(question_lines(approval, at.session.clock.now())))
            typer.confirm(f"{answer.title()} this start?", abort=True)
        shown = starts or approval.starts
        try:
            decided = await at.decide(answer, approval.id, at.actor, shown=shown, reason=reason, via=VIA)
        except Outdated as outdated:
            fail(BROKEN, safe_line(f"{outdated.diagnostics()} Look again: startgate approvals"))
    name = approval.event.vm.name
    if decided.containment is not None:
        said = f"Rejected. {name} is being contained; startgate status {name} shows how it goes."
    elif answer is Answer.REJECT:
        said = f"Rejected. {name} is never contained ({approval.guarded}); on-call decides what is done."
    elif (request := decided.approval.waits_for_second) is not None:
        said = f"Asked for. Somebody else has to confirm it by {request.expires_at:%H:%M} UTC, too."
    else:
        said = f"{decided.approval.outcome()}."
    typer.echo(safe_line(said))
    return FINE


async def _question(reference: str, at: Desk) -> Approval:
    """The one that is meant; one that is closed is found by its whole id alone, and says so when answered.

    Raises:
        NotFound: none, or several, with what to do.
    """
    wanted = reference.lower()
    if not is_reference(wanted) or not wanted.startswith("a"):
        raise NotFound(f"{reference[:80]!r} is no reference of a question; startgate approvals lists them.")
    meant = [one for one in await at.overview.questions() if one.id.startswith(wanted)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise NotFound(
            f"{len(meant)} questions begin with {wanted}. Give the whole id: startgate approvals --json"
        )
    try:
        return await at.session.store.approval(wanted)
    except (NotFound, ValueError):
        raise NotFound(
            f"No open question has the reference {wanted}. It may have been answered: "
            f"startgate audit show {wanted}"
        ) from None
