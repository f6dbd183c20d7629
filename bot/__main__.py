"""``startgate-bot run``: the command line, the settings, and the links to the bus."""

import asyncio
import importlib

import typer

from bot.settings import BotSettings
from workers.bus import connection as bus
from workers.bus import links
from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver
from workers.domain.errors import InvalidPolicy, StartgateError
from workers.domain.policy.model import Policy
from workers.runtime import loop
from workers.runtime.environment import read_environment
from workers.runtime.lifecycle import stop_signal
from workers.runtime.log import configure_logging
from workers.telemetry.health import Health
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


async def run(settings: BotSettings, policy: Policy) -> None:
    """Open the links to the bus, import the rest meanwhile, and run it."""
    health = Health("redis", "servicebus", "slack")
    connecting = bus.connected(
        connection=settings.servicebus_connection, namespace=settings.servicebus_namespace
    )
    async with stop_signal() as stop, connecting as client:
        nudger = BusNudger(client)
        notices = QueueReceiver(
            client,
            bus.NOTICES,
            receivers=settings.receivers,
            concurrency=settings.concurrency,
            health=health,
            proves="slack",
        )
        async with links.opening(nudger, notices) as opened:
            # Slack's and Redis's libraries, and what stands on them, while the broker answers.
            await asyncio.to_thread(importlib.import_module, "bot.wiring")
            from bot import wiring  # noqa: PLC0415 - see above

            await wiring.run(settings, policy, health, wiring.Bus(nudger, opened, notices), stop)


def main() -> None:
    """The console script ``startgate-bot``."""
    cli()


if __name__ == "__main__":
    main()
