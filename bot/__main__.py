"""``startgate-bot run``: wiring only."""

import asyncio

import aiohttp
import structlog
import typer
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import build_app
from bot.audience import Audience
from bot.directory import Directory
from bot.doorway import Doorway, HttpDoorway, SocketDoorway
from bot.listeners.context import Desk
from bot.poster import Poster
from bot.renderer import Renderer
from bot.settings import BotSettings
from workers.bus import connection as bus
from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver
from workers.domain.errors import InvalidPolicy, StartgateError
from workers.domain.policy import Policy
from workers.domain.ports import SystemClock
from workers.runtime.environment import read_environment
from workers.runtime.lifecycle import run_until, stop_signal
from workers.runtime.log import configure_logging
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore
from workers.use_cases.ask import NoteAsked
from workers.use_cases.decide import Decide
from workers.use_cases.lockdown import LockDown
from workers.use_cases.read_policy import read_policy

log = structlog.get_logger("bot")
cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The part of Startgate that speaks with people.",
)

SLACK_TIMEOUT_S = 10


@cli.callback()
def _commands() -> None:
    """Keep ``run`` a command of its own, though it is the only one."""


@cli.command("run")
def run_command() -> None:
    """Run the bot until SIGTERM. Settings come from the environment."""
    settings = read_environment(BotSettings)
    configure_logging(settings.log, process="bot")
    try:
        policy = read_policy(settings.policy)
    except InvalidPolicy as invalid:
        typer.echo(invalid.diagnostics(), err=True)
        raise typer.Exit(78) from None
    try:
        asyncio.run(run(settings, policy))
    except* StartgateError as errors:
        for error in errors.exceptions:
            typer.echo(str(error), err=True)
        raise typer.Exit(78) from None


async def run(settings: BotSettings, policy: Policy) -> None:
    """Make every part, start it, and end it in good order."""
    clock = SystemClock()
    redis = connect(settings.redis_url)
    store, inventory = RedisStore(redis), RedisInventory(redis)
    connecting = bus.connected(
        connection=settings.servicebus_connection, namespace=settings.servicebus_namespace
    )
    async with redis, connecting as client, aiohttp.ClientSession() as session, stop_signal() as stop:
        nudger = BusNudger(client)
        slack = AsyncWebClient(
            settings.slack_bot_token.get_secret_value(),
            base_url=f"{settings.slack_api_url}/",
            timeout=SLACK_TIMEOUT_S,
            session=session,
            # The default handler repeats a request whose answer was lost, and so posts twice.
            retry_handlers=[],
        )
        directory = Directory(slack, lambda: policy)
        desk = Desk(
            store=store,
            inventory=inventory,
            directory=directory,
            decide=Decide(store=store, nudger=nudger, clock=clock),
            lock_down=LockDown(store=store, nudger=nudger, clock=clock),
            policy=lambda: policy,
        )
        renderer = Renderer(
            store=store,
            poster=Poster(slack),
            audience=Audience(directory, lambda: policy, clock),
            note_asked=NoteAsked(store=store, nudger=nudger, clock=clock),
            clock=clock,
        )
        app = build_app(slack, desk, signing_secret=settings.slack_signing_secret)
        doorway: Doorway
        if settings.slack_app_token is not None:
            doorway = SocketDoorway(app, slack, settings.slack_app_token)
        else:
            doorway = HttpDoorway(app, settings.http_port)
        notices = QueueReceiver(
            client, bus.NOTICES, renderer, receivers=settings.receivers, concurrency=settings.concurrency
        )
        ready = asyncio.Event()
        try:
            await nudger.open()
            await run_until(stop, doorway.run(ready), notices.run(), _say_ready(ready, notices.listening))
        finally:
            await nudger.close()
            log.info("stopped")


async def _say_ready(*parts: asyncio.Event) -> None:
    for part in parts:
        await part.wait()
    log.info("ready")


def main() -> None:
    """The console script ``startgate-bot``."""
    cli()


if __name__ == "__main__":
    main()
