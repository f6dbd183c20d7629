"""``startgate``: the command line, and ``startgate workers``, which runs until SIGTERM."""

import logging

import typer

from workers.cli import OPERATING, app
from workers.domain.errors import InvalidPolicy
from workers.runtime import loop
from workers.runtime.environment import read_environment
from workers.runtime.log import configure_logging
from workers.settings import WorkersSettings
from workers.telemetry.exporting import export
from workers.use_cases.read_policy import read_policy
from workers.wiring import run


@app.command("workers", rich_help_panel=OPERATING)
def workers() -> None:
    """Run the workers until SIGTERM. Settings come from the environment.

    Example: startgate workers
    """
    settings = read_environment(WorkersSettings)
    configure_logging(settings.log, process="workers")
    export("workers", scraped=settings.health_port != 0, azure_monitor=settings.azure_monitor_connection)
    try:
        policy = read_policy(settings.policy)
    except InvalidPolicy as invalid:
        typer.echo(invalid.diagnostics(), err=True)
        raise typer.Exit(78) from None
    loop.run(run(settings, policy))


def main() -> None:
    """The console script ``startgate``."""
    configure_logging("text", process="startgate", level=logging.WARNING)
    app()


if __name__ == "__main__":
    main()
