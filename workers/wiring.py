"""Every part of the workers, made and connected."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import structlog
from azure.servicebus.aio import ServiceBusClient
from redis.asyncio import Redis

from workers.arm.read.around.surroundings import ArmSurroundings
from workers.arm.read.event_sources import ArmEventSources
from workers.arm.read.facts import ArmFacts
from workers.arm.read.inventory import list_vms, subscriptions
from workers.arm.read.sources import Sources
from workers.arm.read.start_log import ArmStartLog
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.arm.steps.obstacles import ArmObstacles
from workers.arm.steps.returning import ArmReturns
from workers.arm.steps.standing import ArmStanding
from workers.bus import connection as bus
from workers.bus.nudger import BusNudger
from workers.bus.put_aside import PutAsideReader
from workers.bus.receiver import QueueReceiver
from workers.bus.starts_sender import BusStartsSender
from workers.consumers.event_shapes import parse_start_events
from workers.consumers.starts import StartsConsumer
from workers.consumers.work import WorkConsumer
from workers.domain.policy.model import Policy
from workers.domain.ports.archive import Archive
from workers.domain.ports.clock import SystemClock
from workers.domain.ports.paging import PageTarget
from workers.operator.doctor import quick_checks
from workers.outside.archive.opening import archive_at
from workers.outside.paging.targets import page_targets
from workers.runtime.lifecycle import hangup_signal, keep_what_is_loaded, run_until, stop_signal
from workers.settings import WorkersSettings
from workers.store.audit.cursor import RedisAuditCursor, RedisOpenPages
from workers.store.audit.log import AuditLog
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.leases import RedisLeases
from workers.store.process_book import RedisProcessBook
from workers.store.redis_store import RedisStore
from workers.telemetry.first_look import look_now_and_then
from workers.telemetry.health import Health, watch
from workers.telemetry.health_server import serving
from workers.telemetry.measured_health import measure
from workers.use_cases.asking.assess import Assess
from workers.use_cases.asking.expire import LookAtApproval
from workers.use_cases.asking.fill_in import FillIn
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.containment.contain import Contain
from workers.use_cases.containment.never import GuardedByFacts, GuardedInAzure
from workers.use_cases.note_process import noted
from workers.use_cases.orders.answer_lookup import AnswerLookup
from workers.use_cases.orders.foresee import Foresee
from workers.use_cases.orders.rehearse import Rehearse
from workers.use_cases.policy_in_force import PolicyInForce
from workers.use_cases.starts.canary import TakeCanary
from workers.use_cases.starts.open import OpenApproval
from workers.use_cases.sweeps.archive import ArchiveAudit
from workers.use_cases.sweeps.canary import FlyCanary, SendCanary
from workers.use_cases.sweeps.dead_letters import TellDeadLetters
from workers.use_cases.sweeps.disturbed import Disturbances, LookWhenDisturbed
from workers.use_cases.sweeps.drafts import DraftRules
from workers.use_cases.sweeps.event_sources import WatchEventSources
from workers.use_cases.sweeps.inventory import TakeInventory
from workers.use_cases.sweeps.loop import Sweep, run_sweeps
from workers.use_cases.sweeps.measure import Measure
from workers.use_cases.sweeps.missed_starts import MissedStarts
from workers.use_cases.sweeps.mode import WatchMode
from workers.use_cases.sweeps.observed_day import TellObservedDay
from workers.use_cases.sweeps.pages import SendPages
from workers.use_cases.sweeps.pause import WatchPause
from workers.use_cases.sweeps.reconcile import Reconcile
from workers.use_cases.sweeps.resync import Resync
from workers.use_cases.sweeps.standing import RereadStanding
from workers.use_cases.sweeps.trim_audit import TrimAudit
from workers.use_cases.watch_policy import WatchPolicy

log = structlog.get_logger("workers")

LOOKUP_BUDGET_S = 6.0
"""Of each of two reads: somebody looks at a dialog meanwhile."""


class Parts(NamedTuple):
    """What is connected to the outside."""

    health: Health
    redis: Redis
    store: RedisStore
    client: ServiceBusClient
    azure: Azure
    hangup: asyncio.Event
    archive: Archive | None


async def run(settings: WorkersSettings, policy: Policy) -> None:
    """Make every part, start it, and end it in good order."""
    health = Health("redis", "servicebus", "azure")
    measure(health)
    in_force = PolicyInForce(settings.policy, policy, health)
    redis = connect(settings.redis_url, settings.redis_sign_in)
    store = RedisStore(redis, retention=timedelta(days=settings.retention_days))
    connecting = bus.connected(
        connection=settings.servicebus_connection,
        namespace=settings.servicebus_namespace,
        credential=settings.identity,
    )
    azure = Azure(
        settings.arm_endpoint,
        settings.arm_scope,
        settings.arm_token,
        settings.identity,
        heard=partial(health.ok, "azure"),
        may_write=Brakes(store=store, clock=SystemClock(), observes=lambda: in_force().observes).may_write,
        api_versions=settings.versions,
    )
    async with (
        serving(health, host=settings.health_host, port=settings.health_port),
        redis,
        noted(store, SystemClock(), "workers", settings),
        connecting as client,
        contextlib.aclosing(azure),
        contextlib.AsyncExitStack() as stack,
        stop_signal() as stop,
        hangup_signal() as hangup,
    ):
        archive = await _opened_archive(settings, stack)
        await _run(settings, in_force, Parts(health, redis, store, client, azure, hangup, archive), stop)


async def _run(settings: WorkersSettings, policy: PolicyInForce, parts: Parts, stop: asyncio.Event) -> None:
    health, redis, store, client, azure, hangup, _ = parts
    clock, inventory = SystemClock(), RedisInventory(redis)
    nudger = BusNudger(client, quiet_s=settings.servicebus_quiet_s)
    runners = step_runners(azure)
    sources = Sources(azure)
    facts, assess = ArmFacts(azure, sources), Assess(runners=runners, policy=policy)
    opening = OpenApproval(
        store=store,
        nudger=nudger,
        inventory=inventory,
        facts=facts,
        assess=assess,
        clock=clock,
        facts_budget_s=settings.facts_budget_s,
    )
    foresee = Foresee(
        facts=facts,
        surroundings=ArmSurroundings(azure),
        assess=assess,
        runners=runners,
        clock=clock,
        guarded=GuardedByFacts(policy),
        budget_s=LOOKUP_BUDGET_S,
    )
    fill_in = FillIn(store=store, nudger=nudger, facts=facts, assess=assess, clock=clock)
    disturbances = Disturbances(store=store, clock=clock)
    starts = StartsConsumer(
        open_approval=opening,
        store=store,
        clock=clock,
        take_canary=TakeCanary(store=store, nudger=nudger, assess=assess, clock=clock),
        disturbed=disturbances.note,
    )
    work = WorkConsumer(
        look_at_approval=LookAtApproval(
            store=store,
            nudger=nudger,
            clock=clock,
            fill_in=fill_in,
            observes=lambda: policy().observes,
        ),
        contain=Contain(
            store=store,
            nudger=nudger,
            runners=runners,
            clock=clock,
            policy=policy,
            standing=ArmStanding(azure),
            guarded=GuardedInAzure(policy, facts),
            brakes=Brakes(
                store=store,
                clock=clock,
                nudger=nudger,
                cap=lambda: policy().cap.containments_per_hour,
                observes=lambda: policy().observes,
            ),
        ),
        answer_lookup=AnswerLookup(
            store=store,
            nudger=nudger,
            foresee=foresee,
            rehearse=Rehearse(foresee=foresee, obstacles=ArmObstacles(azure, runners, sources)),
            returns=ArmReturns(azure, ArmStanding(azure)),
            clock=clock,
        ),
    )

    sweeps = _sweeps(
        settings, parts, policy, nudger, inventory, facts=facts, disturbances=disturbances, opening=opening
    )

    def receiver(queue: str, handler: StartsConsumer | WorkConsumer) -> QueueReceiver:
        return QueueReceiver(
            client,
            queue,
            handler,
            receivers=settings.receivers,
            concurrency=settings.concurrency,
            quiet_s=settings.servicebus_quiet_s,
            health=health,
        )

    receivers = (receiver(bus.STARTS, starts), receiver(bus.WORK, work))

    async def say_ready() -> None:
        await nudger.open()
        for each in receivers:
            await each.listening.wait()
        health.ready()
        log.info("ready")
        keep_what_is_loaded()

    watching = WatchPolicy(
        policy,
        "workers",
        store=store,
        nudger=nudger,
        book=RedisProcessBook(redis),
        health=health,
        clock=clock,
    )
    try:
        await azure.open()  # before a message: its facts have two seconds
        await run_until(
            stop,
            *(each.run() for each in receivers),
            say_ready(),
            run_sweeps([one for one in sweeps if one.period_s > 0], health),
            watch(health, "redis", store.ping, every_s=10),
            look_now_and_then(health, quick_checks(settings, redis)),
            watching.run(hangup),
        )
    finally:
        health.stopping()
        await inventory.aclose()
        await store.aclose()
        await nudger.close()
        log.info("stopped")


def _sweeps(
    settings: WorkersSettings,
    parts: Parts,
    policy: Callable[[], Policy],
    nudger: BusNudger,
    inventory: RedisInventory,
    *,
    facts: ArmFacts,
    disturbances: Disturbances,
    opening: OpenApproval,
) -> Sequence[Sweep]:
    """All periodic work there is."""
    health, redis, store, client, azure, _, archive = parts
    clock, retention = SystemClock(), timedelta(days=settings.retention_days)
    standing = RereadStanding(
        store=store, nudger=nudger, reader=ArmStanding(azure), clock=clock, period_s=settings.standing_every_s
    )
    seen, leases = partial(subscriptions, azure), RedisLeases(redis, socket.gethostname())
    audit, targets = RedisAuditCursor(redis), _page_targets(settings)
    reconcile = Reconcile(store=store, nudger=nudger, facts=facts, clock=clock)
    return (
        Resync(store=store, nudger=nudger, clock=clock, period_s=settings.resync_every_s),
        TakeInventory(
            list_vms=partial(list_vms, azure),
            inventory=inventory,
            reconcile=reconcile,
            health=health,
            clock=clock,
            period_s=settings.inventory_every_s,
        ),
        MissedStarts(
            store=store,
            inventory=inventory,
            leases=leases,
            subscriptions=seen,
            start_log=ArmStartLog(azure, lambda record: parse_start_events(record).events),
            open_approval=opening,
            clock=clock,
            after=timedelta(seconds=settings.missed_starts_after_s),
            period_s=settings.missed_starts_every_s,
        ),
        SendCanary(
            fly=FlyCanary(store=store, send=BusStartsSender(client), clock=clock),
            leases=leases,
            period_s=settings.canary_every_s,
        ),
        WatchEventSources(
            subscriptions=seen,
            sources=ArmEventSources(azure, bus.STARTS),
            health=health,
            period_s=settings.event_sources_every_s,
        ),
        standing,
        LookWhenDisturbed(disturbances=disturbances, look=standing),
        TellDeadLetters(
            reader=PutAsideReader(client, (bus.STARTS, bus.WORK)),
            store=store,
            nudger=nudger,
            clock=clock,
            period_s=settings.dead_letters_every_s,
        ),
        Measure(store=store, clock=clock),
        WatchMode(store=store, nudger=nudger, health=health, clock=clock, observes=lambda: policy().observes),
        TellObservedDay(
            store=store,
            nudger=nudger,
            audit=AuditLog(redis),
            clock=clock,
            observes=lambda: policy().observes,
        ),
        DraftRules(store=store, nudger=nudger, audit=AuditLog(redis), clock=clock, policy=policy),
        SendPages(
            targets=targets,
            cursor=audit,
            open_pages=RedisOpenPages(redis),
            leases=leases,
            store=store,
            clock=clock,
            policy=policy,
            period_s=settings.pages_every_s if targets else 0,
        ),
        ArchiveAudit(
            archive=archive,
            audit=audit,
            cursor=audit,
            leases=leases,
            clock=clock,
            period_s=settings.archive_every_s if archive is not None else 0,
        ),
        WatchPause(store=store, nudger=nudger, health=health, clock=clock),
        TrimAudit(trimmer=AuditLog(redis), store=store, clock=clock, retention=retention),
    )


async def _opened_archive(settings: WorkersSettings, stack: contextlib.AsyncExitStack) -> Archive | None:
    if settings.archive_url is None:
        return None
    return await stack.enter_async_context(
        archive_at(settings.archive_url, settings.archive_key, settings.identity)
    )


def _page_targets(settings: WorkersSettings) -> Sequence[PageTarget]:
    return page_targets(
        pagerduty_url=settings.pagerduty_url,
        pagerduty_routing_key=settings.pagerduty_routing_key,
        webhook_url=settings.page_webhook_url,
        webhook_secret=settings.page_webhook_secret,
    )
