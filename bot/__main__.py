"""``startgate-bot``: the command line, and ``startgate-bot run``, which runs until SIGTERM."""

import typer

from bot.settings import BotSettings
from bot.wiring import run
from workers.domain.errors import InvalidPolicy, StartgateError
from workers.runtime import loop
from workers.runtime.environment import read_environment
from workers.runtime.log import configure_logging
from workers.use_cases.read_policy import read_policy

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The part of Startgate that speaks with people.",
)


@cli.command("doctor")
def doctor_command() -> None:
    """Check settings, policy, Slack, Redis and Service Bus with this identity. Exits 0 or 1."""
    from bot.doctor import doctor  # noqa: PLC0415 - a bot that runs doesn't need it

    doctor()


@cli.command("run")
def run_command() -> None:
    """Run the bot until SIGTERM. Settings come from the environment."""
    settings = read_environment(BotSettings)
    configure_logging(settings.log, process="bot")
    try:
        # The workers apply the rules, and check their conditions: that needs a CEL runtime, which takes 8 MB.
        policy = read_policy(settings.policy, conditions=False)
    except InvalidPolicy as invalid:
        typer.echo(invalid.diagnostics(), err=True)
        raise typer.Exit(78) from None
    try:
        loop.run(run(settings, policy))
    except* StartgateError as errors:
        for error in errors.exceptions:
            typer.echo(str(error), err=True)
        raise typer.Exit(78) from None


def main() -> None:
    """The console script ``startgate-bot``."""
    cli()


if __name__ == "__main__":
    main()
