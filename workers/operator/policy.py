"""``startgate policy check``."""

from pathlib import Path
from typing import Annotated

import typer

from workers.domain.errors import InvalidPolicy
from workers.use_cases.read_policy import read_policy

app = typer.Typer(no_args_is_help=True, help="The policy file.")


@app.callback()
def _commands() -> None:
    """Keep ``check`` a command of its own, though it is the only one."""


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="The YAML file.")]) -> None:
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
