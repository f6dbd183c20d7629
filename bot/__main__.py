"""``startgate-bot run``: wiring only."""

import asyncio
from datetime import timedelta
from typing import NamedTuple

import aiohttp
import structlog
import typer
from azure.servicebus.aio import ServiceBusClient
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import build_app
from bot.audience import Audience
from bot.directory import Directory
from bot.doctor import doctor
from bot.doorway import Doorway, HttpDoorway, SocketDoorway
from bot.listeners.context import Desk
from bot.pace import Pace
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
from workers.runtime.health import Health, watch
from workers.runtime.health_server import serving
from workers.runtime.lifecycle import keep_what_is_loaded, run_until, stop_signal
from workers.runtime.log import configure_logging
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore
from workers.use_cases.ask import NoteAsked
from workers.use_cases.decide import Decide
from workers.use_cases.lockdown import LockDown
from workers.use_cases.note_process import noted
from workers.use_cases.read_policy import read_policy
from workers.use_cases.restore import Restore

log = structlog.get_logger("bot")
cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The part of Startgate that speaks with people.",
)

cli.command("doctor")(doctor)

SLACK_TIMEOUT_S = 10


class Parts(NamedTuple):
    """What is connected to the outside."""

    health: Health
    redis: Redis
    store: RedisStore
    client: ServiceBusClient
    session: aiohttp.ClientSession


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
        asyncio.run(run(settings, policy))
    except* StartgateError as errors:
        for error in errors.exceptions:
            typer.echo(str(error), err=True)
        raise typer.Exit(78) from None


async def run(settings: BotSettings, policy: Policy) -> None:
    """Make every part, start it, and end it in good order."""
    health = Health("redis", "servicebus", "slack")
    redis = connect(settings.redis_url)
    store = RedisStore(redis, retention=timedelta(days=settings.retention_days))
    connecting = bus.connected(
        connection=settings.servicebus_connection, namespace=settings.servicebus_namespace
    )
    async with (
        serving(health, host=settings.health_host, port=settings.health_port),
        redis,
        noted(store, SystemClock(), "bot", settings),
        connecting as client,
        aiohttp.ClientSession() as session,
    ):
        await _run(settings, policy, Parts(health, redis, store, client, session))


async def _run(settings: BotSettings, policy: Policy, parts: Parts) -> None:
    health, redis, store, client, session = parts
    clock, inventory = SystemClock(), RedisInventory(redis)
    async with stop_signal() as stop:
        nudger = BusNudger(client)
        slack = AsyncWebClient(
            settings.slack_bot_token.get_secret_value(),
            base_url=f"{settings.slack_api_url}/",
            timeout=SLACK_TIMEOUT_S,
            session=session,
            # The default handler repeats a request whose answer was lost, and so posts twice.
            retry_handlers=[],
        )
        pace = Pace(clock)
        directory = Directory(slack, lambda: policy, pace)
        desk = Desk(
            store=store,
            inventory=inventory,
            directory=directory,
            decide=Decide(store=store, nudger=nudger, clock=clock),
            lock_down=LockDown(store=store, nudger=nudger, clock=clock),
            restore=Restore(store=store, nudger=nudger, clock=clock),
            policy=lambda: policy,
        )
        renderer = Renderer(
            store=store,
            poster=Poster(slack, pace),
            audience=Audience(directory, lambda: policy, clock),
            note_asked=NoteAsked(store=store, nudger=nudger, clock=clock),
            clock=clock,
        )
        app = build_app(slack, desk, signing_secret=settings.slack_signing_secret)
        doorway: Doorway
        if settings.slack_app_token is not None:
            doorway = SocketDoorway(app, slack, settings.slack_app_token, health)
        else:
            doorway = HttpDoorway(app, settings.http_port)
        notices = QueueReceiver(
            client,
            bus.NOTICES,
            renderer,
            receivers=settings.receivers,
            concurrency=settings.concurrency,
            health=health,
            proves="slack",
        )
        ready, opened = asyncio.Event(), asyncio.Event()

        async def open_nudger() -> None:
            await nudger.open()
            opened.set()

        try:
            await run_until(
                stop,
                open_nudger(),  # beside the receivers: opening a link takes half a second
                doorway.run(ready),
                notices.run(),
                watch(health, "redis", store.ping, every_s=10),
                _say_ready(health, opened, ready, notices.listening),
            )
        finally:
            health.stopping()
            await nudger.close()
            log.info("stopped")


async def _say_ready(health: Health, *parts: asyncio.Event) -> None:
    for part in parts:
        await part.wait()
    health.ready()
    log.info("ready")
    keep_what_is_loaded()


def main() -> None:
    """The console script ``startgate-bot``."""
    cli()


if __name__ == "__main__":
    main()
