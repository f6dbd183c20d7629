"""A Service Bus client from the settings: a connection string, or a namespace and the managed identity."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import certifi
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from pydantic import SecretStr
from typing_extensions import override

from workers.bus.opening import reading_on

STARTS = "starts"
WORK = "work"
NOTICES = "notices"

SOCKET_TIMEOUT_S = 0.06
"""A receiver's or sender's reads hold the link's lock for as long as this; the SDK's 0.2 s makes settling
stall behind them. A receiver with nothing under way looks longer (``turns``). It only takes effect where a
link is made, not on the client."""


class _Client(ServiceBusClient):
    """The SDK's, whose links open as fast as the broker answers."""

    @override
    def get_queue_receiver(self, queue_name: str, **given: Any) -> ServiceBusReceiver:
        return reading_on(super().get_queue_receiver(queue_name, **given))

    @override
    def get_queue_sender(self, queue_name: str, **given: Any) -> ServiceBusSender:
        return reading_on(super().get_queue_sender(queue_name, **given))


@contextlib.asynccontextmanager
async def connected(
    *, connection: SecretStr | None, namespace: str | None, retries: int = 30
) -> AsyncIterator[ServiceBusClient]:
    """A client that keeps trying while the broker is away, instead of raising after three attempts.

    Args:
        connection: a connection string.
        namespace: its name, or its whole host name, for the managed identity.
        retries: attempts after the first; 0 where a person waits for the answer.

    Raises:
        ValueError: neither a connection string nor a namespace was given.
    """
    patient: dict[str, Any] = {
        "retry_total": retries,
        "retry_backoff_factor": 0.2,
        "retry_backoff_max": 3,
        "logging_enable": False,
        # One for all links: by itself each would read all certificates anew, 20 ms without anything else.
        "ssl_context": ssl.create_default_context(cafile=certifi.where()),
    }
    if connection is not None:
        async with _Client.from_connection_string(connection.get_secret_value(), **patient) as client:
            yield client
        return
    if namespace is None:
        raise ValueError("STARTGATE_SERVICEBUS_CONNECTION or STARTGATE_SERVICEBUS_NAMESPACE has to be set")
    # Only who uses a managed identity pays for importing azure-identity (0.2 s).
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - see above

    host = namespace if "." in namespace else f"{namespace}.servicebus.windows.net"
    async with (
        DefaultAzureCredential() as credential,
        _Client(host, credential, **patient) as client,
    ):
        yield client
