"""Every part of the workers, made and connected."""

import asyncio
import contextlib
from datetime import timedelta
from functools import partial

import structlog

from workers.arm.read.around.surroundings import ArmSurroundings
from workers.arm.read.facts import ArmFacts
from workers.arm.read.sources import Sources
from workers.arm.session.clients import Azure
from workers.arm.steps import step_runners
from workers.arm.steps.obstacles import ArmObstacles
from workers.arm.steps.returning import ArmReturns
from workers.arm.steps.standing import ArmStanding
from workers.bus import connection as bus
from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver
from workers.consumers.starts import StartsConsumer
from workers.consumers.work import WorkConsumer
from workers.domain.policy.model import Policy
from workers.domain.ports.audit.archive import Archive
from workers.domain.ports.clock import SystemClock
from workers.operator.doctor import quick_checks
from workers.outside.archive.opening import archive_at
from workers.parts import Parts
from workers.runtime.lifecycle import hangup_signal, keep_what_is_loaded, run_until, stop_signal
from workers.settings import WorkersSettings
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.process_book import RedisProcessBook
from workers.store.redis_store import RedisStore
from workers.sweep_list import all_sweeps
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
from workers.use_cases.orders.access.expire import ExpireAccess
from workers.use_cases.orders.looking.answer_lookup import AnswerLookup
from workers.use_cases.orders.looking.foresee import Foresee
from workers.use_cases.orders.looking.rehearse import Rehearse
from workers.use_cases.policy_in_force import PolicyInForce
from workers.use_cases.starts.canary import TakeCanary
from workers.use_cases.starts.open import OpenApproval
from workers.use_cases.sweeps.disturbed import Disturbances
from workers.use_cases.sweeps.loop import run_sweeps
from workers.use_cases.watch_policy import WatchPolicy

log = structlog.get_logger("workers")

LOOKUP_BUDGET_S = 6.0
"""Of each of two reads: somebody looks at a dialog meanwhile."""


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
        expire_access=ExpireAccess(store=store, nudger=nudger, clock=clock),
    )

    sweeps = all_sweeps(
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


async def _opened_archive(settings: WorkersSettings, stack: contextlib.AsyncExitStack) -> Archive | None:
    if settings.archive_url is None:
        return None
    return await stack.enter_async_context(
        archive_at(settings.archive_url, settings.archive_key, settings.identity)
    )
