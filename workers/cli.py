"""``startgate``: the operator's command line."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from workers.domain.errors import InvalidPolicy
from workers.domain.ids import PARTITIONS, partition_of_vm
from workers.domain.vm import VmRef
from workers.runtime.environment import read_environment
from workers.settings import WorkersSettings
from workers.store.connection import connect
from workers.store.redis_store import RedisStore
from workers.use_cases.read_policy import read_policy

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The chat-ops guard for Azure VMs: run the workers, check the policy, read the audit.",
)
policy_app = typer.Typer(no_args_is_help=True, help="The policy file.")
audit_app = typer.Typer(no_args_is_help=True, help="What was done, by whom, and with which right.")
app.add_typer(policy_app, name="policy")
app.add_typer(audit_app, name="audit")


@policy_app.command("check")
def policy_check(file: Annotated[Path, typer.Argument(help="The YAML file.")]) -> None:
    """Check a policy file: every error at once, with line and remedy. Exits 1 if there is any."""
    try:
        policy = read_policy(file)
    except InvalidPolicy as invalid:
        typer.echo(invalid.diagnostics(), err=True)
        raise typer.Exit(1) from None
    defaults = policy.defaults
    typer.echo(
        f"{file}: fine. Asks by tag {', '.join(policy.owner.tags)}, else in {policy.owner.fallback}; "
        f"reminds after {defaults.remind_after}, escalates after {defaults.escalate_after}, "
        f"ends after {defaults.expire_after}; on silence: {defaults.on_silence}; "
        f"a rejection does: {', '.join(policy.lockdown.steps)}."
    )


@audit_app.command("show")
def audit_show(
    vm: Annotated[str, typer.Option(help="Only this VM's partition: a resource id.")] = "",
    kind: Annotated[str, typer.Option(help="Only records whose kind starts with this.")] = "",
) -> None:
    """Print audit records as JSON lines, by time."""
    asyncio.run(_audit_show(vm, kind))


async def _audit_show(vm: str, kind: str) -> None:
    settings = read_environment(WorkersSettings)
    client = connect(settings.redis_url)
    try:
        store = RedisStore(client)
        partitions = [partition_of_vm(VmRef.parse(vm).key)] if vm else list(range(PARTITIONS))
        records = [r for p in partitions for r in await store.audit(p, limit=100_000)]
        for record in sorted(records, key=lambda r: r.at):
            if record.kind.startswith(kind) and (not vm or record.vm == VmRef.parse(vm).key):
                typer.echo(record.model_dump_json())
    finally:
        await client.aclose()
