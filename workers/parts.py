"""What is connected to the outside, and handed to whatever is wired to it."""

import asyncio
from typing import NamedTuple

from azure.servicebus.aio import ServiceBusClient
from redis.asyncio import Redis

from workers.arm.session.clients import Azure
from workers.domain.ports.audit.archive import Archive
from workers.store.redis_store import RedisStore
from workers.telemetry.health import Health


class Parts(NamedTuple):
    """Connections, and where health is told."""

    health: Health
    redis: Redis
    store: RedisStore
    client: ServiceBusClient
    azure: Azure
    hangup: asyncio.Event
    archive: Archive | None
