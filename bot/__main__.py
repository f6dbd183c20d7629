"""``startgate-bot``: the command line, and ``startgate-bot run``, which runs until SIGTERM."""

import asyncio
import importlib

import typer

from bot.settings import BotSettings
from workers.bus import connection as bus
from workers.bus.nudger import BusNudger
from workers.bus.receiver import Handler, QueueReceiver
from workers.domain.errors import InvalidPolicy, StartgateError
from workers.domain.messages import Message, Settlement
from workers.domain.policy.model import Policy
from workers.runtime import loop
from workers.runtime.environment import read_environment
from workers.runtime.lifecycle import stop_signal
from workers.runtime.log import configure_logging
from workers.runtime.version import Version
from workers.telemetry.exporting import export
from workers.telemetry.health import Health
from workers.use_cases.read_policy import read_policy

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The part of Startgate that speaks with people.",
)


@cli.callback()
def startgate_bot(*, version: Version = False) -> None:
    """Options of the whole command line."""


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
    export("bot", scraped=settings.health_port != 0, azure_monitor=settings.azure_monitor_connection)
    try:
        # The workers apply the rules, and check their conditions: that needs a CEL runtime, which takes 8 MB.
        # Here it is loaded only to check a new file, once the policy is changed: see ``PolicyInForce``.
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
    """Open the links to the bus, which takes as long as importing the rest, and run it."""
    health = Health("redis", "servicebus", "slack")
    consumer: asyncio.Future[Handler] = asyncio.get_running_loop().create_future()

    async def show(message: Message) -> Settlement:
        handler = await consumer
        return await handler(message)

    connecting = bus.connected(
        connection=settings.servicebus_connection,
        namespace=settings.servicebus_namespace,
        credential=settings.identity,
    )
    async with stop_signal() as stop, connecting as client:
        nudger = BusNudger(client, quiet_s=settings.servicebus_quiet_s)
        notices = QueueReceiver(
            client,
            bus.NOTICES,
            show,
            receivers=settings.receivers,
            concurrency=settings.concurrency,
            quiet_s=settings.servicebus_quiet_s,
            health=health,
        )
        opening, receiving = asyncio.create_task(nudger.open()), asyncio.create_task(notices.run())
        try:
            await asyncio.to_thread(importlib.import_module, "bot.wiring")
            from bot import wiring  # noqa: PLC0415 - see above

            links = wiring.Bus(nudger, opening, notices.listening, receiving, consumer)
            await wiring.run(settings, policy, health, links, stop)
        finally:
            for task in (consumer, opening, receiving):
                task.cancel()
            await asyncio.gather(opening, receiving, return_exceptions=True)
            await nudger.close()


def main() -> None:
    """The console script ``startgate-bot``."""
    cli()


if __name__ == "__main__":
    main()
