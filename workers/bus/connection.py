"""A Service Bus client from the settings: a connection string, or a namespace and the managed identity."""

from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.servicebus.aio import ServiceBusClient
from pydantic import SecretStr

STARTS = "starts"
WORK = "work"
NOTICES = "notices"

SOCKET_TIMEOUT_S = 0.01
"""A receiver's or sender's reads hold the link's lock for as long as this; the SDK's 0.2 s makes settling
stall behind them. It only takes effect where a link is made, not on the client."""


def connect(
    *,
    connection: SecretStr | None,
    namespace: str | None,
    credential: AsyncTokenCredential | None = None,
) -> ServiceBusClient:
    """A client that keeps trying while the broker is away, instead of raising after three attempts.

    Raises:
        ValueError: neither a connection string nor a namespace with a credential was given.
    """
    patient: dict[str, Any] = {
        "retry_total": 30,
        "retry_backoff_factor": 0.2,
        "retry_backoff_max": 3,
        "logging_enable": False,
    }
    if connection is not None:
        return ServiceBusClient.from_connection_string(connection.get_secret_value(), **patient)
    if namespace is None or credential is None:
        raise ValueError("a namespace needs a credential")
    host = namespace if "." in namespace else f"{namespace}.servicebus.windows.net"
    return ServiceBusClient(host, credential, **patient)
