"""The way over TLS, which the client takes for every namespace that is no emulator: port 5671, no other."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import certifi
import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError
from pydantic import SecretStr

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.auth.certificate import AMQPS_PORT
from deploy.sandbox.servicebus.server import BusServer
from tests.contract.servicebus.rig import MARKS, QUEUES, only, texts
from workers.bus.connection import connected
from workers.bus.sender import QueueSender

pytestmark = MARKS


@pytest_asyncio.fixture(loop_scope="package")
async def secure() -> AsyncIterator[BusServer]:
    """A server on the one port that the client knows; another run of these tests may still hold it."""
    server = BusServer(queues=QUEUES, tls_port=AMQPS_PORT)
    async with asyncio.timeout(60):
        while True:
            try:
                await server.start()
                break
            except OSError:
                await server.stop()
                await asyncio.sleep(0.5)
    yield server
    await server.stop()


async def _sends_and_receives(client: ServiceBusClient) -> None:
    async with client, client.get_queue_sender("plain") as sender:
        await sender.send_messages(ServiceBusMessage("x" * 100_000))
        async with client.get_queue_receiver("plain", max_wait_time=PATIENCE_S) as receiver:
            (got,) = await only(receiver)
            assert texts([got]) == ["x" * 100_000]
            await receiver.complete_message(got)


async def test_a_client_that_trusts_the_certificate_works_over_tls(secure: BusServer) -> None:
    context = ssl.create_default_context(cafile=str(secure.certificate))
    await _sends_and_receives(
        ServiceBusClient.from_connection_string(secure.tls_connection, ssl_context=context, retry_total=0)
    )
    await _sends_and_receives(
        ServiceBusClient.from_connection_string(
            secure.tls_connection, connection_verify=str(secure.certificate), retry_total=0
        )
    )
    assert secure.ready()["certificate"] == str(secure.certificate)


async def test_the_product_s_client_takes_the_way_over_tls(
    secure: BusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(secure.certificate))
    async with connected(connection=SecretStr(secure.tls_connection), namespace=None) as client:
        sender = QueueSender(client, "plain")
        await sender.send([ServiceBusMessage("over TLS")])
        await sender.close()
        async with client.get_queue_receiver("plain", max_wait_time=PATIENCE_S) as receiver:
            assert texts(await only(receiver)) == ["over TLS"]


async def test_a_client_that_does_not_trust_the_certificate_does_not_connect(secure: BusServer) -> None:
    async with ServiceBusClient.from_connection_string(secure.tls_connection, retry_total=0) as client:
        with pytest.raises(ServiceBusError):
            await client.get_queue_sender("plain").__aenter__()
