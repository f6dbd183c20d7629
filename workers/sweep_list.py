"""Every sweep there is: all periodic work of the workers."""

import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from workers.arm.read.facts import ArmFacts
from workers.arm.read.subscriptions.event_sources import ArmEventSources
from workers.arm.read.subscriptions.inventory import list_vms, subscriptions
from workers.arm.read.subscriptions.start_log import ArmStartLog
from workers.arm.steps.standing import ArmStanding
from workers.bus import connection as bus
from workers.bus.nudger import BusNudger
from workers.bus.put_aside import PutAsideReader
from workers.bus.starts_sender import BusStartsSender
from workers.consumers.event_shapes import parse_start_events
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import SystemClock
from workers.domain.ports.paging import PageTarget
from workers.outside.paging.targets import page_targets
from workers.parts import Parts
from workers.settings import WorkersSettings
from workers.store.audit.cursor import RedisAuditCursor, RedisOpenPages
from workers.store.audit.log import AuditLog
from workers.store.inventory import RedisInventory
from workers.store.leases import RedisLeases
from workers.use_cases.starts.open import OpenApproval
from workers.use_cases.sweeps.audit.archive import ArchiveAudit
from workers.use_cases.sweeps.audit.pages import SendPages
from workers.use_cases.sweeps.audit.trim_audit import TrimAudit
from workers.use_cases.sweeps.dead_letters import TellDeadLetters
from workers.use_cases.sweeps.disturbed import Disturbances, LookWhenDisturbed
from workers.use_cases.sweeps.loop import Sweep
from workers.use_cases.sweeps.measure import Measure
from workers.use_cases.sweeps.pause import WatchPause
from workers.use_cases.sweeps.policy.drafts import DraftRules
from workers.use_cases.sweeps.policy.mode import WatchMode
from workers.use_cases.sweeps.policy.observed_day import TellObservedDay
from workers.use_cases.sweeps.resync import Resync
from workers.use_cases.sweeps.standing import RereadStanding
from workers.use_cases.sweeps.starts.canary import FlyCanary, SendCanary
from workers.use_cases.sweeps.starts.event_sources import WatchEventSources
from workers.use_cases.sweeps.starts.inventory import TakeInventory
from workers.use_cases.sweeps.starts.missed_starts import MissedStarts
from workers.use_cases.sweeps.starts.reconcile import Reconcile


def all_sweeps(
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


def _page_targets(settings: WorkersSettings) -> Sequence[PageTarget]:
    return page_targets(
        pagerduty_url=settings.pagerduty_url,
        pagerduty_routing_key=settings.pagerduty_routing_key,
        webhook_url=settings.page_webhook_url,
        webhook_secret=settings.page_webhook_secret,
    )
