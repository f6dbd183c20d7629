"""``startgate forget``: what is remembered of a caller's habits goes; the record stays its time."""

import hashlib
from typing import Annotated

import typer

from workers.domain.audit import AuditRecord
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit
from workers.operator.session import BROKEN, FINE, operator, run, session


def forget(
    who: Annotated[
        str,
        typer.Argument(help="The object id in Entra ID; where there is none, the address or application id."),
    ],
    reason: Annotated[str, typer.Option(help="Why, for the audit; without naming the person.")],
) -> None:
    """Forget a person's habits: what they started when, from which network, by which client.

    The audit, decisions and cards name people until the retention has passed: they are the record of who was
    asked and who decided. Exits 1 if nothing was remembered.

    Example: startgate forget a0000000-0000-4000-8000-000000000001 --reason "asked for it"
    """
    run(_forget(who.strip().lower(), reason))


async def _forget(who: str, reason: str) -> int:
    digest = hashlib.sha256(who.encode()).hexdigest()[:16]
    async with session() as s:
        removed = await s.store.forget_caller(who)
        record = AuditRecord(
            kind="caller.forgotten",
            at=s.clock.now(),
            by=operator(),
            details={"caller_sha256": digest, "starts": removed, "reason": reason[:200]},
        )
        await s.store.commit(Commit(partition=partition_of_vm(digest), audit=(record,)))
        days = s.settings.retention_days
    starts = f"{removed} start{'' if removed == 1 else 's'}"
    typer.echo(
        f"{starts} forgotten. The audit, decisions and cards keep the name until {days:g} days after each; "
        "messages in Slack stay until somebody deletes them there."
        if removed
        else "Nothing is remembered of this caller. Give the object id; `startgate audit show --json` has it."
    )
    return FINE if removed else BROKEN
