"""A Service Bus client from the settings: a connection string, or a namespace and our identity."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import certifi
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from pydantic import SecretStr

from workers.runtime.cloud import Cloud
from workers.runtime.credential import Credential, Opens

STARTS = "starts"
WORK = "work"
NOTICES = "notices"

SOCKET_TIMEOUT_S = 0.15
"""How long one read of a link lasts when nothing comes; what is settled meanwhile waits for its end.

Given where a link is made: the client has no such argument. Shorter reads cost more processor time at rest:
eight idle links take under 1 % of a core, and 1.7 % at 0.06 s.
"""
QUIET_S = 240.0
"""Seconds after which a link that heard nothing is opened anew, where nobody says another time.

A peer can fall silent without the connection breaking, which the SDK does not notice, and Service Bus
detaches links that were idle for ten minutes.
Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
"""
OPEN_S = 10.0
"""Seconds that one attempt to open a link may take."""
CLOSE_S = 5.0
"""Seconds that closing a link may take: a peer that says nothing answers no goodbye."""


Link = TypeVar("Link", ServiceBusReceiver, ServiceBusSender)


@contextlib.asynccontextmanager
async def opened(link: Link) -> AsyncIterator[Link]:
    """The receiver or sender, open for this block.

    Raises:
        TimeoutError: it did not open in time.
        ServiceBusError, OSError: it was refused, or not reached.
    """
    try:
        async with asyncio.timeout(OPEN_S):
            await link.__aenter__()
        yield link
    finally:
        await close(link)


async def close(link: ServiceBusReceiver | ServiceBusSender) -> None:
    """Close it, within bounds: what is broken already may fail to close."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_S):
            await link.close()


@contextlib.asynccontextmanager
async def connected(
    *,
    connection: SecretStr | None,
    namespace: str | None,
    credential: Opens = Credential.MANAGED_IDENTITY,
) -> AsyncIterator[ServiceBusClient]:
    """A client that does not try again by itself.

    Left to the SDK, a disabled queue would be tried for minutes without a word. Whoever uses the client says
    what was refused, then tries again on a fresh link: ``QueueReceiver`` and ``QueueSender`` do.

    Args:
        connection: a connection string.
        namespace: its whole host name, where a token is shown; a bare name is one of the public cloud.
        credential: whose token.

    Raises:
        ValueError: neither a connection string nor a namespace was given.
    """
    options: dict[str, Any] = {
        "retry_total": 0,
        "logging_enable": False,
        # One for all links: by itself each would read all certificates anew, 20 ms without anything else.
        "ssl_context": ssl.create_default_context(cafile=certifi.where()),
    }
    if connection is not None:
        async with ServiceBusClient.from_connection_string(
            connection.get_secret_value(), **options
        ) as client:
            yield client
        return
    if namespace is None:
        raise ValueError("STARTGATE_SERVICEBUS_CONNECTION or STARTGATE_SERVICEBUS_NAMESPACE has to be set")
    async with (
        credential.open() as identity,
        ServiceBusClient(Cloud.PUBLIC.namespace_host(namespace), identity, **options) as client,
    ):
        yield client
