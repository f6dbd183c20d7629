"""Makes all parts of the bot except its links to the bus, and runs them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import aiohttp
import structlog
from pydantic import SecretStr
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.answers.deciding.reject import Reject
from bot.answers.spoken.questions import Questions
from bot.app import build_app
from bot.cards.audience import Audience
from bot.cards.bursts import Bursts
from bot.cards.notices import Notices
from bot.cards.poster import Poster
from bot.cards.renderer import Renderer
from bot.commands.answered import answered_views
from bot.commands.registry import COMMANDS
from bot.doctor import quick_checks
from bot.home.homes import Homes
from bot.home.trouble import trouble_line
from bot.services import Services
from bot.settings import BotSettings
from bot.slack.channels import Channels
from bot.slack.dialogs import OpenDialogs
from bot.slack.directory import Directory
from bot.slack.doorway import Doorway, HttpDoorway, SocketDoorway
from bot.slack.files import Files
from bot.slack.installation import Installation
from bot.slack.pace import Pace
from bot.slack.quiet import SlackQuiet
from bot.slack.reach import Reach
from bot.slack.renewal import Renew, SecretFiles, renewing_bot_token
from bot.slack.signed_requests import SignedRequests
from bot.slack.web_api_method import web_api_method
from workers.bus.nudger import BusNudger
from workers.bus.receiver import Handler
from workers.domain.containment.foresight.lookups import LookupKind
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import SystemClock
from workers.runtime.lifecycle import hangup_signal, keep_what_is_loaded, run_until
from workers.store.audit.log import AuditLog
from workers.store.channel_book import RedisChannelBook
from workers.store.connection import connect
from workers.store.evidence.making import EvidenceMaker
from workers.store.inventory import RedisInventory
from workers.store.process_book import RedisProcessBook
from workers.store.redis_store import RedisStore
from workers.telemetry.first_look import look_now_and_then
from workers.telemetry.health import Health, watch
from workers.telemetry.health_server import serving
from workers.telemetry.instruments import SLACK
from workers.telemetry.measured_health import measure
from workers.telemetry.requests import measured
from workers.use_cases.asking.answer_all import AnswerAll
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.asking.decide import Decide
from workers.use_cases.asking.pass_all import PassAll
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.asking.take_back import TakeBack
from workers.use_cases.containment.never import GuardedByInventory
from workers.use_cases.note_process import noted, noting_renewal
from workers.use_cases.orders.access.answer import AnswerAccess
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.orders.cap import AnswerCap
from workers.use_cases.orders.delegate import DelegateAnswers
from workers.use_cases.orders.expect import ExpectStarts
from workers.use_cases.orders.lockdown import LockDown
from workers.use_cases.orders.looking.look_up import LookUp
from workers.use_cases.orders.pause import PauseWrites
from workers.use_cases.orders.reading.also_started import also_started
from workers.use_cases.orders.reading.overview import Overview
from workers.use_cases.orders.regret import Regret
from workers.use_cases.orders.restore import Restore
from workers.use_cases.orders.retry import Retry
from workers.use_cases.policy_in_force import PolicyInForce
from workers.use_cases.sweeps.pause import show_pauses
from workers.use_cases.sweeps.policy.mode import show_modes
from workers.use_cases.watch_policy import WatchPolicy

log = structlog.get_logger("bot")

SLACK_TIMEOUT_S = 10


class Bus(NamedTuple):
    """What is connected to Service Bus, or about to be.

    Attributes:
        nudger: sends nudges.
        opening: ends when the nudger's links are open.
        listening: set when all links to the queue ``notices`` are.
        receiving: takes notices; cancelled, it ends in good order.
        notices: whom they wait for.
    """

    nudger: BusNudger
    opening: asyncio.Task[None]
    listening: asyncio.Event
    receiving: asyncio.Task[None]
    notices: asyncio.Future[Handler]


class Parts(NamedTuple):
    """The connections to everything else outside."""

    health: Health
    redis: Redis
    store: RedisStore
    session: aiohttp.ClientSession
    hangup: asyncio.Event


async def run(settings: BotSettings, policy: Policy, health: Health, bus: Bus, stop: asyncio.Event) -> None:
    """Make every part, start it, and end it in order when ``stop`` is set."""
    redis = connect(settings.redis_url, settings.redis_sign_in)
    store = RedisStore(redis, retention=timedelta(days=settings.retention_days))
    async with (
        serving(health, host=settings.health_host, port=settings.health_port),
        redis,
        noted(store, SystemClock(), "bot", settings),
        aiohttp.ClientSession(trace_configs=[measured(SLACK, "method", web_api_method)]) as session,
        hangup_signal() as hangup,
    ):
        in_force = PolicyInForce(settings.policy, policy, health)
        await _run(settings, in_force, bus, Parts(health, redis, store, session, hangup), stop)


async def _run(
    settings: BotSettings, policy: PolicyInForce, bus: Bus, parts: Parts, stop: asyncio.Event
) -> None:
    health, redis, store, session, hangup = parts
    measure(health)
    nudger = bus.nudger
    clock, inventory = SystemClock(), RedisInventory(redis)
    slack = AsyncWebClient(
        settings.slack_bot_token.get_secret_value(),
        base_url=f"{settings.slack_api_url}/",
        timeout=SLACK_TIMEOUT_S,
        session=session,
        # The default handler repeats a request whose answer was lost, which would post twice.
        retry_handlers=[],
    )
    reach = Reach(health)
    pace = Pace(clock, heard=partial(reach.ok, "token"))
    installation = Installation(slack)
    channels = Channels(slack, lambda: policy().channels, RedisChannelBook(redis), installation, health)
    policy.when_changed(channels.look_again)
    directory = Directory(slack, policy, installation, pace, channels.id_of)
    dialogs, second = OpenDialogs(slack), AskSecond(store=store, nudger=nudger, clock=clock, policy=policy)
    decide = Decide(
        store=store,
        nudger=nudger,
        clock=clock,
        groups=directory,
        observes=lambda: policy().observes,
        person=partial(directory.actor, now=True),
    )
    pass_on = PassOn(store=store, nudger=nudger, clock=clock, policy=policy, groups=directory)
    services = Services(
        store=store,
        inventory=inventory,
        directory=directory,
        groups=directory,
        clock=clock,
        decide=decide,
        answer_all=AnswerAll(decide=decide, store=store, nudger=nudger, clock=clock),
        take_back=TakeBack(store=store, nudger=nudger, clock=clock, observes=lambda: policy().observes),
        lock_down=LockDown(
            store=store,
            nudger=nudger,
            clock=clock,
            guarded=GuardedByInventory(policy, inventory),
            observes=lambda: policy().observes,
        ),
        regret=Regret(store=store, nudger=nudger, clock=clock),
        restore=Restore(store=store, nudger=nudger, clock=clock, policy=policy),
        retry=Retry(store=store, nudger=nudger, clock=clock, observes=lambda: policy().observes),
        look_up=LookUp(store=store, nudger=nudger, clock=clock),
        dialogs=dialogs,
        pass_on=pass_on,
        pass_all=PassAll(pass_on=pass_on, store=store, nudger=nudger, clock=clock),
        overview=Overview(
            store=store, inventory=inventory, observes=lambda: policy().observes, groups=directory
        ),
        audit=AuditLog(redis),
        evidence=EvidenceMaker(store, AuditLog(redis), clock),
        files=Files(slack, directory.direct_message),
        pausing=PauseWrites(store=store, clock=clock, second=second),
        expecting=ExpectStarts(store=store, clock=clock, policy=policy, second=second, groups=directory),
        delegating=DelegateAnswers(store=store, clock=clock, policy=policy, second=second),
        access=AnswerAccess(
            store=store, nudger=nudger, clock=clock, policy=policy, inventory=inventory, groups=directory
        ),
        cap=AnswerCap(store=store, nudger=nudger, clock=clock),
        policy=policy,
        portal=settings.cloud.places.portal,
    )
    note_asked = NoteAsked(store=store, nudger=nudger, clock=clock)
    renderer = Renderer(
        store=store,
        poster=Poster(slack, pace),
        audience=Audience(
            directory,
            channels,
            policy,
            clock,
            health,
            quiet=SlackQuiet(slack, policy, clock, directory.members),
        ),
        note_asked=note_asked,
        bursts=Bursts(
            store=store, decide=decide, pass_on=pass_on, note_asked=note_asked, policy=policy, clock=clock
        ),
        clock=clock,
        health=health,
        also=partial(also_started, store, inventory),
    )
    homes = Homes(slack, services, COMMANDS, lambda: trouble_line(health.as_json()))
    views = {**answered_views(services), LookupKind.REJECTION: Reject(services).shown}
    notices = Notices(
        renderer=renderer, store=store, dialogs=dialogs, views=views, clock=clock, changed=homes.changed
    )
    bus.notices.set_result(notices)
    questions = Questions(slack, pace, store)
    app = build_app(
        slack, services, installation, questions, homes=homes, signing_secret=settings.slack_signing_secret
    )
    doorway: Doorway
    renew = {"slack_bot_token": renewing_bot_token(slack, installation)}
    if settings.slack_app_token is not None:
        doorway = socket = SocketDoorway(app, slack, settings.slack_app_token, reach)
        renew["slack_app_token"] = socket.renew
    else:
        requests = SignedRequests(app, settings.need_signing_secret(), store)
        doorway = HttpDoorway(requests, settings.http_port)

        async def sign_anew(secret: SecretStr) -> None:
            app = build_app(slack, services, installation, questions, homes=homes, signing_secret=secret)
            requests.renew(app, secret)

        renew["slack_signing_secret"] = sign_anew
    watching = WatchPolicy(
        policy, "bot", store=store, nudger=nudger, book=RedisProcessBook(redis), health=health, clock=clock
    )
    ready = asyncio.Event()

    async def say_ready() -> None:
        await bus.opening
        for part in (ready, bus.listening):
            await part.wait()
        health.ready()
        log.info("ready")
        keep_what_is_loaded()

    try:
        await run_until(
            stop,
            doorway.run(ready),
            _ended(bus.receiving),
            watch(health, "redis", store.ping, every_s=10),
            look_now_and_then(health, quick_checks(settings, redis)),
            show_pauses(health, store, clock),
            show_modes(health, lambda: policy().observes),
            reach.watch_token(installation),
            channels.run(),
            homes.run(),
            watching.run(hangup),
            _secret_files(settings, renew, health, noting_renewal(store, clock, "bot")).run(),
            say_ready(),
        )
    finally:
        health.stopping()
        await nudger.close()
        log.info("stopped")


def _secret_files(
    settings: BotSettings,
    renew: Mapping[str, Renew],
    health: Health,
    renewed: Callable[[str], Awaitable[None]],
) -> SecretFiles:
    """Those secrets that are in files, and that this bot goes by."""
    files = {name: path for name in renew if (path := getattr(settings, f"{name}_file"))}
    known = {name: getattr(settings, name) for name in files}
    return SecretFiles(files, known, renew, health, renewed)


async def _ended(task: asyncio.Task[None]) -> None:
    """A task as one of several jobs: cancelled with them, and waited for."""
    await task
